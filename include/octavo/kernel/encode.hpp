// SPDX-License-Identifier: MIT
// Numbers to codes of a format by vectors: the codes of F::encode for every float, by the structure of F.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "octavo/core/table.hpp"
#include "octavo/core/unroll.hpp"
#include "octavo/format/codebook.hpp"
#include "octavo/format/log2.hpp"
#include "octavo/format/minifloat.hpp"
#include "octavo/format/table.hpp"
#include "octavo/simd/lookup.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// How vectors encode F: integers (their ties are looked at, so a user's format of integers is one too), a minifloat, a
/// codebook or another format with `steps`, a logarithm. A format that is none of these is encoded by F::encode, one
/// number after the other.
enum class encoding { by_scalars, integers, minifloat, steps, logarithm };

template <number_format F>
inline constexpr encoding encoding_of = [] {
  if constexpr (detail::is_minifloat<F>) {
    return encoding::minifloat;
  } else if constexpr (detail::is_logarithmic<F>) {
    return encoding::logarithm;
  } else if constexpr (detail::stepped_format<F>) {
    return detail::steps_ascend<F> ? encoding::steps : encoding::by_scalars;
  } else {
    return encodes_as_integers<F> ? encoding::integers : encoding::by_scalars;
  }
}();
template <class F>
concept vector_format = encoding_of<F>
!= encoding::by_scalars;

/// x clamped to [low, high]; NaN becomes low.
template <class A>
[[nodiscard, gnu::always_inline]] inline simd::floats<A> clamp(simd::floats<A> x, float low, float high) noexcept {
  return simd::minimum<A>(simd::maximum<A>(x, simd::floats<A>(low)), simd::floats<A>(high));
}

/// Sum of significand and 2^23 / quantum is rounded to the quantum, ties to even, and its low bits are the code but for
/// the exponent, which the same sum has: what both together are above the code is part of the number added.
template <class A, class F, bool Bounded>
[[nodiscard, gnu::always_inline]] inline simd::ints<A> encode_minifloat(simd::floats<A> x,
                                                                        float most = largest_value<F>) noexcept {
  using ints = simd::ints<A>;
  constexpr int M = F::mantissa_bits;
  constexpr std::int32_t low = (128 - F::bias) << 23;
  constexpr int kept =
      (2 * F::sign_bit - 1) & (-(151 - F::bias - M) * (1 << M));  // even, so that ties stay what they are
  constexpr int even = kept & -2;
  auto const bits = simd::as_ints<A>(x);
  constexpr float beyond = detail::power_of_two(detail::floor_log2(largest_value<F>) + 1);  // and its code is
  auto const size = simd::smaller_size<A>(x, Bounded ? most : beyond);
  auto const power = simd::maximum<A>(simd::bit_and<A>(simd::as_ints<A>(size), 0x7f800000u), ints(low));
  auto const sum = simd::as_ints<A>(size + simd::as_floats<A>(power + ints(((23 - M) << 23) + even)));
  auto c = sum + simd::shift_right<23 - M, A>(sum);
  if constexpr (kept != even) { c = c + ints(1); }
  auto const sign = simd::shift_right<32 - F::bits, A>(bits);
  if constexpr (!Bounded) {
    c = simd::minimum<A>(simd::bit_and<A>(c, 2 * F::sign_bit - 1), ints(F::overflow_code));
    if constexpr (F::has_nan) { c = simd::where_nan<A>(x, ints(F::nan_code), c); }
  }
  c = simd::choose_bits<A>(F::sign_bit - 1, c, sign);
  if constexpr (!Bounded && !F::has_nan) { c = simd::where_nan<A>(x, ints(0), c); }
  return c;
}

