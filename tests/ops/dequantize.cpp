// SPDX-License-Identifier: MIT
#include "octavo/ops/dequantize.hpp"

#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;

TEST_CASE("dequantize gives back integers that fit the format") {
  // absmax 7 in every row, so the scale is 1.
  Eigen::MatrixXf const w = Eigen::MatrixXf::NullaryExpr(
      66, 10, [](Eigen::Index r, Eigen::Index c) { return c == 0 ? 7.0f : static_cast<float>((r + c) % 15 - 7); });
  auto const q = quantize<w4>(w);
  Eigen::MatrixXf out(66, 10);
  dequantize(q, out);
  CHECK(out == w);
  Eigen::MatrixXf by_view(66, 10);
  dequantize(q.view(), by_view);
  CHECK(by_view == w);
  std::vector<float> row(10);
  dequantize_row(q, 65, row.data());
  for (octavo::index c = 0; c < 10; ++c) { CHECK(row[static_cast<std::size_t>(c)] == w(65, c)); }
}

TEST_CASE("dequantize is within half a step of the weights") {
  test::matrix<float> const w(20, 100, 151);
  auto const q = quantize<w4_g32>(w);
  test::matrix<float> out(20, 100);
  dequantize(q, out);
  for (octavo::index r = 0; r < 20; ++r) {
    for (octavo::index c = 0; c < 100; ++c) {
      float const half = 0.5f * q.view().scale_at(r, c / 32);
      CHECK(std::fabs(out(r, c) - w(r, c)) <= half * 1.01f);
    }
  }
}

TEST_CASE("dequantize adds the minimum of each group") {
  // 0 ... 15 steps of 1/4 above a minimum that float16 holds, all of them in each group: all is exact.
  test::matrix<float> w(66, 64);
  for (octavo::index r = 0; r < 66; ++r) {
    for (octavo::index c = 0; c < 64; ++c) {
      w(r, c) = static_cast<float>(r - 40 + c / 32 * 8) + 0.25f * static_cast<float>((c * 7 + r) % 16);
    }
  }
  auto const q = quantize<w4_min_g<32>>(w);
  test::matrix<float> out(66, 64);
  dequantize(q, out);
  CHECK(test::differences(out, w) == 0);
  std::vector<float> row(64);
  dequantize_row(q, 65, row.data());
  for (octavo::index c = 0; c < 64; ++c) { CHECK(row[static_cast<std::size_t>(c)] == w(65, c)); }
}

TEST_CASE("dequantize refuses extents that differ, and rows that are not there") {
  auto const q = quantize<w8>(test::matrix<float>(4, 6, 152));
  Eigen::MatrixXf out(6, 4);
  CHECK_THROWS_AS(dequantize(q, out), std::invalid_argument);
  std::vector<float> row(6);
  CHECK_THROWS_AS(dequantize_row(q, 4, row.data()), std::invalid_argument);
  CHECK_THROWS_AS(dequantize_row(q, -1, row.data()), std::invalid_argument);
}
