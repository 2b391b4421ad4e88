// SPDX-License-Identifier: MIT
// Formats given by a sorted list of values: nf4, and any codebook known at compile time.
#pragma once

#include <array>
#include <bit>
#include <cstddef>

#include "octavo/format/concept.hpp"

namespace octavo {
inline namespace v0 {

/// The format whose code c means `Book::values[c]`; values ascend, their number is a power of two.
/// Encoding: the nearest value, a tie to the lower code (the rule of bitsandbytes); NaN to code 0.
template <class Book>
struct codebook_format {
  static constexpr std::size_t size = Book::values.size();
  static_assert(std::has_single_bit(size) && size >= 2 && size <= 256,
                "Octavo: a codebook has 2, 4, 8, ... 256 values. Repeat the last value to fill it.");
  static constexpr int bits = std::countr_zero(size);
  static constexpr float const* values = Book::values.data();

  [[gnu::always_inline]] static constexpr float decode(code c) noexcept { return values[c & (size - 1)]; }

  [[gnu::always_inline]] static constexpr code encode(float x) noexcept {
    std::size_t c = 0;
    while (c + 1 < size) {
      float const middle = 0.5f * (values[c] + values[c + 1]);
      if (!(x > middle)) { break; }
      ++c;
    }
    return static_cast<code>(c);
  }
};

/// NormalFloat, 4 bits: quantiles of a normal distribution, absmax 1, an exact zero (Dettmers 2023, QLoRA).
struct nf4_book {
  static constexpr std::array<float, 16> values = {-1.0f,
                                                   -0.6961928009986877f,
                                                   -0.5250730514526367f,
                                                   -0.39491748809814453f,
                                                   -0.28444138169288635f,
                                                   -0.18477343022823334f,
                                                   -0.09105003625154495f,
                                                   0.0f,
                                                   0.07958029955625534f,
                                                   0.16093020141124725f,
                                                   0.24611230194568634f,
                                                   0.33791524171829224f,
                                                   0.44070982933044434f,
                                                   0.5626170039176941f,
                                                   0.7229568362236023f,
                                                   1.0f};
};
using nf4 = codebook_format<nf4_book>;

}  // namespace v0
}  // namespace octavo
