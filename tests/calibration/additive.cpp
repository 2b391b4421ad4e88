// SPDX-License-Identifier: MIT
#include "octavo/calibration/additive.hpp"

#include "octavo/calibration/gptq.hpp"
#include "octavo/quant/schemes.hpp"

#include "calibration/layer.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"

#include <Eigen/Dense>
#include <vector>

using namespace octavo;
using namespace octavo::calibration;

namespace {

constexpr octavo::index rows = 48;
constexpr octavo::index cols = 64;

}  // namespace

TEST_CASE("weights that are made of codebooks are found again") {
  // 16 vectors of multiples of 1/8, rows of scale 1 and 2.
  test::integers next(3);
  Eigen::MatrixXf vectors(16, 8);
  for (octavo::index i = 0; i < vectors.size(); ++i) {
    vectors.data()[i] = static_cast<float>(next.below(17) - 8) / 8.0f;
  }
  Eigen::MatrixXf w(32, 32);
  for (octavo::index r = 0; r < 32; ++r) {
    for (octavo::index i = 0; i < 4; ++i) { w.block(r, i * 8, 1, 8) = vectors.row((r * 4 + i) % 16); }
  }
  auto const q = fit_additive<1, 4>(w, Eigen::MatrixXd::Identity(32, 32), {.tolerance = 1e-9});
  double const error = output_error(w, q.view(), Eigen::MatrixXd::Identity(32, 32));
  CHECK(error < 1e-5 * w.squaredNorm());
}

TEST_CASE("every round of fit_additive lowers the error of the output, which is the loss that it reports") {
  test::layer const l(rows, cols, 300, 5);
  auto const h = test::gram_of(l.x);
  std::vector<double> losses;
  additive_options options{.rounds = 12, .tolerance = 0};
  options.progress = [&](int round, double loss) {
    CHECK(round == static_cast<int>(losses.size()) + 1);
    losses.push_back(loss);
  };
  auto const q = fit_additive<2, 5>(l.w, h, options);
  REQUIRE(losses.size() >= 3);
  for (std::size_t i = 1; i < losses.size(); ++i) { CHECK(losses[i] <= losses[i - 1]); }
  CHECK(losses.back() < 0.8 * losses.front());
  // Rounding codebooks to f16 changes little.
  CHECK(output_error(l.w, q.view(), h) == Approx(losses.back()).epsilon(0.01));
  auto const again = fit_additive<2, 5>(l.w, h, {.rounds = 12, .tolerance = 0});
  for (octavo::index r = 0; r < rows; ++r) {
    for (octavo::index i = 0; i < cols / 8 * 2; ++i) { CHECK(again.view().codes(r)[i] == q.view().codes(r)[i]); }
  }
}

TEST_CASE(
    "1.25 bits of additive codebooks follow the inputs: the output's error is below that of codes for the weights alone") {
  test::layer const l(rows, cols, 300, 6);
  auto const h = test::gram_of(l.x);
  auto const blind = fit_additive<2, 5>(l.w, Eigen::MatrixXd::Identity(cols, cols));
  auto const seeing = fit_additive<2, 5>(l.w, h);
  CHECK(output_error(l.w, seeing.view(), h) < 0.5 * output_error(l.w, blind.view(), h));
  CHECK(output_error(l.w, blind.view(), Eigen::MatrixXd::Identity(cols, cols)) <
        output_error(l.w, seeing.view(), Eigen::MatrixXd::Identity(cols, cols)));
}

TEST_CASE("fit_additive refuses what it cannot fit") {
  Eigen::MatrixXf w = Eigen::MatrixXf::Ones(4, 12);
  CHECK(test::error_of([&] { (void)fit_additive<1, 2>(w, Eigen::MatrixXd::Identity(12, 12)); }) ==
        "fit_additive: columns are 12, weights of a code 8. Columns must be a multiple of it.");
  w = Eigen::MatrixXf::Ones(4, 16);
  CHECK(
      test::error_of([&] { (void)fit_additive<1, 4>(w, Eigen::MatrixXd::Identity(16, 16)); }) ==
      "fit_additive: groups of W are 8, vectors of a codebook 16. Take fewer bits: a vector for each group is no saving.");
  w(1, 1) = __builtin_nanf("");
  CHECK(test::error_of([&] { (void)fit_additive<1, 2>(w, Eigen::MatrixXd::Identity(16, 16)); }) != "no error");
  w(1, 1) = 0;
  CHECK(test::error_of([&] { (void)fit_additive<1, 2>(w, Eigen::MatrixXd::Identity(15, 15)); }) != "no error");
}
