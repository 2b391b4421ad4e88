// SPDX-License-Identifier: MIT
// What the library derives from a format at compile time: values, extremes, and the arithmetic that is exact.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/core/round.hpp"
#include "octavo/format/concept.hpp"

namespace octavo {
inline namespace v0 {

/// Number of codes of F.
template <number_format F>
inline constexpr int code_count = 1 << F::bits;

/// value_table<F>[c] == F::decode(c).
template <number_format F>
inline constexpr std::array<float, static_cast<std::size_t>(code_count<F>)> value_table = [] {
  std::array<float, static_cast<std::size_t>(code_count<F>)> t{};
  for (std::size_t c = 0; c < t.size(); ++c) { t[c] = F::decode(static_cast<code>(c)); }
  return t;
}();

/// Largest and lowest finite value of F, of codes in use.
template <number_format F>
inline constexpr float largest_value = [] {
  float m = -__builtin_inff();
  for (std::size_t c = 0; c < static_cast<std::size_t>(codes_in_use<F>); ++c) {
    float const v = value_table<F>[c];
    m = detail::is_finite(v) && v > m ? v : m;
  }
  return m;
}();
template <number_format F>
inline constexpr float lowest_value = [] {
  float m = __builtin_inff();
  for (std::size_t c = 0; c < static_cast<std::size_t>(codes_in_use<F>); ++c) {
    float const v = value_table<F>[c];
    m = detail::is_finite(v) && v < m ? v : m;
  }
  return m;
}();

/// How far the value below the largest is from it: the precision of the largest values.
template <number_format F>
inline constexpr float top_step = [] {
  float below = -__builtin_inff();
  for (std::size_t c = 0; c < static_cast<std::size_t>(codes_in_use<F>); ++c) {
    float const v = value_table<F>[c];
    below = detail::is_finite(v) && v < largest_value<F> && v > below ? v : below;
  }
  return largest_value<F> - below;
}();

/// The code that padding holds: that of the value nearest to 0.
template <number_format F>
inline constexpr code zero_code = F::encode(0.0f);

/// Whether every value of F, times one power of two, is an integer, with at most 255 between extremes.
/// Then value = step * integer, and integer - lowest is an unsigned byte: the operand of an integer dot product.
struct integer_lattice {
  bool exact;
  float step;   ///< a power of two
  int lowest;   ///< smallest integer
  int highest;  ///< largest integer
};

template <number_format F>
inline constexpr integer_lattice lattice = [] {
  integer_lattice result{false, 0.0f, 0, 0};
  for (int e = -10; e <= 10 && !result.exact; ++e) {
    float const factor = e < 0 ? 1.0f / static_cast<float>(1 << -e) : static_cast<float>(1 << e);
    float lo = 0;
    float hi = 0;
    bool ok = true;
    for (float const v : value_table<F>) {
      if (!detail::is_finite(v)) {
        ok = false;
        break;
      }
      float const scaled = v * factor;
      ok = ok && scaled >= -256.0f && scaled <= 256.0f && scaled == static_cast<float>(static_cast<int>(scaled));
      lo = scaled < lo ? scaled : lo;
      hi = scaled > hi ? scaled : hi;
    }
    if (ok && hi - lo <= 255.0f) {
      result = {true, 1.0f / factor, static_cast<int>(lo), static_cast<int>(hi)};
    }
  }
  return result;
}();

/// Whether every finite value of F is a bf16 number and a multiple of 2^-19: then its products with activations of at
/// least 2^-100 are multiples of 2^-126, and no sum of them is denormal, which bf16 dot products flush.
template <number_format F>
inline constexpr bool exact_in_bf16 = [] {
  for (float const v : value_table<F>) {
    if (!detail::is_finite(v)) { continue; }
    if ((std::bit_cast<std::uint32_t>(v) & 0xffffu) != 0) { return false; }
    float const scaled = v * 0x1p19f;
    if (scaled != detail::round_even(scaled)) { return false; }
  }
  return true;
}();

/// Integers in consecutive codes after flipping some bits: then packing stores code ^ flip and unpacking is free.
/// -1 where no flip does it.
template <number_format F>
inline constexpr int consecutive_flip = [] {
  if (!lattice<F>.exact) { return -1; }
  for (int flip = 0; flip < code_count<F>; flip = flip == 0 ? code_count<F> / 2 : code_count<F>) {
    bool ok = true;
    for (int c = 0; c < code_count<F>; ++c) {
      float const v = value_table<F>[static_cast<std::size_t>(c ^ flip)];
      ok = ok && v == lattice<F>.step * static_cast<float>(lattice<F>.lowest + c);
    }
    if (ok) { return flip; }
  }
  return -1;
}();

namespace detail {
/// Whether the compiler knows what F makes of NaN: clang 14 refuses to calculate with it.
template <class F>
concept known_code_of_nan = requires {
  typename std::integral_constant<int, F::encode(__builtin_nanf(""))>;
};
}  // namespace detail

/// Whether F::encode is the nearest of consecutive integers (times a step), ties to even, saturating, NaN to the
/// lowest: what vector code does. Looked at where it may differ: at ties, and beyond the extremes.
template <number_format F>
inline constexpr bool encodes_as_integers = [] {
  if (consecutive_flip<F> < 0 || !detail::known_code_of_nan<F>) { return false; }
  constexpr float step = lattice<F>.step;
  auto const integer = [](float x) { return value_table<F>[F::encode(x) & (code_count<F> - 1)] / step; };
  for (float v = lowest_value<F> / step; v < largest_value<F> / step; v += 1) {
    if (integer((v + 0.5f) * step) != detail::round_even(v + 0.5f)) { return false; }
  }
  float const lowest = lowest_value<F> / step;
  float const largest = largest_value<F> / step;
  return integer(-__builtin_inff()) == lowest && integer(__builtin_inff()) == largest &&
         integer((lowest - 0.5f) * step) == lowest && integer((largest + 0.5f) * step) == largest &&
         integer(__builtin_nanf("")) == lowest;
}();

}  // namespace v0
}  // namespace octavo
