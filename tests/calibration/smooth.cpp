// SPDX-License-Identifier: MIT
#include "octavo/calibration/smooth.hpp"

#include "octavo/calibration/inputs.hpp"
#include "octavo/ops/matmul.hpp"
#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "calibration/layer.hpp"
#include "support/catch.hpp"

#include <Eigen/Dense>
#include <limits>
#include <vector>

using namespace octavo;
using namespace octavo::calibration;
using namespace octavo::schemes;

TEST_CASE("the worked factors, for several alpha") {
  std::vector<float> const a = {16, 0.5f, 2};
  Eigen::MatrixXf w(1, 3);
  w << 0.25f, 0.5f, 1;
  auto const check = [&](double alpha, double s0, double s1, double s2) {
    auto const s = smooth_factors(a, alpha, w);
    CHECK(s.size() == 3);
    CHECK(s[0] == Approx(s0).epsilon(1e-6));
    CHECK(s[1] == Approx(s1).epsilon(1e-6));
    CHECK(s[2] == Approx(s2).epsilon(1e-6));
  };
  check(0.5, 8, 1, 1.414214);
  check(0.7, 10.556063, 0.757858, 1.624505);
  check(0.8, 12.125733, 0.659754, 1.741101);
  check(1, 16, 0.5, 2);
  w << 0.25f, 1, 0.5f;
  check(0.5, 8, 0.70710678, 2);
}

TEST_CASE("the largest weight over all consumers counts, and nothing is below 1e-5") {
  std::vector<float> const a = {4, 0, 1};
  Eigen::MatrixXf q(1, 3);
  Eigen::MatrixXf k(2, 3);
  q << 1, 1, 0;
  k << 0.5f, 0, 0, -4, 0, 0;
  auto const s = smooth_factors(a, 0.5, q, k);
  CHECK(s[0] == 1.0f);
  CHECK(s[1] == Approx(std::sqrt(1e-5)));
  CHECK(s[2] == Approx(1 / std::sqrt(1e-5)));
  CHECK(smooth_factors(a, 1, q, k)[1] == 1e-5f);
}

TEST_CASE("moving outliers into the weights keeps the layer, and halves the error of its W8A8 product at least") {
  test::layer l(40, 96, 60, 7, true);
  Eigen::MatrixXf const exact = l.w * l.x;
  auto const error = [&](Eigen::MatrixXf const& w, Eigen::MatrixXf const& x) {
    Eigen::MatrixXf y(w.rows(), x.cols());
    matmul<a8>(quantize<w8>(w), x, y);
    return (y - exact).cast<double>().squaredNorm();
  };
  double const before = error(l.w, l.x);
  inputs seen(96);
  seen.add(l.x);
  auto const s = smooth_factors(seen.absmax(), 0.5, l.w);
  multiply_columns(l.w, s);
  for (octavo::index t = 0; t < l.x.cols(); ++t) { divide({l.x.col(t).data(), 96}, s); }
  CHECK((l.w * l.x - exact).norm() < 1e-5f * exact.norm());
  double const after = error(l.w, l.x);
  INFO(before << " to " << after);
  CHECK(after < before / 2);
}

TEST_CASE("weights of 16 bits are rounded once, blocks and maps are written in place") {
  Eigen::Matrix<Eigen::bfloat16, 1, 2> w;
  w << Eigen::bfloat16(1.5f), Eigen::bfloat16(-3.0f);
  std::vector<float> const s = {1.00390625f, 0.5f};
  multiply_columns(w, s);
  CHECK(static_cast<float>(w(0)) == 1.5078125f);
  CHECK(static_cast<float>(w(1)) == -1.5f);
  Eigen::MatrixXf m = Eigen::MatrixXf::Ones(2, 4);
  multiply_columns(m.middleCols(1, 2), s);
  CHECK(m(1, 0) == 1.0f);
  CHECK(m(1, 2) == 0.5f);
}

TEST_CASE("smoothing refuses extents that differ and elements that are not finite") {
  std::vector<float> const a = {1, 2};
  Eigen::MatrixXf w = Eigen::MatrixXf::Ones(2, 3);
  CHECK_THROWS_WITH(smooth_factors(a, 0.5, w),
                    "smooth_factors: features are 2, W has columns 3. There is one for each column.");
  CHECK_THROWS_WITH(smooth_factors({}, 0.5, w), Catch::Contains("the values are 0"));
  CHECK_THROWS_WITH(smooth_factors(a, 1.5, w), Catch::Contains("between 0 and 1"));
  CHECK_THROWS_WITH(multiply_columns(w, a), Catch::Contains("factors are 2, W has columns 3"));
  std::vector<float> norm = {1, 2, 3};
  CHECK_THROWS_WITH(divide(norm, a), Catch::Contains("the norm has features 3, factors are 2"));
  w(1, 1) = std::numeric_limits<float>::infinity();
  std::vector<float> const three = {1, 2, 3};
  CHECK_THROWS_WITH(smooth_factors(three, 0.5, w), Catch::Contains("in row 1, column 1"));
}
