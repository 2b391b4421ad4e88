// SPDX-License-Identifier: MIT
#include "octavo/calibration/percentile.hpp"

#include "octavo/format/integer.hpp"
#include "octavo/quant/affine.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/symmetric.hpp"

#include "calibration/sine.hpp"
#include "support/catch.hpp"

#include <limits>
#include <vector>

using namespace octavo;
using namespace octavo::calibration;

TEST_CASE("percentiles of the sine with an outlier: scale, zero point and error to the last digit") {
  using Q = affine<uint4>;
  auto const xs = test::sine();
  auto const check = [&xs](double p, double scale, int zero, double error) {
    INFO("p " << p);
    auto const fit = percentile{p}.fit<Q>(xs);
    CHECK(fit.scale == Approx(scale).epsilon(1e-7));
    CHECK(fit.zero_point == zero);
    CHECK(test::mean_square<Q>(xs, fit) == Approx(error).epsilon(1e-6));
  };
  check(1, 2.16970807, 3, 0.44795983);
  check(0.999, 2.09474382, 4, 0.42862957);
  check(0.99, 1.42006560, 5, 1.93931361);
  check(0.97, 0.92571574, 7, 4.86016507);
}

TEST_CASE("a quantile interpolates between the neighbours in order") {
  std::vector<float> xs = {4, 1, 3, 2};
  CHECK(quantile(xs, 0) == 1);
  CHECK(quantile(xs, 0.5) == 2.5);
  CHECK(quantile(xs, 0.75) == 3.25);
  CHECK(quantile(xs, 1) == 4);
  std::vector<float> one = {7};
  CHECK(quantile(one, 0.3) == 7);
}

TEST_CASE("symmetric quantizers take the quantile of |x|, a minimum may lie above 0") {
  std::vector<float> const xs = {-8, 1, -2, 3, 4};
  CHECK(percentile{0.75}.fit<symmetric<int4>>(xs).scale == 4.0f / 7);
  CHECK(percentile{1}.fit<symmetric<int4>>(xs).scale == 8.0f / 7);
  std::vector<float> const above = {10, 11, 12, 13, 14};
  CHECK(percentile{0.75}.fit<affine_min<uint4>>(above).minimum == 11.0f);
}

TEST_CASE("percentile refuses empty and non-finite values, and p out of range") {
  std::vector<float> const xs = {1, 2};
  std::vector<float> const bad = {1, std::numeric_limits<float>::quiet_NaN()};
  CHECK_THROWS_AS(percentile{}.fit<symmetric<int8>>({}), std::invalid_argument);
  CHECK_THROWS_AS(percentile{}.fit<symmetric<int8>>(bad), std::invalid_argument);
  CHECK_THROWS_WITH(percentile{99.9}.fit<symmetric<int8>>(xs), Catch::Contains("between 0.5 and 1"));
  CHECK_THROWS_WITH(percentile{0.01}.fit<symmetric<int8>>(xs), Catch::Contains("between 0.5 and 1"));
}