/// The value of that code, by the same sum. Zeros are +0, or have their sign where `SignedZero`. Pre: x is within the
/// values of F, not NaN.
template <class A, class F, bool SignedZero>
[[nodiscard, gnu::always_inline]] inline simd::floats<A> round_to_minifloat(simd::floats<A> x) noexcept {
  using ints = simd::ints<A>;
  constexpr int M = F::mantissa_bits;
  constexpr std::int32_t low = (128 - F::bias) << 23;
  auto const bits = simd::as_ints<A>(x);
  auto const sign = simd::bit_and<A>(bits, 0x80000000u);
  auto const power = simd::maximum<A>(simd::bit_and<A>(bits, 0x7f800000u), ints(low));
  auto const magic = simd::as_floats<A>(simd::bit_or<A>(power + ints((23 - M) << 23), sign));
  auto const value = simd::opaque<A>(x + magic) - magic;
  if constexpr (SignedZero) { return simd::as_floats<A>(simd::bit_or<A>(simd::as_ints<A>(value), sign)); }
  return value;
}

/// For each level of a binary search, from the one with the fewest choices: what x is compared with by the index so
/// far.
template <class F>
struct search_tables {
  static constexpr std::size_t size = std::bit_ceil(F::steps.distinct);
  static constexpr int levels = std::countr_zero(size);
  /// Index j of level l means that x is above the first j of the middles.
  template <int Level>
  static constexpr simd::float_table level = [] {
    constexpr std::size_t half = size >> (Level + 1);
    simd::float_table t{};
    for (std::size_t j = 0; j < 256; ++j) {
      std::size_t const i = j + half - 1;
      t[j] = i + 1 < F::steps.distinct ? F::steps.middles[i] : __builtin_inff();
    }
    return t;
  }();
  /// Codes by index, as bytes and as floats.
  static constexpr simd::byte_table codes = [] {
    simd::byte_table t{};
    for (std::size_t j = 0; j < F::steps.distinct; ++j) { t[j] = F::steps.codes[j]; }
    return t;
  }();
  static constexpr simd::float_table float_codes = [] {
    simd::float_table t{};
    for (std::size_t j = 0; j < F::steps.distinct; ++j) { t[j] = static_cast<float>(F::steps.codes[j]); }
    return t;
  }();
  static constexpr bool ordered = [] {
    for (std::size_t j = 0; j < F::steps.distinct; ++j) {
      if (F::steps.codes[j] != j) { return false; }
    }
    return true;
  }();
};

/// The line in 32 equal parts, of which none has two of the middles of F, if there are such.
struct step_parts {
  bool there;
  float scale;  ///< x * scale + first, rounded, is the part of x
  float first;  ///< an integer
  float begin;  ///< in part 0, and in part 31
  float end;
  simd::float_table middles;  ///< of each part, infinity where it has none
  simd::float_table below;    ///< how many middles are in the parts before: the bits of an integer
};
template <class F>
inline constexpr step_parts parts_of = [] {
  constexpr std::size_t borders = F::steps.distinct - 1;
  step_parts parts{};
  if (borders < 2) { return parts; }
  double const low = double{F::steps.middles[0]};
  double const high = double{F::steps.middles[borders - 1]};
  if (!(low < high && -1e30 < low && high < 1e30)) { return parts; }
  for (double count = 29; count > 16 && !parts.there; count -= 0.25) {
    parts.scale = static_cast<float>(count / (high - low));
    double const scale = double{parts.scale};
    double const lowest = low * scale;
    double const first = static_cast<double>(1 - static_cast<int>(lowest)) + (lowest < 0 ? 1 : 0);
    parts.first = static_cast<float>(first);
    parts.begin = static_cast<float>(-first / scale);
    parts.end = static_cast<float>((31.25 - first) / scale);
    std::size_t i = 0;
    for (std::size_t p = 0; p < 32; ++p) {
      parts.below[p] = __builtin_bit_cast(float, static_cast<std::int32_t>(i));
      parts.middles[p] = __builtin_inff();
      double const from = i < borders ? double{F::steps.middles[i]} * scale + first - static_cast<double>(p) : 1;
      if (-0.499 < from && from < 0.499) { parts.middles[p] = F::steps.middles[i++]; }
    }
    parts.there = i == borders;
  }
  return parts;
}();

