// SPDX-License-Identifier: MIT
// fixed_point <WL, FL>: two's complement of WL bits in units of 2^-FL, both known at run time (AdaPT).
#pragma once

#include <cstdint>

#include "octavo/core/error.hpp"
#include "octavo/core/round.hpp"

namespace octavo {
inline namespace v0 {

/// From -2^(WL - 1) to 2^(WL - 1) - 1 units of 2^-FL; FL may be negative, or larger than WL. Codes of up to 16 bits
/// have kernels (storage/fixed_matrix.hpp). fixed<B, L> is the same as a number format of up to 8 bits, at compile
/// time.
struct fixed_point {
  int word_length;
  int fraction_length;

  /// The code of the nearest number, ties to even, saturating; NaN gives the lowest. Pre: check().
  [[nodiscard, gnu::always_inline]] constexpr std::int16_t encode(float x) const noexcept {
    float const units = x * detail::power_of_two(fraction_length);
    return static_cast<std::int16_t>(detail::round_even(detail::clamp(units, lowest(), highest())));
  }
  [[nodiscard, gnu::always_inline]] constexpr float decode(std::int16_t c) const noexcept {
    return static_cast<float>(c) * detail::power_of_two(-fraction_length);
  }
  [[nodiscard, gnu::always_inline]] constexpr float lowest() const noexcept {
    return -detail::power_of_two(word_length - 1);
  }
  [[nodiscard, gnu::always_inline]] constexpr float highest() const noexcept {
    return detail::power_of_two(word_length - 1) - 1.0f;
  }

  /// Fails unless the word has 2 to 16 bits, and the unit lies between 2^-60 and 2^60.
  [[gnu::always_inline]] void check(char const* where) const {
    if (word_length < 2 || word_length > 16) {
      detail::fail_extents(where, "the word has bits", word_length, "but must have 2 to", 16,
                           "See lossless_precision.");
    }
    if (fraction_length < -60 || fraction_length > 60) {
      detail::fail_extents(where, "the fraction has bits", fraction_length, "but must have -60 to", 60,
                           "Scale the numbers first.");
    }
  }
};

}  // namespace v0
}  // namespace octavo
