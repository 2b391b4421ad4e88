// SPDX-License-Identifier: MIT
// Small floating-point formats by one formula: FP8, FP6 and FP4.
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

/// What becomes of numbers that round to more than the largest, and of infinity.
enum class overflow {
  saturate,  ///< the largest finite value of their sign
  special    ///< NaN, or infinity where there is one: the casts of PyTorch and ml_dtypes
};

/// Sign, E exponent bits, M mantissa bits, bias 2^(E-1) - 1, with subnormals.
///
///     e4m3  s e e e e m m m   2^-9 ... 448,   S.1111.111 is NaN
///     e5m2  s e e e e e m m   2^-16 ... 57344, infinities and NaN
///     e3m4  s e e e m m m m   2^-6 ... 31
///     e2m5  s e e m m m m m   2^-5 ... 7.875
///     e3m2      s e e e m m   2^-4 ... 28
///     e2m3      s e e m m m   2^-3 ... 7.5
///     e3m0          s e e e   0 .25 .5 1 2 4 8 16 and their negatives
///     e2m1          s e e m   0 .5 1 1.5 2 3 4 6
///     e1m2          s e m m   0 .5 1 1.5 2 2.5 3 3.5
///
/// value = (-1)^s 2^(e - bias) (1 + m / 2^M), and (-1)^s 2^(1 - bias) m / 2^M for e = 0.
///
/// LLM-FP4 (Liu 2023) writes its formats with a real bias b in place of ours, all codes finite: its
/// value is 2^(bias - b) times this one, which is a scale. So in its unit 2^-b, e1m2 counts 1, e2m1 2, e3m0 8.
template <int E, int M, specials S, overflow O = overflow::saturate>
struct minifloat {
  static_assert(E >= 1 && M >= 0 && 1 + E + M <= 8, "Octavo: a minifloat has at most 8 bits.");
  static_assert(O == overflow::saturate || S != specials::none,
                "Octavo: a minifloat whose codes are all finite saturates.");
  static constexpr int bits = 1 + E + M;
  static constexpr int mantissa_bits = M;
  static constexpr int bias = (1 << (E - 1)) - 1;
  static constexpr int sign_bit = 1 << (E + M);
  static constexpr int nan_code = sign_bit - 1;
  /// Code of the largest finite value; the next one is infinity or NaN.
  static constexpr int largest_code = sign_bit - 1 - (S == specials::nan ? 1 : S == specials::ieee ? 1 << M : 0);
  /// What encode gives numbers above it, less their sign.
  static constexpr int overflow_code = O == overflow::saturate ? largest_code : largest_code + 1;
  static constexpr bool has_nan = S != specials::none;

  [[gnu::always_inline]] static constexpr float decode(code c) noexcept {
    int const mag = c & (sign_bit - 1);
    float value = 0;
    if (mag > largest_code) {
      value = S == specials::ieee && mag == largest_code + 1 ? __builtin_inff() : __builtin_nanf("");
    } else {
      value = detail::minifloat_value<M>(mag, 1 - bias);
    }
    return (c & sign_bit) != 0 ? -value : value;
  }

  /// Nearest value, ties to even, overflow by the policy. The sign of zero is kept. NaN gives NaN, or 0 in a format
  /// that has none.
  [[gnu::always_inline]] static constexpr code encode(float x) noexcept {
    auto const u = __builtin_bit_cast(std::uint32_t, x);
    int const sign = (u >> 31) != 0 ? sign_bit : 0;
    std::uint32_t const mag = u & 0x7fffffffu;
    if (mag > 0x7f800000u) { return static_cast<code>(has_nan ? sign | nan_code : 0); }
    if (mag == 0x7f800000u) { return static_cast<code>(sign | overflow_code); }
    int const c = detail::minifloat_code<M>(__builtin_bit_cast(float, mag), 1 - bias);
    return static_cast<code>(sign | (c <= largest_code ? c : overflow_code));
  }
};

namespace detail {
template <class F>
inline constexpr bool is_minifloat = false;
template <int E, int M, specials S, overflow O>
inline constexpr bool is_minifloat<minifloat<E, M, S, O>> = true;
}  // namespace detail

using e4m3 = minifloat<4, 3, specials::nan>;
using e5m2 = minifloat<5, 2, specials::ieee>;
using e3m4 = minifloat<3, 4, specials::none>;
using e2m5 = minifloat<2, 5, specials::none>;
using e3m2 = minifloat<3, 2, specials::none>;
using e2m3 = minifloat<2, 3, specials::none>;
using e3m0 = minifloat<3, 0, specials::none>;
using e2m1 = minifloat<2, 1, specials::none>;
using e1m2 = minifloat<1, 2, specials::none>;

}  // namespace v0
}  // namespace octavo
