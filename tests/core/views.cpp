// SPDX-License-Identifier: MIT
#include "octavo/core/views.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"

#include <Eigen/Dense>
#include <string>
#include <vector>

using namespace octavo;
using test::error_of;

namespace {

using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class M>
M numbered(octavo::index rows, octavo::index cols) {
  M m(rows, cols);
  for (octavo::index r = 0; r < rows; ++r) {
    for (octavo::index c = 0; c < cols; ++c) { m(r, c) = static_cast<float>(100 * r + c); }
  }
  return m;
}

template <class M, class N>
bool same_values(M const& view, N const& m) {
  if (view.rows() != m.rows() || view.cols() != m.cols()) { return false; }
  for (octavo::index r = 0; r < m.rows(); ++r) {
    for (octavo::index c = 0; c < m.cols(); ++c) {
      if (view(r, c) != m(r, c)) { return false; }
    }
  }
  return true;
}

/// Whether token t, feature f is m(f, t).
template <class V, class M>
bool same_tokens(V const& view, M const& m) {
  if (view.features() != m.rows() || view.tokens() != m.cols()) { return false; }
  for (octavo::index t = 0; t < m.cols(); ++t) {
    for (octavo::index f = 0; f < m.rows(); ++f) {
      if (view.token(t)[f] != m(f, t)) { return false; }
    }
  }
  return true;
}

}  // namespace

TEST_CASE("matrix_view sees Eigen objects of either order, blocks and maps") {
  auto const m = numbered<Eigen::MatrixXf>(5, 4);
  auto const rm = numbered<row_major>(5, 4);
  CHECK(same_values(matrix_view(m), m));
  CHECK(same_values(matrix_view(rm), m));
  CHECK(same_values(matrix_view(m.block(1, 1, 3, 2)), m.block(1, 1, 3, 2)));
  CHECK(same_values(matrix_view(rm.block(1, 1, 3, 2)), m.block(1, 1, 3, 2)));
  Eigen::Ref<Eigen::MatrixXf const> const ref = m.middleCols(1, 2);
  CHECK(same_values(matrix_view(ref), m.middleCols(1, 2)));
  CHECK(same_values(matrix_view(m.row(2)), m.row(2)));
  Eigen::Map<Eigen::MatrixXf const, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>> const strided(
      m.data(), 2, 2, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(10, 2));
  CHECK(same_values(matrix_view(strided), strided));
  CHECK(*matrix_view(m).at(3, 2) == 302.0f);
}

TEST_CASE("tokens_view sees columns as tokens") {
  auto const m = numbered<Eigen::MatrixXf>(5, 4);
  CHECK(same_tokens(as_tokens(m), m));
  CHECK(as_tokens(m).stride() == 5);
  CHECK(same_tokens(as_tokens(m.block(1, 1, 3, 2)), m.block(1, 1, 3, 2)));
  CHECK(as_tokens(m.block(1, 1, 3, 2)).stride() == 5);
  CHECK(same_tokens(as_tokens(m.col(2)), m.col(2)));
  Eigen::Ref<Eigen::MatrixXf const> const ref = m.rightCols(3);
  CHECK(same_tokens(as_tokens(ref), m.rightCols(3)));
  Eigen::Map<Eigen::MatrixXf const, 0, Eigen::OuterStride<>> const map(m.data(), 3, 2, Eigen::OuterStride<>(10));
  CHECK(same_tokens(as_tokens(map), map));
  Eigen::VectorXf const v = m.col(1);
  CHECK(same_tokens(as_tokens(v), v));
}

TEST_CASE("a row vector is one token") {
  Eigen::RowVectorXf const v = numbered<Eigen::MatrixXf>(1, 6);
  for (auto const& one : {by_rows(v), as_tokens(v)}) {
    CHECK(one.features() == 6);
    CHECK(one.tokens() == 1);
    CHECK(one.token(0)[5] == 5.0f);
  }
}

