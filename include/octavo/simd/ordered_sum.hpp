// SPDX-License-Identifier: MIT
// The sum of |x| as doubles, one number after the other; the same bits from several chains at once.
#pragma once

#include <cstdint>
#include <cstring>

#include "octavo/core/add_sizes.hpp"
#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace simd {

/// add_sizes of n numbers, by vectors where there are such.
template <class A>
class ordered_sum {
 public:
  [[nodiscard, gnu::always_inline]] static double add(double sum, float const* x, index n) noexcept {
    return octavo::detail::add_sizes(sum, x, x + n);
  }
};

#if defined(__AVX512F__)

/// While a sum is between 2^e and 2^(e+1), what it takes is rounded to multiples of one quantum, each number by itself
/// unless it is a tie, and sums of multiples are exact in any order. So lanes that begin at 2^e take turns at the
/// numbers, and what they have above it is the sum. Sixteen numbers with a tie among them, which goes to the even sum,
/// are added one after the other; so is a block whose sum ends at 2^(e+1) or beyond, or is no number.
template <class A>
  requires octavo::detail::is_avx512<A>
class ordered_sum<A> {
  static constexpr index longest_block = 256;

 public:
  [[nodiscard]] static double add(double sum, float const* x, index n) noexcept {
    while (n >= 16) {
      index const block = smaller(n - n % 16, longest_block);
      sum = add_block(sum, x, block);
      x += block;
      n -= block;
    }
    return octavo::detail::add_sizes(sum, x, x + n);
  }

 private:
  /// Pre: n is a multiple of 16.
  [[gnu::always_inline]] static double add_block(double const before, float const* x, index n) noexcept {
    auto const begin = __builtin_bit_cast(double, __builtin_bit_cast(std::uint64_t, before) >> 52 << 52);
    auto const start = _mm512_set1_pd(begin);
    auto const half = _mm512_set1_epi64(__builtin_bit_cast(std::int64_t, begin * 0x1p-53));
    auto const size = _mm512_set1_epi64(0x7fffffffffffffff);
    double sum = before;
    __m512d a = start;
    __m512d b = start;
    auto const above = [start](__m512d lanes) __attribute__((always_inline)) { return _mm512_sub_pd(lanes, start); };
    for (index i = 0; i < n; i += 16) {
      auto const low = number(x + i);
      auto const high = number(x + i + 8);
      auto const next_a = _mm512_add_pd(a, low);
      auto const next_b = _mm512_add_pd(b, high);
      auto const rest_a = _mm512_castpd_si512(_mm512_sub_pd(low, _mm512_sub_pd(next_a, a)));
      auto const rest_b = _mm512_castpd_si512(_mm512_sub_pd(high, _mm512_sub_pd(next_b, b)));
      auto const ties = static_cast<unsigned>(_mm512_cmpeq_epi64_mask(_mm512_and_si512(rest_a, size), half)) |
                        static_cast<unsigned>(_mm512_cmpeq_epi64_mask(_mm512_and_si512(rest_b, size), half));
      if (ties == 0) {
        a = next_a;
        b = next_b;
      } else {
        sum = octavo::detail::add_sizes(sum + total(_mm512_add_pd(above(a), above(b))), x + i, x + i + 16);
        a = start;
        b = start;
      }
    }
    sum += total(_mm512_add_pd(above(a), above(b)));
    return sum < begin + begin ? sum : octavo::detail::add_sizes(before, x, x + n);
  }
  [[gnu::always_inline]] static __m512d number(float const* x) noexcept {
    auto const each = _mm256_and_ps(_mm256_loadu_ps(x), _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff)));
    return _mm512_maskz_cvtps_pd(0xff, each);
  }
  [[gnu::always_inline]] static double total(__m512d x) noexcept {
    double each[8];
    std::memcpy(each, &x, sizeof x);
    return ((each[0] + each[1]) + (each[2] + each[3])) + ((each[4] + each[5]) + (each[6] + each[7]));
  }
};

#endif

}  // namespace simd
}  // namespace v0
}  // namespace octavo
