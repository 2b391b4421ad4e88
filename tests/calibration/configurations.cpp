// SPDX-License-Identifier: MIT
#include "octavo/calibration/configurations.hpp"

#include "octavo/quant/schemes.hpp"

#include "calibration/layer.hpp"
#include "support/catch.hpp"

#include <vector>

using namespace octavo;
using namespace octavo::calibration;
using namespace octavo::schemes;

namespace {

double squared(double x) { return x * x; }

}  // namespace

TEST_CASE("losses are the squared errors of decompose, sizes the bits of the packed matrix") {
  test::layer const l(20, 64, 1, 3);
  auto const all = decomposed<w2_g64, w4_g<64>>(l.w, 4);
  REQUIRE(all.size() == 2);
  auto const two = decompose<w2_g64>(l.w, 4);
  CHECK(all[0].loss == squared(*std::min_element(two.errors.begin(), two.errors.end())));
  CHECK(all[0].size == 8 * two.base.size_bytes());
  CHECK(all[1].loss < all[0].loss);
  CHECK(all[1].size == 8 * 64 * (64 / 2 + 2));
}

TEST_CASE("under one budget the layer that matters by Fisher information gets the bits") {
  std::vector<test::layer> layers;
  for (std::uint64_t i = 0; i < 3; ++i) { layers.emplace_back(64, 64, 1, 20 + i); }
  auto const choose = [&](std::vector<float> const& importance) {
    std::vector<std::vector<configuration>> table;
    std::int64_t budget = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      Eigen::MatrixXf const fisher = Eigen::MatrixXf::Constant(64, 64, importance[i]);
      table.push_back(
          decomposed<w2_g64, w3_g<64>, w4_g<64>>(layers[i].w, 4, extremes{}, {.fisher = matrix_view(fisher)}));
      budget += table.back()[1].size;  // three bits on average
    }
    return allocate(table, budget);
  };
  CHECK(choose({1, 1, 1}) == std::vector<int>{1, 1, 1});
  CHECK(choose({100, 1, .001f}) == std::vector<int>{2, 1, 0});
  CHECK(choose({.001f, 1, 100}) == std::vector<int>{0, 1, 2});
}

TEST_CASE("errors of outputs: a layer whose inputs are large gets the bits") {
  test::layer const quiet(16, 64, 50, 4);
  test::layer loud(16, 64, 50, 5);
  loud.x *= 16;
  std::vector<std::vector<configuration>> const table = {
      quantized_outputs<w2_g64, w4_g<64>, w8_g<64>>(quiet.w, test::gram_of(quiet.x)),
      quantized_outputs<w2_g64, w4_g<64>, w8_g<64>>(loud.w, test::gram_of(loud.x))};
  CHECK(table[0][1].loss == output_error(quiet.w, quantize_with<w4_g<64>>(quiet.w).view(), test::gram_of(quiet.x)));
  CHECK(allocate(table, table[0][0].size + table[1][2].size) == std::vector<int>{0, 2});
}
