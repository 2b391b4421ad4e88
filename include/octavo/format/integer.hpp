// SPDX-License-Identifier: MIT
// Integers of 2 to 8 bits, two's complement and unsigned; ternary; fixed point.
#pragma once

#include "octavo/core/round.hpp"
#include "octavo/format/concept.hpp"

namespace octavo {
inline namespace v0 {

/// Two's complement integer of B bits.
///
///     int8  s i i i i i i i     -128 ... 127
///     int6      s i i i i i      -32 ... 31
///     int5        s i i i i      -16 ... 15
///     int4          s i i i       -8 ... 7
///     int3            s i i       -4 ... 3
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

/// -1, 0 and 1 as code - 1 in two bits, the weights of BitNet b1.58. Code 3 is not in use: encode never gives it, and
/// it decodes to 2, so that codes are consecutive integers, which kernels unpack without a lookup (and TQ2_0 of ggml is
/// equal).
///
///     ternary           t t     0: -1   1: 0   2: 1
struct ternary {
  static constexpr int bits = 2;
  static constexpr int codes = 3;
  [[gnu::always_inline]] static constexpr float decode(code c) noexcept { return static_cast<float>((c & 3) - 1); }
  /// Ties to even, that is to 0; saturating; NaN gives -1.
  [[gnu::always_inline]] static constexpr code encode(float x) noexcept {
    return static_cast<code>(1 + static_cast<int>(detail::round_even(detail::clamp(x, -1.0f, 1.0f))));
  }
};

/// Fixed point: two's complement of B bits in units of 2^-L.
///
///     fixed<8, 6>  s i f f f f f f     -2 ... 127/64: the elements of MXINT8
template <int B, int L>
struct fixed {
  static_assert(B >= 2 && B <= 8 && L >= 0 && L <= 10,
                "Octavo: fixed<B, L> has 2 to 8 bits, and units of 2^0 to 2^-10.");
  static constexpr int bits = B;
  [[gnu::always_inline]] static constexpr float decode(code c) noexcept {
    return sint<B>::decode(c) * detail::power_of_two(-L);
  }
  /// Ties to even, saturating; NaN gives the lowest.
  [[gnu::always_inline]] static constexpr code encode(float x) noexcept {
    constexpr float beyond = detail::power_of_two(B - L);
    return sint<B>::encode(detail::clamp(x, -beyond, beyond) *
                           detail::power_of_two(L));  // of NaN clang 14 has no product
  }
};

using int8 = sint<8>;
using int6 = sint<6>;
using int5 = sint<5>;
using int4 = sint<4>;
using int3 = sint<3>;
using int2 = sint<2>;
using uint8 = uint<8>;
using uint6 = uint<6>;
using uint5 = uint<5>;
using uint4 = uint<4>;
using uint3 = uint<3>;
using uint2 = uint<2>;

}  // namespace v0
}  // namespace octavo
