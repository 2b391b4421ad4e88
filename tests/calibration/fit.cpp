// SPDX-License-Identifier: MIT
#include "octavo/calibration/fit.hpp"

#include "octavo/calibration/quantize_with.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/catch.hpp"

#include <limits>
#include <vector>

using namespace octavo;

namespace {

struct by_place {
  template <quantizer Q>
  typename Q::params fit(std::span<float const> xs, octavo::index column) const {
    auto p = Q::calibrate(xs);
    p.scale += static_cast<float>(column);
    return p;
  }
};

}  // namespace

TEST_CASE("a fit is an object that knows the place, one that does not, or any callable") {
  using Q = symmetric<int4>;
  std::vector<float> const xs = {0.5f, -7.0f, 3.0f};
  CHECK(detail::fit_group<Q>(calibration::extremes{}, xs, 5).scale == 1.0f);
  CHECK(detail::fit_group<Q>(by_place{}, xs, 5).scale == 6.0f);
  auto const fixed = [](std::span<float const>) { return Q::params{0.25f, 4.0f}; };
  CHECK(detail::fit_group<Q>(fixed, xs, 5).scale == 0.25f);
}

TEST_CASE("what is two-sided has a zero point or a minimum") {
  STATIC_REQUIRE(calibration::two_sided<affine<uint4>>);
  STATIC_REQUIRE(calibration::two_sided<affine_min<uint4>>);
  STATIC_REQUIRE(!calibration::two_sided<symmetric<int4>>);
}

TEST_CASE("values that are missing or not finite are errors that say where") {
  CHECK_THROWS_WITH(detail::check_values("here", {}),
                    "here: the values are 0, but must be at least 1. Pass data to calibrate on.");
  std::vector<float> xs = {1, 2, std::numeric_limits<float>::quiet_NaN()};
  CHECK_THROWS_WITH(detail::check_values("here", xs),
                    "here: not finite is value 2, of 3. Look for an overflow in what made it.");
  auto const value = [](octavo::index r, octavo::index c) {
    return r == 1 && c == 2 ? -std::numeric_limits<float>::infinity() : 0.0f;
  };
  CHECK_NOTHROW(detail::check_finite("here", 1, 3, value));
  CHECK_THROWS_WITH(detail::check_finite("here", 2, 3, value),
                    "here: not finite is the element in row 1, column 2. Look for an overflow in what made it.");
}
