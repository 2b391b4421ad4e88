// SPDX-License-Identifier: MIT
// Codebooks that are known when a test runs, and the same at compile time.
#pragma once

#include "octavo/format/codebook.hpp"
#include "octavo/quant/affine_codebook.hpp"

#include <array>
#include <cstddef>

namespace test {

using namespace octavo;

struct book_2 {
  static constexpr std::array<float, 4> values = {-0.7f, -0.2f, 0.25f, 0.8f};
};
/// Codes by other centres than what they mean, as by Q-Norm.
struct normed_2 {
  static constexpr std::array<float, 4> centres = {-0.7f, -0.2f, 0.25f, 0.8f};
  static constexpr std::array<float, 4> values = {-0.75f, -0.25f, 0.3125f, 0.875f};
};
/// Two centres are there twice.
struct repeated_4 {
  static constexpr std::array<float, 16> values = {-1,     -0.75f, -0.5f, -0.5f, -0.25f, -0.125f, 0,     0.1f,
                                                   0.125f, 0.25f,  0.3f,  0.5f,  0.625f, 0.75f,   0.99f, 0.99f};
};

template <class Book>
[[nodiscard]] auto book_of() {
  constexpr int bits = codebook_format<Book>::bits;
  codebook_params<bits> centres{};
  codebook_params<bits> values{};
  for (std::size_t c = 0; c < Book::values.size(); ++c) {
    centres.values[c] = octavo::detail::centres_of<Book>[c];
    values.values[c] = Book::values[c];
  }
  return range_codebook<bits>(centres, values);
}

/// A scheme whose table is known when the test runs, or when it is compiled.
template <int B, class Granularity, class... Options>
using run_time = scheme<affine_codebook<codebook<B>, Options...>, Granularity>;
template <class Book, class Granularity, class... Options>
using compile_time = scheme<affine_codebook<codebook_format<Book>, Options...>, Granularity>;

}  // namespace test
