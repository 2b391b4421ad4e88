// SPDX-License-Identifier: MIT
// cast<To, From>: codes of one format as codes of a wider one, times a power of two, exactly.
#pragma once

#include <array>
#include <cstddef>

#include "octavo/core/round.hpp"
#include "octavo/format/table.hpp"

namespace octavo {
inline namespace v0 {

/// Whether every value of From times 2^n is one of To, its sign of 0 too: e2m1 to e4m3 for n from -8 to 6
/// (ZeroQuant-FP's cast of FP4 to FP8).
template <number_format To, number_format From>
[[nodiscard]] constexpr bool casts_exactly(int n) noexcept {
  if (n < -126 || n > 127) { return false; }
  for (float const v : value_table<From>) {
    float const shifted = v * detail::power_of_two(n);
    if (!detail::is_finite(v) || __builtin_bit_cast(std::uint32_t, To::decode(To::encode(shifted))) !=
                                     __builtin_bit_cast(std::uint32_t, shifted)) {
      return false;
    }
  }
  return true;
}

/// table[code of From] = code of To for the value times 2^N. Not exact: a static_assert.
template <number_format To, number_format From, int N = 0>
inline constexpr std::array<code, static_cast<std::size_t>(code_count<From>)> cast_table = [] {
  static_assert(
      casts_exactly<To, From>(N),
      "Octavo: this cast would round: not every value times 2^N is one of the other format. Take another N.");
  std::array<code, static_cast<std::size_t>(code_count<From>)> t{};
  for (std::size_t c = 0; c < t.size(); ++c) { t[c] = To::encode(value_table<From>[c] * detail::power_of_two(N)); }
  return t;
}();

/// The code of To for code c of From, times 2^N.
template <number_format To, number_format From, int N = 0>
[[nodiscard, gnu::always_inline]] constexpr code cast(code c) noexcept {
  return cast_table<To, From, N>[static_cast<std::size_t>(c & (code_count<From> - 1))];
}

}  // namespace v0
}  // namespace octavo
