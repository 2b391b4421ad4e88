// SPDX-License-Identifier: MIT
// The concept number_format: a finite set of reals and their codes; check_number_format says what is missing.
#pragma once

#include <concepts>
#include <cstdint>

#include "octavo/core/round.hpp"

namespace octavo {
inline namespace v0 {

/// A code of any number format. The low `F::bits` bits count.
using code = std::uint8_t;

/// `F::bits` in 1..8, `constexpr float F::decode(code)`, `constexpr code F::encode(float)`: the nearest value,
/// saturating, NaN to any valid code. Everything else is derived (format/table.hpp).
///
/// A format that needs fewer than 2^bits codes may say so by `static constexpr int codes`: encode returns those below,
/// and decode still gives the others some value, the same in every kernel.
template <class F>
concept number_format = requires(code c, float x) {
  { F::bits } -> std::convertible_to<int>;
  { F::decode(c) } -> std::same_as<float>;
  { F::encode(x) } -> std::same_as<code>;
  requires F::bits >= 1 && F::bits <= 8;
};

/// Codes that encode may return: `F::codes`, or all.
template <class F>
inline constexpr int codes_in_use = [] {
  if constexpr (requires { F::codes; }) { return static_cast<int>(F::codes); }
  return 1 << F::bits;
}();

/// `static_assert(octavo::check_number_format<mine>())`: true, or prose that says what to add.
template <class F>
consteval bool check_number_format() {
  constexpr bool has_bits = requires {
    { F::bits } -> std::convertible_to<int>;
  };
  constexpr bool has_decode = requires(code c) {
    { F::decode(c) } -> std::same_as<float>;
  };
  constexpr bool has_encode = requires(float x) {
    { F::encode(x) } -> std::same_as<code>;
  };
  static_assert(has_bits, "Octavo: a number format needs `static constexpr int bits = ...;`, from 1 to 8.");
  static_assert(has_decode, "Octavo: a number format needs `static constexpr float decode(octavo::code)`.");
  static_assert(has_encode,
                "Octavo: a number format needs `static constexpr octavo::code encode(float)`, which returns the code "
                "of the nearest value and saturates.");
  if constexpr (has_bits) {
    static_assert(F::bits >= 1 && F::bits <= 8,
                  "Octavo: a scalar code has 1 to 8 bits. Vector codes are a storage, not a number format.");
  }
  if constexpr (number_format<F>) {
    static_assert(codes_in_use<F> >= 1 && codes_in_use<F> <= (1 << F::bits),
                  "Octavo: a number format has at most 2^bits codes: `codes` is larger.");
    constexpr bool round_trip = [] {
      for (int c = 0; c < codes_in_use<F>; ++c) {
        float const v = F::decode(static_cast<code>(c));
        if (!detail::is_finite(v)) { continue; }
        if (F::decode(F::encode(v)) != v) { return false; }
      }
      return true;
    }();
    static_assert(round_trip, "Octavo: decode(encode(v)) must give v back for every finite value v of the format.");
    return round_trip;
  }
  return false;
}

}  // namespace v0
}  // namespace octavo
