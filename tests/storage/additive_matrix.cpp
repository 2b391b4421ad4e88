// SPDX-License-Identifier: MIT
#include "octavo/storage/additive_matrix.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"

#include <cstdint>
#include <string>
#include <vector>

using octavo::additive_matrix;

TEST_CASE("an additive matrix gives back codes, scales and values of the worked example of AQLM 2x8") {
  std::vector<std::uint8_t> codes;
  std::vector<octavo::f16> codebooks;
  for (int o = 0; o < 3; ++o) {
    for (int i = 0; i < 2; ++i) {
      for (int m = 0; m < 2; ++m) { codes.push_back(static_cast<std::uint8_t>(17 * o + 29 * i + 101 * m + 7)); }
    }
  }
  for (int m = 0; m < 2; ++m) {
    for (int c = 0; c < 256; ++c) {
      for (int j = 0; j < 8; ++j) {
        codebooks.emplace_back(static_cast<float>((7 * c + 3 * j + 5 * m) % 11 - 5) / 8.0f);
      }
    }
  }
  float const scales[] = {0.5f, 1.25f, 0.75f};
  additive_matrix<2, 8> const w(3, 16, codes, codebooks, scales);
  auto const view = w.view();
  CHECK(view.codes(0)[0] == 7);
  CHECK(view.codes(0)[1] == 108);
  CHECK(view.codes(2)[2] == 70);
  CHECK(view.codes(2)[3] == 171);
  CHECK(view.scale(1) == 1.25f);
  double y[3] = {};
  for (int r = 0; r < 3; ++r) {
    for (int k = 0; k < 16; ++k) { y[r] += static_cast<double>(view(r, k)) * ((5 * k + 2) % 9 - 4) / 4.0; }
  }
  CHECK(y[0] == -0.265625);
  CHECK(y[1] == 1.328125);
  CHECK(y[2] == 0.4453125);
  CHECK(w.size_bytes() == 3 * 2 * 2 + 2 * 256 * 8 * 2 + 3 * 4);
}

TEST_CASE("bits of a code beyond those of the codebook are ignored") {
  std::vector<float> books(16 * 8);
  books[3 * 8 + 5] = 7.0f;
  std::uint8_t const codes[] = {0xf3};
  float const scales[] = {1.0f};
  additive_matrix<1, 4, 8, float> const w(1, 8, codes, books, scales);
  CHECK(w.view()(0, 5) == 7.0f);
}

TEST_CASE("an additive matrix refuses sizes that do not fit") {
  using W = additive_matrix<2, 8>;
  std::vector<octavo::f16> const books(2 * 256 * 8);
  std::vector<float> const scales(3);
  std::vector<std::uint8_t> const codes(3 * 2 * 2);
  std::string const shapes = "They are codes [rows][cols / G][M], codebooks [M][2^B][G], scales [rows].";
  CHECK(test::error_of([&] { (void)W(3, 15, codes, books, scales); }) ==
        "additive_matrix: columns are 15, weights of a code 8. Columns must be a multiple of it.");
  CHECK(test::error_of([&] { (void)W(3, 24, codes, books, scales); }) ==
        "additive_matrix: codes are 12, but must be 18. " + shapes);
  CHECK(test::error_of([&] { (void)W(3, 16, codes, books, std::span(scales).first(1)); }) ==
        "additive_matrix: scales are 1, but must be 3. " + shapes);
  CHECK(test::error_of([&] { (void)W(3, 16, codes, std::span(books).first(7), scales); }) ==
        "additive_matrix: elements of codebooks are 7, but must be 4096. " + shapes);
  CHECK(test::error_of([&] { (void)W(-1, 16, codes, books, scales); }) ==
        "additive_matrix: rows are -1, columns are 16. Extents must not be negative.");
  CHECK(W().view().rows() == 0);
  octavo::index const huge = octavo::index{1} << 60;
  CHECK(test::error_of([&] { (void)W(huge, huge, codes, books, scales); }) != "no error");
}
