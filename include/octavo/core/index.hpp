// SPDX-License-Identifier: MIT
// Signed indices and the extent arithmetic that refuses to overflow.
#pragma once

#include <cstddef>

#include "octavo/core/error.hpp"

namespace octavo {
inline namespace v0 {

/// Extents, strides and positions are signed, as Eigen's are.
using index = std::ptrdiff_t;

/// The smaller and the larger of two extents.
[[nodiscard, gnu::always_inline]] constexpr index smaller(index a, index b) noexcept { return b < a ? b : a; }
[[nodiscard, gnu::always_inline]] constexpr index larger(index a, index b) noexcept { return b > a ? b : a; }

/// The smallest n with n * step >= value. Pre: value >= 0, step > 0.
[[nodiscard, gnu::always_inline]] constexpr index ceil_div(index value, index step) noexcept {
  return value / step + (value % step != 0 ? 1 : 0);
}

/// The smallest multiple of `step` that is at least `value`; fails instead of overflowing.
[[nodiscard, gnu::always_inline]] constexpr index round_up(index value, index step) {
  index result = 0;
  if (__builtin_mul_overflow(ceil_div(value, step), step, &result)) {
    detail::fail("extents: rounding up overflows the address space. Use smaller extents.");
  }
  return result;
}

/// The product of extents; fails when it does not fit the address space.
template <class... Rest>
[[nodiscard, gnu::always_inline]] constexpr index product(index first, Rest... rest) {
  index result = first;
  bool overflow = false;
  ((overflow = __builtin_mul_overflow(result, static_cast<index>(rest), &result) || overflow), ...);
  if (overflow) { detail::fail("extents: their product overflows the address space. Use smaller extents."); }
  return result;
}

}  // namespace v0
}  // namespace octavo
