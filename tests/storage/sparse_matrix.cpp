// SPDX-License-Identifier: MIT
#include "octavo/storage/sparse_matrix.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/files.hpp"

#include <cstdint>
#include <string>
#include <vector>

using namespace octavo;

TEST_CASE("a sparse matrix gives back its elements") {
  std::vector<sparse_element> const elements = {{0, 0, 1.0f},  {0, 3, 7.0f},   {0, 70, 2.0f}, {15, 70, 0.25f},
                                                {16, 1, 4.0f}, {16, 2, -3.5f}, {32, 0, 5.0f}};
  sparse_matrix const m(33, 71, elements.data(), 7);
  CHECK(m.rows() == 33);
  CHECK(m.cols() == 71);
  REQUIRE(m.view().slices() == 3);
  CHECK(m.view().entries(0) == 3);
  CHECK(m.view().entries(1) == 2);
  CHECK(m.view().entries(2) == 1);
  CHECK(m.size_bytes() == 64 + 6 * 64);
  CHECK(m.view().size_bytes() == m.size_bytes());
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
  CHECK(sparse_matrix().view().slices() == 0);
  CHECK(sparse_matrix().view().size_bytes() == 0);
  sparse_matrix const none(20, 5, nullptr, 0);
  CHECK(none.view().slices() == 2);
  CHECK(none.view().entries(1) == 0);
  CHECK(none(19, 4) == 0);
  CHECK(sparse_matrix(0, 9, nullptr, 0).view().slices() == 0);
  CHECK(test::error_of([] { (void)sparse_matrix(4, 9, nullptr, 1); }) ==
        "sparse_matrix: elements are 1, rows are 4. Pass memory with so many of them.");
  CHECK(test::error_of([] { (void)sparse_matrix(4, 9, nullptr, -1); }) != "no error");
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

TEST_CASE("the bytes of a sparse matrix are those of the picture, and a view of them is the matrix") {
  std::vector<sparse_element> const elements = {{1, 2, 1.5f}, {1, 4, -2.0f}, {16, 3, 0.25f}};
  sparse_matrix const m(17, 5, elements.data(), 3);
  std::string expected = test::bytes_of(std::int64_t{0}, std::int64_t{2}, std::int64_t{3}) + std::string(40, '\0');
  auto const entry = [&](std::size_t row, std::uint16_t column, f16 number) {
    std::string bytes(64, '\0');
    bytes.replace(2 * row, 2, test::bytes_of(column));
    expected += bytes.replace(32 + 2 * row, 2, test::bytes_of(number));
  };
  entry(1, 2, f16(1.5f));
  entry(1, 4, f16(-2.0f));
  entry(0, 3, f16(0.25f));
  CHECK(expected == std::string(reinterpret_cast<char const*>(m.view().data()), 4 * 64));
  test::file_bytes const copy(expected);
  sparse_matrix_view const view(copy.span().data(), 4 * 64, 17, 5);
  CHECK(view.size_bytes() == m.size_bytes());
  CHECK(view(1, 4) == -2.0f);
  CHECK(view(16, 3) == 0.25f);
  CHECK(view(16, 2) == 0);
}

TEST_CASE("bytes that no sparse matrix has written are refused before anything outside is read") {
  std::vector<sparse_element> const elements = {
      {0, 0, 0.0f}, {0, 2, 1.0f}, {1, 2, 1.5f}, {1, 4, -2.0f}, {16, 3, 0.25f}};
  sparse_matrix const m(17, 5, elements.data(), 5);
  std::string const good(reinterpret_cast<char const*>(m.view().data()), static_cast<std::size_t>(m.size_bytes()));
  REQUIRE(good.size() == 4 * 64);
  auto const why = [](std::string const& text, octavo::index rows = 17, octavo::index cols = 5) {
    test::file_bytes const bytes(text);
    auto const size = static_cast<octavo::index>(text.size());
    char const* const fault = sparse_matrix_view::fault(bytes.span().data(), size, rows, cols);
    auto const thrown = test::error_of([&] { (void)sparse_matrix_view(bytes.span().data(), size, rows, cols); });
    CHECK(thrown == (fault == nullptr ? "no error" : fault));
    return std::string(fault == nullptr ? "" : fault);
  };
  auto const changed = [&](std::size_t at, auto value) {
    auto text = good;
    auto const bytes = test::bytes_of(value);
    return text.replace(at, bytes.size(), bytes);
  };
  std::string const few = "a sparse matrix has fewer bytes than starts of slices";
  std::string const starts = "starts of a sparse matrix do not ascend from 0 to the number of its entries";
  std::string const order = "columns of a row of a sparse matrix do not ascend";
  CHECK(why(good) == "");
  CHECK(why("") == few);
  CHECK(why("", 0, 0) == few);
  CHECK(why(good.substr(0, 63)) == few);
  CHECK(why(good, 64 * 64 / 8 * 16, 5) == few);
  CHECK(why(good, INT64_MAX, 5) == few);
  CHECK(why(good, -1, 5) == "a sparse matrix has at most 65536 columns, none negative");
  CHECK(why(good, 17, 65537) == "a sparse matrix has at most 65536 columns, none negative");
  CHECK(why(good.substr(0, 64)) == starts);
  CHECK(why(good.substr(0, 255)) == starts);
  CHECK(why(good + std::string(64, '\0')) == starts);
  CHECK(why(changed(0, std::int64_t{1})) == starts);
  CHECK(why(changed(8, std::int64_t{4})) == starts);
  CHECK(why(changed(8, std::int64_t{-1})) == starts);
  CHECK(why(changed(16, INT64_MAX)) == starts);
  CHECK(why(good, 17, 4) == "a sparse matrix has a number in a column outside of it");
  CHECK(why(changed(64 + 2 * 15, std::uint16_t{5})) == "a sparse matrix has a number in a column outside of it");
  CHECK(why(changed(64 + 32 + 2, std::uint16_t{0x7c00})) == "a sparse matrix has a number that is not finite");
  CHECK(why(changed(64 + 32 + 2, std::uint16_t{0xfe00})) == "a sparse matrix has a number that is not finite");
  CHECK(why(changed(128 + 2, std::uint16_t{2})) == order);
  CHECK(why(changed(128 + 2, std::uint16_t{1})) == order);
  CHECK(why(changed(64 + 2, std::uint16_t{0})) == "");  // 1.5 in column 0
  // A filler, then a number.
  auto after = good;
  after.replace(64 + 2, 2, test::bytes_of(std::uint16_t{0})).replace(64 + 34, 2, test::bytes_of(std::uint16_t{0}));
  CHECK(why(after) == "");  // an element that is 0, in column 0
  auto const third = test::bytes_of(std::int64_t{0}, std::int64_t{3}, std::int64_t{4});
  auto longer = good.substr(0, 64) + good.substr(64, 64) + std::string(64, '\0') + good.substr(128);
  CHECK(why(longer.replace(0, 24, third)) == order);
  test::file_bytes const shifted(" " + good);
  CHECK(std::string(sparse_matrix_view::fault(shifted.span().data() + 1, 256, 17, 5)) ==
        "a sparse matrix is not aligned to 64 bytes");
}
