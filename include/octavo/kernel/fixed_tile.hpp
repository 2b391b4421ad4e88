// SPDX-License-Identifier: MIT
// Products of fixed point: pairs of words, exact in int32 for as long as it holds, then in int64.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octavo/core/unroll.hpp"
#include "octavo/format/fixed_point.hpp"
#include "octavo/simd/dot.hpp"
#include "octavo/storage/fixed_matrix.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Pairs of products that int32 holds, of weights down to -2^(WL - 1) by activations whose lowest code is not in use:
/// 2 n 2^(WL_w - 1) (2^(WL_x - 1) - 1) < 2^31. At 16 by 16 bits one, at 12 by 12 bits 256, at 8 by 8 bits 66 052.
[[nodiscard, gnu::always_inline]] constexpr index fixed_burst(fixed_point w, fixed_point x) noexcept {
  std::int64_t const pair = (std::int64_t{2} << (w.word_length - 1)) * ((std::int64_t{1} << (x.word_length - 1)) - 1);
  return static_cast<index>(std::int64_t{0x7fffffff} / pair);
}

/// sums[t][row] of T tokens and R registers of rows: the exact sum over pairs of columns. `codes` are those of the first row
/// in the first pair, tokens are `stride` words apart.
template <class A, int T, int R>
void fixed_tile(std::byte const* codes, std::int16_t const* tokens, index stride, index pairs, index burst,
                std::int64_t* sums) noexcept {
  using detail::unroll;
  using ints = simd::ints<A>;
  constexpr int L = simd::lanes<A>;
  constexpr auto count = static_cast<std::size_t>(T * R);
  for (int i = 0; i < T * R * L; ++i) { sums[i] = 0; }
  for (index first = 0; first < pairs; first += burst) {
    index const end = smaller(first + burst, pairs);
    ints acc[count];
    unroll<T * R>([&](int i) __attribute__((always_inline)) { acc[i] = ints(0); });
    for (index p = first; p < end; ++p) {
      ints w[static_cast<std::size_t>(R)];
      unroll<R>([&](int r) __attribute__((always_inline)) {
        w[r] = simd::load_ints<A>(codes + p * fixed_matrix::pair_bytes + r * L * 4);
      });
      unroll<T>([&](int t) __attribute__((always_inline)) {
        auto const x = simd::broadcast4<A>(tokens + t * stride + 2 * p);
        unroll<R>([&](int r) __attribute__((always_inline)) {
          acc[t * R + r] = simd::dot_words<A>(acc[t * R + r], w[r], x);
        });
      });
    }
    alignas(64) std::int32_t parts[static_cast<std::size_t>(L)];
    unroll<T * R>([&](int i) __attribute__((always_inline)) {
      acc[i].store_unaligned(parts);
      for (int l = 0; l < L; ++l) { sums[i * L + l] += std::int64_t{parts[l]}; }
    });
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
