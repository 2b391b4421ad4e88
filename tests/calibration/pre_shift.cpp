// SPDX-License-Identifier: MIT
#include "octavo/calibration/pre_shift.hpp"

#include "octavo/format/minifloat.hpp"
#include "octavo/ops/matmul.hpp"

#include "support/catch.hpp"
#include "support/matrix.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;
using namespace octavo::calibration;

namespace {

// LLM-FP4's worked layer: four features, two tokens, two outputs.
float const tokens[2][4] = {{.9f, -12, .11f, 3}, {-1.4f, 7.5f, -.05f, -2.2f}};
float const weights[2][4] = {{.2f, .05f, 1.1f, -.4f}, {-.5f, .03f, -.9f, .25f}};
std::vector<float> const absmax = {1.4f, 12, .11f, 3};

/// The weights by the bias of their rows.
quantized_matrix<scheme<symmetric<e2m1>, per_row>> coded_weights() {
  return pack_codes<scheme<symmetric<e2m1>, per_row>>(2, 4, [](octavo::index r, octavo::index, code* codes) {
    float most = 0;
    for (float const w : weights[r]) { most = std::max(most, std::fabs(w)); }
    auto const p = params_of_bias<e2m1>(bias_of<e2m1>(most));
    for (int c = 0; c < 4; ++c) { codes[c] = symmetric<e2m1>::encode(weights[r][c], p); }
    return p;
  });
}

}  // namespace

TEST_CASE("LLM-FP4's worked biases, shifts and activations") {
  double const biases[] = {3.099536, 0, 6.769387, 2};
  for (std::size_t j = 0; j < 4; ++j) { CHECK(bias_of<e2m1>(absmax[j]) == Approx(biases[j]).margin(1e-6)); }
  CHECK(bias_of<e2m1>(1.1f) == Approx(3.44745898));
  CHECK(bias_of<e2m1>(.9f) == Approx(3.73696559));
  // A real bias is a scale: OCP's E2M1 with 2^(1 - b).
  CHECK(scale_of_bias<e2m1>(3.44745898) == Approx(1.1 / 6));
  CHECK(scale_of_bias<e1m2>(2.5) * 3.5f == Approx((2 - .25) * std::exp2(2 - 1 - 2.5)));
  CHECK(scale_of_bias<e3m0>(4.25) * 16.0f == Approx((2 - 1) * std::exp2(8 - 1 - 4.25)));

  auto const found = pre_shift<e2m1>(absmax);
  CHECK(found.rho == Approx(0).margin(1e-12));
  CHECK(found.shifts == std::vector<int>{3, 0, 3, 2});
  CHECK(found.factors() == std::vector<float>{8, 1, 8, 4});
  int const integers[2][4] = {{8, -12, 1, 12}, {-12, 8, 0, -8}};
  auto const p = params_of_bias<e2m1>(found.rho);
  for (std::size_t t = 0; t < 2; ++t) {
    for (std::size_t j = 0; j < 4; ++j) {
      float const v = e2m1::decode(symmetric<e2m1>::encode(tokens[t][j] * found.factors()[j], p));
      CHECK(v * 2 == static_cast<float>(integers[t][j]));
    }
  }
}

TEST_CASE("LLM-FP4's worked product: shifts folded into weights, one integer sum") {
  auto const w = coded_weights();
  std::vector<int> const shifts = {3, 0, 3, 2};
  auto const folded = fold_shifts<e2m1>(w, shifts);
  int const integers[2][4] = {{2, 8, 12, -8}, {-6, 0, -12, 6}};
  int const activations[2][4] = {{8, -12, 1, 12}, {-12, 8, 0, -8}};
  int const sums[2][2] = {{-164, 12}, {104, 24}};
  double const outputs[2][2] = {{-1.8791667, .1125}, {1.1916667, .225}};
  auto const p = params_of_bias<e2m1>(0);
  test::matrix<float> x(4, 2);
  for (octavo::index r = 0; r < 2; ++r) {
    for (octavo::index c = 0; c < 4; ++c) {
      CHECK(int8::decode(folded.view().code_at(r, c)) == static_cast<float>(integers[r][c]));
      CHECK(folded.view()(r, c) == w.view()(r, c) / static_cast<float>(1 << shifts[static_cast<std::size_t>(c)]));
      float const shifted = tokens[r][c] * static_cast<float>(1 << shifts[static_cast<std::size_t>(c)]);
      x(c, r) = symmetric<e2m1>::decode(symmetric<e2m1>::encode(shifted, p), p);
    }
  }
  test::matrix<float> y(2, 2);
  matmul<scheme<symmetric<e2m1>, per_token>>(folded, x, y);  // each token reaches 12, so its scale is rho's
  for (octavo::index t = 0; t < 2; ++t) {
    for (octavo::index r = 0; r < 2; ++r) {
      int sum = 0;
      for (octavo::index c = 0; c < 4; ++c) { sum += integers[r][c] * activations[t][c]; }
      CHECK(sum == sums[t][r]);
      CHECK(y(r, t) == Approx(outputs[t][r]));
    }
  }
}

TEST_CASE("a channel of zeros, formats of one exponent bit") {
  CHECK(pre_shift<e2m1>(std::vector<float>{0, 3}).shifts == std::vector<int>{3, 0});
  CHECK(pre_shift<e1m2>(std::vector<float>{1, 16, 7}).shifts == std::vector<int>{1, 0, 1});
  CHECK(pre_shift<e3m0>(std::vector<float>{0.01f, 16}).shifts == std::vector<int>{7, 0});
}

TEST_CASE("pre_shift and fold_shifts refuse zeros, NaN, shifts that leave a byte") {
  CHECK_THROWS_WITH(pre_shift<e2m1>(std::vector<float>{0, 0}), Catch::Contains("every channel is 0"));
  CHECK_THROWS_WITH(pre_shift<e2m1>(std::vector<float>{1, -1}), Catch::Contains("below 0"));
  CHECK_THROWS_AS(pre_shift<e2m1>(std::vector<float>{}), std::invalid_argument);
  CHECK_THROWS_AS(pre_shift<e2m1>(std::vector<float>{std::numeric_limits<float>::infinity()}), std::invalid_argument);
  auto const w = coded_weights();
  CHECK_THROWS_WITH(fold_shifts<e2m1>(w, std::vector<int>{1, 2}), Catch::Contains("shifts are 2, W has columns 4"));
  CHECK_THROWS_WITH(fold_shifts<e2m1>(w, std::vector<int>{0, 0, 0, 8}), Catch::Contains("a shift is 8"));
  CHECK_THROWS_WITH(fold_shifts<e2m1>(w, std::vector<int>{0, 0, 0, 4}), Catch::Contains("a byte holds 127"));
}
