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

/// Bursts whose halves int32 holds: 65 535 times as many is below 2^31.
inline constexpr index fixed_bursts = 32768;

/// sums[t][row] of T tokens and R registers of rows: the exact sum over pairs of columns. `codes` are those of the
/// first row in the first pair, tokens are `stride` words apart. What a burst sums is cut into two halves of 16 bits,
/// and these are summed in int32 again (the upper one above -2^31, so that it is unsigned), then all in int64.
template <class A, int T, int R>
void fixed_tile(std::byte const* codes, std::int16_t const* tokens, index stride, index pairs, index burst,
                std::int64_t* sums) noexcept {
  using detail::unroll;
  using ints = simd::ints<A>;
  constexpr int L = simd::lanes<A>;
  constexpr auto count = static_cast<std::size_t>(T * R);
  for (int i = 0; i < T * R * L; ++i) { sums[i] = 0; }
  for (index p = 0; p < pairs;) {
    ints low[count];
    ints high[count];
    unroll<T * R>([&](int i) __attribute__((always_inline)) { low[i] = high[i] = ints(0); });
    index bursts = 0;
    for (; p < pairs && bursts < fixed_bursts; ++bursts) {
      ints acc[count];
      unroll<T * R>([&](int i) __attribute__((always_inline)) { acc[i] = ints(0); });
      for (index const end = smaller(p + burst, pairs); p < end; ++p) {
        ints w[static_cast<std::size_t>(R)];
        unroll<R>([&](int r) __attribute__((always_inline)) {
          w[r] = simd::load_ints<A>(codes + p * fixed_matrix_view::pair_bytes + r * L * 4);
        });
        unroll<T>([&](int t) __attribute__((always_inline)) {
          auto const x = simd::broadcast4<A>(tokens + t * stride + 2 * p);
          unroll<R>([&](int r) __attribute__((always_inline)) {
            acc[t * R + r] = simd::dot_words<A>(acc[t * R + r], w[r], x);
          });
        });
      }
      unroll<T * R>([&](int i) __attribute__((always_inline)) {
        low[i] = low[i] + simd::bit_and<A>(acc[i], 0xffffu);
        high[i] = high[i] + simd::shift_right<16, A>(simd::bit_xor<A>(acc[i], 0x80000000u));
      });
    }
    std::int64_t const above = bursts * (std::int64_t{1} << 31);
    unroll<T * R>([&](int i) __attribute__((always_inline)) {
      alignas(64) std::int32_t halves[2][static_cast<std::size_t>(L)];
      low[i].store_unaligned(halves[0]);
      high[i].store_unaligned(halves[1]);
      for (int l = 0; l < L; ++l) {
        sums[i * L + l] += std::int64_t{halves[1][l]} * 65536 + std::int64_t{halves[0][l]} - above;
      }
    });
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
