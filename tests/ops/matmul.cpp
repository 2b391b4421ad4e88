// SPDX-License-Identifier: MIT
// The interface of matmul: operands, shapes, options, memory.
#include "octavo/ops/matmul.hpp"

#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/check_matmul.hpp"
#include "support/errors.hpp"
#include "support/executors.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <memory_resource>
#include <stdexcept>
#include <vector>

using namespace octavo;
using test::error_of;
using namespace octavo::schemes;

namespace {

Eigen::MatrixXf random_matrix(octavo::index rows, octavo::index cols, std::uint64_t seed) {
  test::matrix<float> const m(rows, cols, seed);
  return Eigen::Map<Eigen::MatrixXf const>(m.data(), rows, cols);
}

}  // namespace

TEST_CASE("shapes that do not fit throw, with both extents in the text") {
  auto const w = quantize<w8>(random_matrix(6, 10, 1), on<scalar>());
  Eigen::MatrixXf y(6, 4);
  CHECK(error_of([&] { matmul<a8>(w, Eigen::MatrixXf(9, 4), y, on<scalar>()); }) ==
        "matmul: X has features 9, W has columns 10. They must be equal: a token is a column of X.");
  CHECK(error_of([&] { matmul<a8>(w, Eigen::MatrixXf(10, 3), y, on<scalar>()); }) ==
        "matmul: X has tokens 3, Y has tokens 4. They must be equal.");
  Eigen::MatrixXf tall(7, 4);
  CHECK(error_of([&] { matmul<a8>(w, Eigen::MatrixXf(10, 4), tall, on<scalar>()); }) ==
        "matmul: Y has features 7, W has rows 6. They must be equal: Y = W X.");
}

TEST_CASE("can_matmul says what matmul would do") {
  auto const w = quantize<w8>(random_matrix(6, 10, 1), on<scalar>());
  Eigen::MatrixXf y(6, 4);
  CHECK(can_matmul(w, Eigen::MatrixXf(10, 4), y));
  CHECK(can_matmul(w.view(), Eigen::MatrixXf(10, 4), y));
  CHECK_FALSE(can_matmul(w, Eigen::MatrixXf(9, 4), y));
  CHECK_FALSE(can_matmul(w, Eigen::MatrixXf(10, 3), y));
  CHECK_FALSE(can_matmul(w, Eigen::MatrixXf(10, 4), y.topRows(5)));
}

TEST_CASE("operands may be matrices, blocks, maps, row-major tokens, and views of the caller's memory") {
  auto const w = quantize<w4_g32>(random_matrix(70, 50, 2), on<scalar>());
  Eigen::MatrixXf const x = random_matrix(50, 9, 3);
  Eigen::MatrixXf expected(70, 9);
  matmul<a8>(w, x, expected);
  CHECK(test::differences(expected, test::plain_matmul<a8>(w.view(), [&] {
                            test::matrix<float> m(50, 9);
                            Eigen::Map<Eigen::MatrixXf>(m.data(), 50, 9) = x;
                            return m;
                          }())) == 0);

  Eigen::MatrixXf large = Eigen::MatrixXf::Constant(60, 12, 1e30f);
  large.block(4, 2, 50, 9) = x;
  Eigen::MatrixXf out = Eigen::MatrixXf::Constant(80, 14, -5.0f);
  matmul<a8>(w, large.block(4, 2, 50, 9), out.block(3, 1, 70, 9));
  CHECK(test::differences(out.block(3, 1, 70, 9), expected) == 0);
  out.block(3, 1, 70, 9).setConstant(-5.0f);
  CHECK((out.array() == -5.0f).all());  // nothing else was written

  using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  row_major const tokens = x.transpose();
  row_major y_tokens(9, 70);
  matmul<a8>(w, by_rows(tokens), by_rows(y_tokens));
  CHECK(test::differences(y_tokens.transpose(), expected) == 0);

  Eigen::VectorXf one(70);
  matmul<a8>(w, x.col(3), one);
  CHECK(test::differences(one, expected.col(3)) == 0);

  aligned_buffer file(w.size_bytes());
  std::copy_n(w.data(), w.size_bytes(), file.data());
  quantized_matrix_view<w4_g32> const mapped(file.data(), file.size(), 70, 50);
  Eigen::MatrixXf y(70, 9);
  matmul<a8>(mapped, x, y);
  CHECK(test::differences(y, expected) == 0);
}

TEST_CASE("context and epilogue come in any order") {
  auto const w = quantize<w4_g32>(random_matrix(20, 33, 4), on<scalar>());
  Eigen::MatrixXf const x = random_matrix(33, 3, 5);
  Eigen::MatrixXf a(20, 3);
  Eigen::MatrixXf b(20, 3);
  auto const twice = [](auto acc, octavo::index, octavo::index) { return acc + acc; };
  test::backwards pool;
  matmul<a8>(w, x, a, twice, on(pool));
  matmul<a8>(w, x, b, on(pool), twice);
  Eigen::MatrixXf once(20, 3);
  matmul<a8>(w, x, once);
  CHECK(test::differences(a, b) == 0);
  CHECK(test::differences(a, Eigen::MatrixXf(2.0f * once)) == 0);
}

TEST_CASE("scratch comes from the given memory, in one allocation, and nothing else is allocated") {
  auto const w = quantize<w4_g32>(random_matrix(70, 100, 6), on<scalar>());
  Eigen::MatrixXf const x = random_matrix(100, 1, 7);
  Eigen::MatrixXf expected(70, 1);
  Eigen::MatrixXf y(70, 1);
  matmul<a8>(w, x, expected);
  std::vector<std::byte> room(16384);
  std::pmr::monotonic_buffer_resource memory(room.data(), room.size(), std::pmr::null_memory_resource());
  matmul<a8>(w, x, y, on<>().scratch(memory));
  CHECK(test::differences(y, expected) == 0);

  test::counting_memory counted;
  matmul<a8>(w, x, y, on<>().scratch(counted));
  CHECK(counted.allocations == 1);
  CHECK(counted.bytes_held == 0);
  CHECK(counted.most_bytes < 4096);  // 128 bytes of operands and a few lines for one token

  std::byte little[64];
  std::pmr::monotonic_buffer_resource none(little, sizeof little, std::pmr::null_memory_resource());
  CHECK_THROWS_AS(matmul<a8>(w, x, y, on<>().scratch(none)), std::bad_alloc);
}

TEST_CASE("no tokens, no rows: nothing is written. No columns: zeros and the epilogue") {
  Eigen::MatrixXf y(5, 0);
  matmul<a8>(quantize<w8>(random_matrix(5, 4, 8), on<scalar>()), Eigen::MatrixXf(4, 0), y);
  Eigen::MatrixXf none(0, 3);
  matmul<a8>(quantize<w8>(Eigen::MatrixXf(0, 4), on<scalar>()), random_matrix(4, 3, 9), none);
  Eigen::MatrixXf z = Eigen::MatrixXf::Constant(5, 3, 7.0f);
  auto const w = quantize<w8>(Eigen::MatrixXf(5, 0), on<scalar>());
  matmul<a8>(w, Eigen::MatrixXf(0, 3), z);
  CHECK((z.array() == 0.0f).all());
  matmul<a8>(w, Eigen::MatrixXf(0, 3), z,
             [](auto acc, octavo::index, octavo::index) { return acc + decltype(acc)(2.0f); });
  CHECK((z.array() == 2.0f).all());
}
