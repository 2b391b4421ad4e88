// SPDX-License-Identifier: MIT
// Logarithm and power to base 2 in double precision: constexpr, the same bits on every instruction set and library.
#pragma once

#include <cstdint>

#include "octavo/core/round.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

/// log2 x within 2^-50 of max(1, |log2 x|); -infinity for 0, NaN for NaN and below 0. Pre: x is finite and no denormal.
[[nodiscard, gnu::always_inline]] constexpr double log2_of(double x) noexcept {
  if (!(x > 0)) { return x == 0 ? -__builtin_inf() : __builtin_nan(""); }
  auto const u = __builtin_bit_cast(std::uint64_t, x);
  int e = static_cast<int>(u >> 52) - 1023;
  auto m = __builtin_bit_cast(double, (u & 0xfffffffffffffu) | 0x3ff0000000000000u);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++e;
  }
  // log m = 2 atanh z, a series in z with |z| < 0.172
  double const z = (m - 1.0) / (m + 1.0);
  double const zz = z * z;
  double sum = 0;
  for (int k = 25; k >= 1; k -= 2) { sum = opaque(sum * zz) + 1.0 / k; }
  return opaque(2.0 * 1.4426950408889634 * z * sum) + e;
}

/// 2^x within 2^-50 of itself. Pre: 0 <= x <= 1.
[[nodiscard, gnu::always_inline]] constexpr double exp2_of(double x) noexcept {
  double const y = x * 0.6931471805599453;
  double sum = 1;
  for (int k = 20; k >= 1; --k) { sum = opaque(sum * y / k) + 1.0; }
  return sum;
}

}  // namespace detail
}  // namespace v0
}  // namespace octavo
