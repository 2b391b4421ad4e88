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
          minimum[r] = load_minima<A, layout>(w, s, 0, first_row + r * L);
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

/// Segments between asking memory for minima and adding them.
inline constexpr index minima_ahead = 8;

/// A step of begin_sums for T tokens and P whole panels, the first of them `offset` bytes behind that of w: asks for
/// the minima of segment s, and adds those of the segments from `begun` on that were asked for long enough before, at
/// the last segment all; returns how many have been added. Pre: sums, [token][panel][row], are 0 before the first step.
template <class Weights, int T, int R, int P>
[[nodiscard, gnu::always_inline]] inline index begin_segment(weight_stream const& w, token_block<Weights> const& x,
                                                             index offset, index s, index begun,
                                                             float* sums) noexcept {
  using A = typename Weights::arch;
  using layout = typename Weights::layout;
  using detail::unroll;
  constexpr int L = simd::lanes<A>;
  constexpr int lines = static_cast<int>(layout::scale_bytes / 64);
  unroll<P>([&](int p) __attribute__((always_inline)) {
    index const panel = offset + p * w.panel_stride;
    unroll<lines>([&](int i) __attribute__((always_inline)) {
      __builtin_prefetch(w.minima_of<layout>(s) + panel + i * 64);
      if constexpr (layout::real_zeros) { __builtin_prefetch(w.params_of(s) + panel + i * 64); }
    });
    if constexpr (layout::two_level) {  // a line in each of the segments that share
      constexpr index size = round_up(layout::shared_bytes, 64);
      __builtin_prefetch(w.shared_of<layout>(s) + panel + s * 64 % size);
    }
  });
  index const until = s + 1 < w.segments ? s + 1 - minima_ahead : w.segments;
  for (; begun < until; ++begun) {
    unroll<P>([&](int p) __attribute__((always_inline)) {
      unroll<R>([&](int r) __attribute__((always_inline)) {
        auto const minimum = load_minima<A, layout>(w, begun, offset + p * w.panel_stride, r * L);
        unroll<T>([&](int t) __attribute__((always_inline)) {
          simd::floats<A> const a(x.sums[begun * x.start_stride + t]);
          float* const sum = sums + ((t * P + p) * R + r) * L;
          simd::fused<A>(a, minimum, simd::load_floats<A>(sum)).store_unaligned(sum);
        });
      });
    });
  }
  return begun;
}

/// begin_sums of P whole panels, which come from memory.
template <class Weights, int T, int R, int P>
[[gnu::noinline]] void begin_panels(weight_stream const& w, token_block<Weights> const& x, float* sums) noexcept {
  std::memset(sums, 0, static_cast<std::size_t>(T * P * panel_rows) * sizeof(float));
  if constexpr (Weights::layout::minima) {
    index begun = 0;
    for (index s = 0; s < w.segments; ++s) { begun = begin_segment<Weights, T, R, P>(w, x, 0, s, begun, sums); }
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
