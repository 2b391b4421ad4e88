// SPDX-License-Identifier: MIT
#include "octavo/calibration/gram.hpp"

#include "octavo/calibration/smooth.hpp"

#include "calibration/layer.hpp"
#include "support/catch.hpp"

#include <Eigen/Dense>
#include <limits>
#include <vector>

using namespace octavo;

TEST_CASE("the Gram matrix is X Xᵀ over the tokens, exactly for short numbers, symmetric") {
  test::layer const l(1, 20, 300, 3);
  calibration::gram seen(20);
  seen.add(l.x);
  Eigen::MatrixXd const x = l.x.cast<double>();
  Eigen::MatrixXd const expected = (x * x.transpose()) / 300;
  CHECK(seen.tokens() == 300);
  CHECK(seen.mean() == expected);
}

TEST_CASE("how tokens are split into batches does not change the Gram matrix, to the bit") {
  Eigen::MatrixXf const x = Eigen::MatrixXf::Random(33, 290);
  calibration::gram at_once(33);
  calibration::gram split(33);
  at_once.add(x);
  for (octavo::index const t : {0, 1, 2, 127, 128, 200, 289}) {
    octavo::index const end = t == 0     ? 1
                              : t == 1   ? 2
                              : t == 2   ? 127
                              : t == 127 ? 128
                              : t == 128 ? 200
                              : t == 200 ? 289
                                         : 290;
    split.add(x.middleCols(t, end - t));
  }
  CHECK(split.mean() == at_once.mean());
  CHECK(split.mean() == split.mean());
}

TEST_CASE("128 tokens of many features leave nothing to be entered at the end") {
  Eigen::MatrixXf const x = Eigen::MatrixXf::Ones(200, 128);
  calibration::gram seen(200);
  seen.add(x);
  CHECK(seen.mean() == Eigen::MatrixXd::Ones(200, 200));
}

TEST_CASE("the error of the output is that of the products") {
  test::layer const l(70, 20, 90, 3);
  calibration::gram seen(20);
  seen.add(l.x);
  Eigen::MatrixXf const other = l.w + Eigen::MatrixXf::Constant(70, 20, 0.125f);
  double const expected =
      ((l.w - other).cast<double>() * l.x.cast<double>()).squaredNorm() / static_cast<double>(l.x.cols());
  CHECK(calibration::output_error(l.w, other, seen.mean()) == Approx(expected).epsilon(1e-12));
  CHECK(calibration::output_error(l.w, l.w, seen.mean()) == 0);
}

TEST_CASE("the Gram matrix of divided features is that of the features, divided") {
  test::layer l(1, 6, 40, 3);
  std::vector<float> const s = {1, 2, 4, 0.5f, 8, 0.25f};
  calibration::gram before(6);
  before.add(l.x);
  for (octavo::index f = 0; f < 6; ++f) { l.x.row(f) /= s[static_cast<std::size_t>(f)]; }
  calibration::gram after(6);
  after.add(l.x);
  CHECK(calibration::divide_features(before.mean(), s) == after.mean());
}

TEST_CASE("gram refuses other features, elements that are not finite, and the mean of nothing") {
  calibration::gram seen(3);
  CHECK_THROWS_WITH(seen.mean(), "gram: tokens are 0, but must be at least 1. Call add first.");
  CHECK_THROWS_WITH(seen.add(Eigen::MatrixXf(4, 1)),
                    "gram: X has features 4, but was made for 3. A token is a column of X.");
  Eigen::MatrixXf x = Eigen::MatrixXf::Zero(3, 2);
  x(1, 1) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(seen.add(x), Catch::Contains("not finite is the element in row 1, column 1"));
  CHECK_THROWS_AS(calibration::gram(0), std::invalid_argument);
  Eigen::MatrixXf const w(2, 3);
  CHECK_THROWS_WITH(calibration::output_error(w, w, Eigen::MatrixXd(3, 4)),
                    Catch::Contains("the Gram matrix has features 4, W has columns 3"));
  CHECK_THROWS_WITH(calibration::output_error(w, Eigen::MatrixXf(3, 3), Eigen::MatrixXd::Identity(3, 3)),
                    Catch::Contains("W has elements 6, its replacement has 9"));
}