template <class A, class F>
[[nodiscard, gnu::always_inline]] inline simd::ints<A> encode_by_steps(simd::floats<A> x) noexcept {
  using ints = simd::ints<A>;
  using tables = search_tables<F>;
  ints i(0);
  if constexpr (simd::has_wide_float_lookup<A> && parts_of<F>.there) {
    constexpr float whole = 0x1.8p23f;
    auto const part = simd::as_ints<A>(simd::fused<A>(clamp<A>(x, parts_of<F>.begin, parts_of<F>.end),
                                                      simd::floats<A>(parts_of<F>.scale),
                                                      simd::floats<A>(parts_of<F>.first + whole)));
    i = simd::as_ints<A>(simd::wide_float_lookup<A>(parts_of<F>.below)(part));
    i = simd::add_where_less<A>(i, 1, simd::wide_float_lookup<A>(parts_of<F>.middles)(part), x);
  } else {
    detail::unroll<tables::levels>([&](auto level) __attribute__((always_inline)) {
      constexpr auto half = static_cast<std::int32_t>(tables::size >> (level() + 1));
      auto const middle = [&] {
        if constexpr (level() == 0) { return simd::floats<A>(tables::template level<0>[0]); }
        if constexpr (tables::size <= 16) {
          return simd::float_lookup<A>(tables::template level<level()>)(i);
        } else {
          return simd::gather_floats<A>(tables::template level<level()>, i);
        }
      }();
      i = simd::add_where_less<A>(i, half, middle, x);
    });
  }
  if constexpr (tables::ordered) {
    return i;
  } else if constexpr (tables::size <= 16) {
    return simd::bit_and<A>(simd::byte_lookup<A, 16>(tables::codes)(i), 0xffu);
  } else {
    return simd::to_ints<A>(simd::gather_floats<A>(tables::float_codes, i));
  }
}

/// detail::log_level in lanes.
template <class A, class F>
[[nodiscard, gnu::always_inline]] inline simd::ints<A> encode_logarithm(simd::floats<A> x) noexcept {
  auto power = clamp<A>(x, 0x1p-60f, 1.0f);  // below, and NaN: beyond every level
  if constexpr (F::levels_per_octave == 2) { power = power * power; }
  auto const exponent = simd::shift_right<23, A>(simd::as_ints<A>(power * simd::floats<A>(1.41421356f)));
  return simd::minimum<A>(simd::ints<A>(127) - exponent, simd::ints<A>(F::codes - 1));
}

/// What a code of F has more than the packed one that encode_numbers stands for: the lowest integer.
template <number_format F>
inline constexpr int number_offset = encoding_of<F> == encoding::integers ? lattice<F>.lowest : 0;

/// The code of each lane as it is packed (code ^ flip, storage/panel.hpp), plus number_offset<F>: for integers the
/// integer itself. Pre: x is within the values of F, not NaN, where `Bounded`.
template <class A, vector_format F, bool Bounded = false>
[[nodiscard, gnu::always_inline]] inline simd::ints<A> encode_numbers(simd::floats<A> x) noexcept {
  if constexpr (encoding_of<F> == encoding::integers) {
    constexpr float factor = 1.0f / lattice<F>.step;
    if constexpr (factor != 1.0f) { x = x * simd::floats<A>(factor); }
    if constexpr (!Bounded) { x = clamp<A>(x, lowest_value<F> * factor, largest_value<F> * factor); }
    return simd::to_ints<A>(x);
  } else if constexpr (encoding_of<F> == encoding::minifloat) {
    return encode_minifloat<A, F, Bounded>(x);
  } else if constexpr (encoding_of<F> == encoding::logarithm) {
    return encode_logarithm<A, F>(x);
  } else {
    return encode_by_steps<A, F>(x);
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
