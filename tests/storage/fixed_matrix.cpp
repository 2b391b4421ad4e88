// SPDX-License-Identifier: MIT
#include "octavo/storage/fixed_matrix.hpp"

#include "support/catch.hpp"
#include "support/matrix.hpp"

using namespace octavo;

TEST_CASE("a fixed matrix holds the codes of its elements, pairs of columns beside each other") {
  test::matrix<float> const dense(67, 5, 3);
  fixed_point const type{10, 8};
  fixed_matrix const w(dense, type);
  CHECK(w.rows() == 67);
  CHECK(w.cols() == 5);
  CHECK(w.size_bytes() == 2 * 3 * 64 * 4);
  int wrong = 0;
  for (octavo::index r = 0; r < 67; ++r) {
    for (octavo::index c = 0; c < 5; ++c) {
      wrong += w.code_at(r, c) == type.encode(dense(r, c)) ? 0 : 1;
      wrong += w(r, c) == type.decode(type.encode(dense(r, c))) ? 0 : 1;
      auto const at = c / 2 * 256 + r % 64 * 4 + c % 2 * 2;
      std::int16_t word;
      std::memcpy(&word, w.panel(r / 64) + at, sizeof word);
      wrong += word == w.code_at(r, c) ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
  CHECK(w.panel(0)[2 * 256 + 2] == std::byte{0});  // column 5 does not exist
  CHECK(fixed_matrix(test::matrix<float>(0, 5), type).size_bytes() == 0);
  CHECK_THROWS_AS(fixed_matrix(dense, (fixed_point{17, 0})), std::invalid_argument);
}
