// SPDX-License-Identifier: MIT
#include "octavo/quant/absmean.hpp"

#include "support/catch.hpp"
#include "support/codes.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;
using test::values_of_codes;
using test::worked;

TEST_CASE("ternary weights are rounded in units of their mean") {
  using Q = absmean<>;
  STATIC_REQUIRE(linear_quantizer<Q>);
  STATIC_REQUIRE(check_quantizer<Q>());
  CHECK(Q::calibrate(worked).scale == 0.52875f);  // 4.23 / 8
  CHECK(values_of_codes<Q>(worked) == std::vector<float>{1, -1, 0, -1, 1, 1, 0, 1});
  CHECK(Q::decode(0, Q::calibrate(worked)) == -0.52875f);
}

TEST_CASE("half the mean is a tie and becomes 0") {
  // The mean of these is 1.
  CHECK(values_of_codes<absmean<>>({1.5f, 0.5f, -0.5f, 0.75f, -0.75f, 2.0f}) ==
        std::vector<float>{1, 0, 0, 1, -1, 1});
}

TEST_CASE("the mean of many numbers does not lose them") {
  std::vector<float> xs(1 << 22, 0.1f);  // a sum of floats would stop growing
  xs.front() = 1e6f;
  CHECK(absmean<>::calibrate(xs).scale ==
        static_cast<float>((1e6 + ((1 << 22) - 1) * static_cast<double>(0.1f)) / (1 << 22)));
}

TEST_CASE("a stored mean is the rounded one, and codes are made with it") {
  using Q = absmean<ternary, scale_as<f16>>;
  auto const p = Q::calibrate(worked);
  CHECK(p.scale == static_cast<float>(f16(0.52875f)));
  CHECK(p.inverse == 1.0f / p.scale);
}

TEST_CASE("absmean of zeros is 0, of numbers that are not finite NaN") {
  CHECK(absmean<>::calibrate(std::vector<float>(3, 0.0f)).scale == 0.0f);
  CHECK(values_of_codes<absmean<>>({0.0f, 0.0f}) == std::vector<float>{0, 0});
  CHECK(absmean<>::calibrate(std::vector<float>{}).scale == 0.0f);
  CHECK(std::isnan(absmean<>::calibrate(std::vector<float>{1.0f, std::nanf("")}).scale));
  CHECK(std::isnan(absmean<>::calibrate(std::vector<float>{-std::numeric_limits<float>::infinity()}).scale));
}
