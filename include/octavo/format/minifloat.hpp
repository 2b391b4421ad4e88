// SPDX-License-Identifier: MIT
// Small floating-point formats by one formula: e4m3 e5m2 e2m1.
#pragma once

#include <cstdint>

#include "octavo/core/round.hpp"
#include "octavo/format/concept.hpp"

namespace octavo {
inline namespace v0 {

/// Which codes of a minifloat are not numbers (OCP OFP8 2023, OCP MX 2023).
enum class specials {
  none,  ///< every code is finite (FP4, FP6)
  nan,   ///< all ones is NaN, no infinity (E4M3)
  ieee   ///< the top exponent holds infinity and NaN (E5M2)
};

/// Sign, E exponent bits, M mantissa bits, bias 2^(E-1) - 1, with subnormals.
///
///     e4m3  s e e e e m m m   2^-9 ... 448,   S.1111.111 is NaN
///     e5m2  s e e e e e m m   2^-16 ... 57344, infinities and NaN
///     e2m1          s e e m   0 .5 1 1.5 2 3 4 6 and their negatives
///
/// value = (-1)^s 2^(e - bias) (1 + m / 2^M), and (-1)^s 2^(1 - bias) m / 2^M for e = 0.
template <int E, int M, specials S>
struct minifloat {
  static_assert(E >= 1 && M >= 0 && 1 + E + M <= 8, "Octavo: a minifloat has at most 8 bits.");
  static constexpr int bits = 1 + E + M;
  static constexpr int bias = (1 << (E - 1)) - 1 + (E == 1 ? 1 : 0);
  static constexpr int sign_bit = 1 << (E + M);
  static constexpr int nan_code = sign_bit - 1;
  /// Code of the largest finite value.
  static constexpr int largest_code = sign_bit - 1 - (S == specials::nan ? 1 : S == specials::ieee ? 1 << M : 0);

  [[gnu::always_inline]] static constexpr float decode(code c) noexcept {
    int const mag = c & (sign_bit - 1);
    int const e = mag >> M;
    int const m = mag & ((1 << M) - 1);
    float value = 0;
    if (mag > largest_code) {
      value = S == specials::ieee && m == 0 ? __builtin_inff() : __builtin_nanf("");
    } else if (e == 0) {
      value = static_cast<float>(m) * detail::power_of_two(1 - bias - M);
    } else {
      value = static_cast<float>((1 << M) + m) * detail::power_of_two(e - bias - M);
    }
    return (c & sign_bit) != 0 ? -value : value;
  }

  /// Nearest value, ties to even, saturating to the largest finite value (infinities too). The sign of zero is
  /// kept. NaN gives NaN, or 0 in a format that has none.
  [[gnu::always_inline]] static constexpr code encode(float x) noexcept {
    auto const u = __builtin_bit_cast(std::uint32_t, x);
    int const sign = (u >> 31) != 0 ? sign_bit : 0;
    std::uint32_t const mag = u & 0x7fffffffu;
    if (mag > 0x7f800000u) { return static_cast<code>(S == specials::none ? 0 : sign | nan_code); }
    float const a = __builtin_bit_cast(float, mag);
    constexpr float largest = decode(static_cast<code>(largest_code));
    if (a >= largest) { return static_cast<code>(sign | largest_code); }
    if (mag == 0) { return static_cast<code>(sign); }
    int const low = 1 - bias;
    int const e = detail::floor_log2(a) > low ? detail::floor_log2(a) : low;
    // a / quantum is exact: the quantum is a power of two, and a is below the largest value.
    int const k = static_cast<int>(detail::round_even(a * detail::power_of_two(M - e)));
    int const c = k + ((e - low) << M);  // a carry out of the mantissa is the next exponent
    return static_cast<code>(sign | (c < largest_code ? c : largest_code));
  }
};

using e4m3 = minifloat<4, 3, specials::nan>;
using e5m2 = minifloat<5, 2, specials::ieee>;
using e2m1 = minifloat<2, 1, specials::none>;

}  // namespace v0
}  // namespace octavo
