// SPDX-License-Identifier: MIT
// Two's complement and unsigned integers of 2 to 8 bits: int8 int4 int2 uint8 uint4 uint2.
#pragma once

#include "octavo/core/round.hpp"
#include "octavo/format/concept.hpp"

namespace octavo {
inline namespace v0 {

/// Two's complement integer of B bits.
///
///     int8  s i i i i i i i     -128 ... 127
///     int4          s i i i       -8 ... 7
///     int2              s i       -2 ... 1
template <int B>
struct sint {
  static_assert(B >= 2 && B <= 8, "Octavo: sint has 2 to 8 bits.");
  static constexpr int bits = B;
  static constexpr int lowest = -(1 << (B - 1));
  static constexpr int highest = (1 << (B - 1)) - 1;
  [[gnu::always_inline]] static constexpr float decode(code c) noexcept {
    int const v = c & ((1 << B) - 1);
    return static_cast<float>(v > highest ? v - (1 << B) : v);
  }
  /// Ties to even, saturating; NaN gives `lowest`.
  [[gnu::always_inline]] static constexpr code encode(float x) noexcept {
    float const r = detail::round_even(detail::clamp(x, static_cast<float>(lowest), static_cast<float>(highest)));
    return static_cast<code>(static_cast<int>(r) & ((1 << B) - 1));
  }
};

/// Unsigned integer of B bits: 0 ... 2^B - 1.
template <int B>
struct uint {
  static_assert(B >= 1 && B <= 8, "Octavo: uint has 1 to 8 bits.");
  static constexpr int bits = B;
  static constexpr int lowest = 0;
  static constexpr int highest = (1 << B) - 1;
  [[gnu::always_inline]] static constexpr float decode(code c) noexcept { return static_cast<float>(c & highest); }
  /// Ties to even, saturating; NaN gives 0.
  [[gnu::always_inline]] static constexpr code encode(float x) noexcept {
    return static_cast<code>(static_cast<int>(detail::round_even(detail::clamp(x, 0.0f, float{highest}))));
  }
};

using int8 = sint<8>;
using int4 = sint<4>;
using int2 = sint<2>;
using uint8 = uint<8>;
using uint4 = uint<4>;
using uint2 = uint<2>;

}  // namespace v0
}  // namespace octavo