TEST_CASE("by_rows sees a column as tokens of one feature") {
  Eigen::VectorXf const v = numbered<Eigen::MatrixXf>(6, 1);
  CHECK(same_tokens(by_rows(v), v.transpose().eval()));
  auto const rm = numbered<row_major>(5, 4);
  CHECK(same_tokens(by_rows(rm.col(2)), Eigen::MatrixXf(rm.col(2).transpose())));
}

TEST_CASE("by_rows sees row-major matrices as tokens by features") {
  auto rm = numbered<row_major>(5, 4);
  Eigen::MatrixXf const transposed = rm.transpose();
  CHECK(same_tokens(by_rows(rm), transposed));
  CHECK(same_tokens(by_rows(rm.block(1, 1, 3, 2)), transposed.block(1, 1, 2, 3)));
  by_rows(rm).token(3)[2] = -1.0f;
  CHECK(rm(3, 2) == -1.0f);
}

TEST_CASE("views write through, unless what they see is const") {
  auto m = numbered<Eigen::MatrixXf>(3, 2);
  as_tokens(m).token(1)[2] = 7.0f;
  CHECK(m(2, 1) == 7.0f);
  auto const view = as_tokens(m.col(0));
  view.token(0)[0] = 8.0f;
  CHECK(m(0, 0) == 8.0f);
  Eigen::MatrixXf const& fixed = m;
  STATIC_REQUIRE(std::is_same_v<decltype(as_tokens(fixed).data()), float const*>);
  STATIC_REQUIRE(std::is_same_v<decltype(as_tokens(m).data()), float*>);
  tokens_view<float> const own(m.data(), 3, 2, 3);
  STATIC_REQUIRE(std::is_same_v<decltype(as_tokens(own).data()), float*>);
}

TEST_CASE("views refuse what they cannot hold, and say why") {
  std::vector<float> data(64);
  CHECK(error_of([&] { (void)matrix_view<float>(data.data(), -1, 3, 1, 1); }) ==
        "matrix_view: rows are -1, columns are 3. Extents must not be negative.");
  CHECK(error_of([&] { (void)matrix_view<float>(nullptr, 2, 3, 1, 2); }) ==
        "matrix_view: the data pointer is null but rows are 2, columns are 3. Pass memory, or an extent of 0.");
  CHECK(error_of([&] { (void)tokens_view<float>(data.data(), 4, -2, 4); }) ==
        "tokens_view: rows are 4, columns are -2. Extents must not be negative.");
  CHECK(error_of([&] { (void)tokens_view<float>(nullptr, 4, 2, 4); }).find("null") != std::string::npos);
  CHECK(error_of([&] { (void)tokens_view<float>(data.data(), 8, 4, 7); }) ==
        "tokens_view: the stride between tokens is 7, features are 8. Tokens would overlap: pass a stride of at "
        "least the features.");
  CHECK_NOTHROW(tokens_view<float>(data.data(), 8, 1, 0));
  CHECK_NOTHROW(tokens_view<float>(nullptr, 0, 4, 0));
  CHECK_NOTHROW(matrix_view<float>(nullptr, 0, 4, 1, 0));
}

TEST_CASE("an inner stride is refused where features must be contiguous") {
  std::vector<float> data(64);
  Eigen::Map<Eigen::MatrixXf, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>> const strided(
      data.data(), 4, 3, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(16, 2));
  CHECK(error_of([&] { (void)as_tokens(strided); }) ==
        "tokens_view: the inner stride is 2, but must be 1. Features of a token must be contiguous: copy the operand "
        "first.");
  Eigen::Map<row_major, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>> const rows(
      data.data(), 3, 4, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(16, 2));
  CHECK(error_of([&] { (void)by_rows(rows); }).find("inner stride is 2") != std::string::npos);
  auto const m = numbered<Eigen::MatrixXf>(4, 4);
  CHECK(error_of([&] { (void)as_tokens(m.row(1)); }).find("inner stride is 4") != std::string::npos);
}
