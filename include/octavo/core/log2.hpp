// SPDX-License-Identifier: MIT
// The binary logarithm of one number, the same bits on every machine.
#pragma once

#include <cstdint>

namespace octavo {
inline namespace v0 {
namespace detail {

/// log2 x, error below 1e-13. By the series of (1 + s) / (1 - s), whose every step is one rounding. Pre: x > 0, finite and
/// not denormal. 0 gives -infinity, NaN gives NaN.
[[nodiscard, gnu::always_inline]] inline double log2(double x) noexcept {
  if (!(x > 0)) { return x == 0 ? -__builtin_inf() : __builtin_nan(""); }
  constexpr std::uint64_t root_half = 0x3fe6a09e667f3bcd;
  auto const bits = __builtin_bit_cast(std::uint64_t, x);
  auto const e = static_cast<std::int64_t>(bits - root_half) >> 52;
  auto const m =
      __builtin_bit_cast(double, bits - (static_cast<std::uint64_t>(e) << 52));  // sqrt(1/2) <= m < sqrt(2)
  double const s = (m - 1) / (m + 1);                                            // |s| < 0.172
  double const square = s * s;
  double sum = 1.0 / 15;
  for (int n = 13; n > 0; n -= 2) { sum = __builtin_fma(sum, square, 1.0 / n); }
  return __builtin_fma(s * 2.8853900817779268, sum, static_cast<double>(e));  // 2 / ln 2
}

}  // namespace detail
}  // namespace v0
}  // namespace octavo
