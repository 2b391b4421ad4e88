// SPDX-License-Identifier: MIT
// Formats given by a list of values: NormalFloat, AF4, fp4 of bitsandbytes, IQ4_NL, any codebook known at compile time.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "octavo/core/table.hpp"
#include "octavo/format/concept.hpp"

namespace octavo {
inline namespace v0 {

namespace detail {

/// What numbers are compared with to find their codes: `Book::centres`, if there are any, else the values.
template <class Book>
inline constexpr auto const& centres_of = Book::values;
template <class Book>
  requires requires { Book::centres; }
inline constexpr auto const& centres_of<Book> = Book::centres;

}  // namespace detail

/// The format whose code c means `Book::values[c]`: 2, 4, 8, ... 256 values in any order.
/// Encoding: the nearest value, a tie to the lower one (the rule of bitsandbytes); of equal values the first; NaN to
/// the code of the lowest. A book that also has `centres` encodes by these, and means the values
/// (calibration/q_norm.hpp).
template <class Book>
struct codebook_format {
  static constexpr std::size_t size = Book::values.size();
  static_assert(std::has_single_bit(size) && size >= 2 && size <= 256,
                "Octavo: a codebook has 2, 4, 8, ... 256 values. Repeat the last value to fill it.");
  static constexpr int bits = std::countr_zero(size);

  [[gnu::always_inline]] static constexpr float decode(code c) noexcept { return steps.values[c & (size - 1)]; }

  [[gnu::always_inline]] static constexpr code encode(float x) noexcept {
    std::size_t i = 0;
    while (i + 1 < steps.distinct && x > steps.middles[i]) { ++i; }
    return steps.codes[i];
  }

  /// Values by code; codes of distinct values, ascending, and what lies in the middle between neighbours.
  struct tables {
    detail::table<float, size> values;
    detail::table<std::uint8_t, size> codes;
    detail::table<float, size> middles;
    std::size_t distinct;
  };
  static constexpr tables steps = [] {
    constexpr auto const& centres = detail::centres_of<Book>;
    static_assert(centres.size() == size, "Octavo: a codebook has as many centres as values.");
    tables t{};
    for (std::size_t c = 0; c < size; ++c) {
      float const v = centres[c];
      t.values[c] = Book::values[c];
      std::size_t at = 0;
      while (at < t.distinct && centres[t.codes[at]] < v) { ++at; }
      if (at < t.distinct && centres[t.codes[at]] == v) { continue; }
      for (std::size_t i = t.distinct; i > at; --i) { t.codes[i] = t.codes[i - 1]; }
      t.codes[at] = static_cast<std::uint8_t>(c);
      ++t.distinct;
    }
    for (std::size_t i = 0; i + 1 < t.distinct; ++i) {
      float const a = centres[t.codes[i]];
      float const b = centres[t.codes[i + 1]];
      t.middles[i] =
          a == a && b == b ? 0.5f * (a + b) : __builtin_nanf("");  // clang 14 does not add NaN in constants
    }
    return t;
  }();
};

namespace detail {

/// A format that says where its codes change: encode(x) is steps.codes[n], n being how many of the first
/// steps.distinct - 1 of steps.middles, which ascend, are below x.
template <class F>
concept stepped_format = requires {
  F::steps.codes[0];
  F::steps.middles[0];
  F::steps.distinct;
};
/// Whether they do ascend, so that others than encode may count them.
template <stepped_format F>
inline constexpr bool steps_ascend = [] {
  for (std::size_t i = 0; i + 1 < F::steps.distinct; ++i) {
    float const m = F::steps.middles[i];
    if (!(m == m) || (i > 0 && !(m >= F::steps.middles[i - 1]))) { return false; }
    if (F::encode(m) != F::steps.codes[i > 0 && m == F::steps.middles[i - 1] ? i - 1 : i]) { return false; }
  }
  return F::steps.distinct >= 1 && F::steps.distinct <= 256;
}();

}  // namespace detail

/// NormalFloat: quantiles of a normal distribution, absmax 1, an exact zero (Dettmers 2023, QLoRA). Its authors publish
/// four bits; three and two are by their generator.
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
struct nf3_book {
  static constexpr std::array<float, 8> values = {-1.0f,         -0.4786291601f, -0.2171418178f, 0.0f,
                                                  0.1609301727f, 0.3379151935f,  0.5626169701f,  1.0f};
};
struct nf2_book {
  static constexpr std::array<float, 4> values = {-1.0f, 0.0f, 0.3379151935f, 1.0f};
};

/// AbnormalFloat for blocks of 64: the least mean absolute error of normal numbers (Yoshida 2023). bitsandbytes stores
/// it in descending order.
struct af4_book {
  static constexpr std::array<float, 16> values = {
      -1.0f,       -0.69441008f, -0.51243739f, -0.3736951f, -0.25607552f, -0.14982478f, -0.04934812f, 0.0f,
      0.04273164f, 0.12934483f,  0.21961274f,  0.31675666f, 0.42563882f,  0.55496234f,  0.72424863f,  1.0f};
};

/// The "fp4" of bitsandbytes: not e2m1, a table of its own, sign in the high bit. Its -0 (code 8) is decoded and not
/// given.
struct bnb_fp4_book {
  static constexpr std::array<float, 16> values = {
      0.0f,  0.0625f / 12,  8.0f / 12,  1.0f,  4.0f / 12,  6.0f / 12,  2.0f / 12,  3.0f / 12,
      -0.0f, -0.0625f / 12, -8.0f / 12, -1.0f, -4.0f / 12, -6.0f / 12, -2.0f / 12, -3.0f / 12};
};

/// The values of IQ4_NL and IQ4_XS of ggml: integers, so that they have an exact integer path.
struct iq4_nl_book {
  static constexpr std::array<float, 16> values = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                   1,    13,   25,  38,  53,  69,  89,  113};
};

using nf4 = codebook_format<nf4_book>;
using nf3 = codebook_format<nf3_book>;
using nf2 = codebook_format<nf2_book>;
using af4 = codebook_format<af4_book>;
using bnb_fp4 = codebook_format<bnb_fp4_book>;
using iq4_nl = codebook_format<iq4_nl_book>;

}  // namespace v0
}  // namespace octavo
