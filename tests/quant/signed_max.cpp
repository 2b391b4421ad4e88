// SPDX-License-Identifier: MIT
#include "octavo/quant/signed_max.hpp"

#include "octavo/format/integer.hpp"
#include "octavo/quant/symmetric.hpp"

#include "support/catch.hpp"
#include "support/codes.hpp"
#include "support/random.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;
using test::values_of_codes;
using test::worked;

namespace {

/// Mean squared error of groups of 64 numbers that are nearly normal.
template <class Q>
double error() {
  test::random random(3);
  double sum = 0;
  for (int g = 0; g < 500; ++g) {
    std::vector<float> xs;
    for (int i = 0; i < 64; ++i) { xs.push_back(random.value() + random.value() + random.value()); }
    auto const p = Q::calibrate(xs);
    for (float const x : xs) {
      double const d = static_cast<double>(Q::decode(Q::encode(x, p), p) - x);
      sum += d * d;
    }
  }
  return sum;
}

}  // namespace

TEST_CASE("the number farthest from 0 gets the lowest code, whatever its sign") {
  using Q = signed_max<int4>;
  STATIC_REQUIRE(linear_quantizer<Q>);
  CHECK(Q::calibrate(worked).scale == 0.15f);
  CHECK(values_of_codes<Q>(worked) == std::vector<float>{6, -2, 0, -8, 4, 5, -1, 3});
  CHECK(Q::calibrate(std::vector<float>{1.0f, 4.0f, -3.9f}).scale == -0.5f);
  CHECK(values_of_codes<Q>({1.0f, 4.0f, -3.9f}) == std::vector<float>{-2, -8, 7});
  CHECK(Q::decode(8, Q::calibrate(std::vector<float>{4.0f})) == 4.0f);
}

TEST_CASE("of two extremes the first decides") {
  CHECK(signed_max<int3>::calibrate(std::vector<float>{2.0f, -2.0f}).scale == -0.5f);
  CHECK(signed_max<int3>::calibrate(std::vector<float>{-2.0f, 2.0f}).scale == 0.5f);
}

TEST_CASE("with three bits it errs less than a full and a narrow scale") {
  double const narrow_error = error<symmetric<int3>>();
  double const full_error = error<symmetric<int3, full>>();
  double const signed_error = error<signed_max<int3>>();
  CHECK(signed_error < 0.85 * full_error);
  CHECK(full_error < 0.85 * narrow_error);
}

TEST_CASE("signed scales are rounded, and follow the rules of zeros and NaN") {
  using Q = signed_max<int4, scale_as<f16>>;
  auto const p = Q::calibrate(std::vector<float>{1.0f, 0.3f});
  CHECK(p.scale == -static_cast<float>(f16(0.125f)));
  CHECK(Q::calibrate(std::vector<float>{0.7f}).scale == -static_cast<float>(f16(0.7f / 8)));
  CHECK(Q::calibrate(std::vector<float>(4, 0.0f)).scale == 0.0f);
  CHECK(values_of_codes<Q>({0.0f, -0.0f}) == std::vector<float>{0, 0});
  CHECK(values_of_codes<Q>({1e-9f, -1e-9f}) == std::vector<float>{0, 0});
  CHECK(std::isnan(Q::calibrate(std::vector<float>{1.0f, std::nanf(""), 2.0f}).scale));
  CHECK(std::isnan(Q::calibrate(std::vector<float>{-std::numeric_limits<float>::infinity()}).scale));
}
