// SPDX-License-Identifier: MIT
// What the sums of a tile begin with: 0, or what the minima of affine_min add.
#pragma once

#include <cstddef>
#include <cstring>

#include "octavo/core/unroll.hpp"
#include "octavo/kernel/scales.hpp"
#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// sums[t][r] = fma(sum of the activations of token t in segment s, minimum of row r in s, sums[t][r]) from 0, over
/// segments s, ascending; all before the first product. 0 for quantizers without minima.
///
/// R registers of rows from `first_row` of a panel; `stride` floats from token to token.
template <class Weights, int R>
[[gnu::noinline]] void begin_sums(weight_stream const& w, token_block<Weights> const& x, index first_row,
                                  index tokens, float* sums, index stride) noexcept {
  using A = typename Weights::arch;
  using layout = typename Weights::layout;
  using detail::unroll;
  constexpr int L = simd::lanes<A>;
  if constexpr (!layout::minima) {
    for (index t = 0; t < tokens; ++t) {
      std::memset(sums + t * stride, 0, static_cast<std::size_t>(R * L) * sizeof(float));
    }
  } else {
    auto const pass = [&](auto count, index t) __attribute__((always_inline)) {
      constexpr int T = count();
      simd::floats<A> total[static_cast<std::size_t>(T * R)];
      unroll<T * R>([&](int i) __attribute__((always_inline)) { total[i] = simd::floats<A>(0.0f); });
      for (index s = 0; s < w.segments; ++s) {
        simd::floats<A> minimum[static_cast<std::size_t>(R)];
        unroll<R>([&](int r) __attribute__((always_inline)) {
          minimum[r] = load_minima<A, layout>(w, s, first_row + r * L);
        });
        unroll<T>([&](int j) __attribute__((always_inline)) {
          simd::floats<A> const a(x.sums[s * x.start_stride + t + j]);
          unroll<R>([&](int r) __attribute__((always_inline)) {
            total[j * R + r] = simd::fused<A>(a, minimum[r], total[j * R + r]);
          });
        });
      }
      unroll<T * R>([&](int i) __attribute__((always_inline)) {
        total[i].store_unaligned(sums + (t + i / R) * stride + i % R * L);
      });
    };
    // As many tokens as registers hold sums of: they share what loading minima takes.
    constexpr int room = detail::is_avx512<A> || detail::is_neon<A> ? 24 : 8;
    constexpr int together = detail::is_scalar<A> ? 1 : larger(room / R, 1);
    index t = 0;
    for (; t + together <= tokens; t += together) { pass(detail::constant<together>{}, t); }
    for (; t < tokens; ++t) { pass(detail::constant<1>{}, t); }
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
