// SPDX-License-Identifier: MIT
// Additive matrices of random codes.
#pragma once

#include "octavo/storage/additive_matrix.hpp"

#include "support/random.hpp"

#include <vector>

namespace test {

template <int M, int B, int G = 8, class T = octavo::f16>
[[nodiscard]] octavo::additive_matrix<M, B, G, T> random_additive(octavo::index rows, octavo::index cols,
                                                                  std::uint64_t seed) {
  using W = octavo::additive_matrix<M, B, G, T>;
  random next(seed);
  std::vector<typename W::code_type> codes;
  for (octavo::index i = 0; i < rows * (cols / G) * M; ++i) {
    codes.push_back(static_cast<typename W::code_type>(next.below(1 << B)));
  }
  std::vector<T> books;
  for (float const v : values(W::view_type::codebook_size, seed + 1)) { books.push_back(T(v)); }
  return W(rows, cols, codes, books, values(rows, seed + 2));
}

}  // namespace test
