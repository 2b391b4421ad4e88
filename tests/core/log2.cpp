// SPDX-License-Identifier: MIT
#include "octavo/core/log2.hpp"

#include "support/catch.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace octavo;

TEST_CASE("log2 in double precision") {
  test::random random(5);
  double worst = 0;
  for (int i = 0; i < 200000; ++i) {
    double const x =
        std::ldexp(1.0 + static_cast<double>(random.bits()) * 0x1p-32, static_cast<int>(random.below(600)) - 300);
    double const expected = static_cast<double>(std::log2(static_cast<long double>(x)));
    worst = std::max(worst, std::fabs(detail::log2_of(x) - expected) / std::max(1.0, std::fabs(expected)));
  }
  CHECK(worst < 0x1p-50);
  for (int e = -200; e <= 200; ++e) { CHECK(detail::log2_of(std::ldexp(1.0, e)) == e); }
  STATIC_REQUIRE(detail::log2_of(8.0) == 3.0);
  CHECK(detail::log2_of(0.0) == -std::numeric_limits<double>::infinity());
  CHECK(std::isnan(detail::log2_of(std::nan(""))));
  CHECK(std::isnan(detail::log2_of(-1.0)));
}

TEST_CASE("powers of two in double precision") {
  double worst = 0;
  for (int i = 0; i <= 10000; ++i) {
    double const expected = static_cast<double>(std::exp2(static_cast<long double>(i) / 10000));
    worst = std::max(worst, std::fabs(detail::exp2_of(i / 10000.0) - expected) / expected);
  }
  CHECK(worst < 0x1p-50);
  STATIC_REQUIRE(detail::exp2_of(0.0) == 1.0);
}
