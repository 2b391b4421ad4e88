// SPDX-License-Identifier: MIT
#include "octavo/storage/fixed_matrix.hpp"

#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/files.hpp"
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
      std::memcpy(&word, w.view().panel(r / 64) + at, sizeof word);
      wrong += word == w.code_at(r, c) ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
  CHECK(w.view().panel(0)[2 * 256 + 2] == std::byte{0});  // column 5 does not exist
  CHECK(fixed_matrix(test::matrix<float>(0, 5), type).size_bytes() == 0);
  CHECK_THROWS_AS(fixed_matrix(dense, (fixed_point{17, 0})), std::invalid_argument);
}

TEST_CASE(
    "a view of fixed point over the memory of the caller is the matrix, and memory that does not fit is refused") {
  fixed_point const type{10, 8};
  fixed_matrix const w(test::matrix<float>(67, 5, 3), type);
  test::file_bytes const copy({reinterpret_cast<char const*>(w.data()), static_cast<std::size_t>(w.size_bytes())});
  std::byte const* const bytes = copy.span().data();
  octavo::index const size = fixed_matrix_view::size_bytes(67, 5);
  CHECK(size == w.size_bytes());
  fixed_matrix_view const view(bytes, size, 67, 5, type);
  CHECK(test::differences(view, w) == 0);
  CHECK(view.size_bytes() == size);
  CHECK(
      test::error_of([&] { (void)fixed_matrix_view(bytes, size - 1, 67, 5, type); }) ==
      "fixed_matrix_view: the memory has bytes 1535, the matrix needs 1536. The file is truncated, or its extents are "
      "wrong.");
  CHECK(
      test::error_of([&] { (void)fixed_matrix_view(bytes + 2, size, 1, 5, type); }) ==
      "fixed_matrix_view: the address modulo 64 is 2, the matrix needs bytes 768. Pass memory that is aligned to 64 "
      "bytes.");
  CHECK(test::error_of([&] { (void)fixed_matrix_view(nullptr, size, 67, 5, type); }) != "no error");
  CHECK(test::error_of([&] { (void)fixed_matrix_view(bytes, size, -1, 5, type); }) ==
        "fixed_matrix_view: rows are -1, columns are 5. Extents must not be negative.");
  CHECK(test::error_of([&] { (void)fixed_matrix_view(bytes, size, 67, 5, {17, 0}); }) != "no error");
  CHECK(fixed_matrix().view().size_bytes() == 0);
}
