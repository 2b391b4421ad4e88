// SPDX-License-Identifier: MIT
#include "octavo/storage/sparse_matrix.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"

#include <vector>

using namespace octavo;

TEST_CASE("a sparse matrix gives back its elements") {
  std::vector<sparse_element> const elements = {{0, 0, 1.0f},  {0, 3, 7.0f},   {0, 70, 2.0f}, {15, 70, 0.25f},
                                                {16, 1, 4.0f}, {16, 2, -3.5f}, {32, 0, 5.0f}};
  sparse_matrix const m(33, 71, elements.data(), 7);
  CHECK(m.rows() == 33);
  CHECK(m.cols() == 71);
  REQUIRE(m.slices() == 3);
  CHECK(m.entries(0) == 3);
  CHECK(m.entries(1) == 2);
  CHECK(m.entries(2) == 1);
  CHECK(m.size_bytes() == 6 * 64);
  int found = 0;
  for (octavo::index r = 0; r < 33; ++r) {
    for (octavo::index c = 0; c < 71; ++c) {
      float expected = 0;
      for (auto const& e : elements) { expected = e.row == r && e.col == c ? e.value : expected; }
      CHECK(m(r, c) == expected);
      found += m(r, c) != 0 ? 1 : 0;
    }
  }
  CHECK(found == 7);
}

TEST_CASE("sparse matrices of nothing") {
  CHECK(sparse_matrix().size_bytes() == 0);
  sparse_matrix const none(20, 5, nullptr, 0);
  CHECK(none.slices() == 2);
  CHECK(none.entries(1) == 0);
  CHECK(none(19, 4) == 0);
  CHECK(sparse_matrix(0, 9, nullptr, 0).slices() == 0);
}

TEST_CASE("elements that no sparse matrix holds are refused") {
  auto const text = [](octavo::index rows, octavo::index cols, std::vector<sparse_element> const& elements) {
    return test::error_of(
        [&] { (void)sparse_matrix(rows, cols, elements.data(), static_cast<octavo::index>(elements.size())); });
  };
  CHECK(text(4, 4, {{4, 0, 1.0f}}).find("an element is in row 4") != std::string::npos);
  CHECK(text(4, 4, {{0, -1, 1.0f}}).find("It must lie within the matrix.") != std::string::npos);
  CHECK(text(4, 4, {{1, 2, 1.0f}, {1, 2, 3.0f}}).find("It must come behind") != std::string::npos);
  CHECK(text(4, 4, {{1, 2, 1.0f}, {1, 1, 3.0f}}).find("an element is in row 1") != std::string::npos);
  CHECK(text(4, 4, {{1, 2, 1.0f}, {0, 3, 3.0f}}).find("It must come behind") != std::string::npos);
  CHECK(text(4, 4, {{1, 2, 1e6f}}).find("no number of f16 is in row 1") != std::string::npos);
  CHECK(text(4, 4, {{1, 2, __builtin_nanf("")}}).find("no number of f16") != std::string::npos);
  CHECK(text(1, 65537, {}).find("At most 65536 columns") != std::string::npos);
  CHECK(text(-1, 3, {}).find("rows are -1") != std::string::npos);
}
