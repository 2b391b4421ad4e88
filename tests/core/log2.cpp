// SPDX-License-Identifier: MIT
#include "octavo/core/log2.hpp"

#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <limits>

namespace detail = octavo::detail;

TEST_CASE("log2 has the stated error") {
  test::random next(5);
  double worst = 0;
  for (int i = 0; i < 200000; ++i) {
    double const x = std::ldexp(1 + next.bits() * 0x1p-32, static_cast<int>(next.below(200)) - 100);
    worst = std::fmax(worst, std::abs(detail::log2(x) - std::log2(x)));
  }
  CHECK(worst < 1e-13);
}

TEST_CASE("log2 of powers of two is exact; of 0, NaN and what is below 0") {
  for (int e = -1000; e < 1000; e += 37) { CHECK(detail::log2(std::ldexp(1.0, e)) == e); }
  CHECK(detail::log2(0.0) == -std::numeric_limits<double>::infinity());
  CHECK(std::isnan(detail::log2(std::nan(""))));
  CHECK(std::isnan(detail::log2(-1.0)));
}
