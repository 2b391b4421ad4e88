// SPDX-License-Identifier: MIT
#include "octavo/core/sine.hpp"

#include "support/catch.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <cmath>

using namespace octavo;

TEST_CASE("sine and cosine have the stated error up to 2^30") {
  test::random next(5);
  double worst = 0;
  for (int i = 0; i < 200000; ++i) {
    double const x = std::ldexp(static_cast<double>(next.bits()) * 0x1p-31 - 1.0, i % 41 - 10);
    auto const s = detail::sine_cosine_of(x);
    double const bound = 4e-16 + 2e-23 * std::abs(x);
    worst = std::max({worst, std::abs(s.sine - std::sin(x)) / bound, std::abs(s.cosine - std::cos(x)) / bound});
  }
  CHECK(worst < 1);
}

TEST_CASE("sine and cosine are constant expressions, exact at 0") {
  constexpr auto zero = detail::sine_cosine_of(0.0);
  STATIC_REQUIRE(zero.sine == 0.0);
  STATIC_REQUIRE(zero.cosine == 1.0);
  constexpr auto half = detail::sine_cosine_of(0.5235987755982988);  // pi / 6
  STATIC_REQUIRE(half.sine > 0.4999999999999995);
  STATIC_REQUIRE(half.sine < 0.5000000000000005);
}
