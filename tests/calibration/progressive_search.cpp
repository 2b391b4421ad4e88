// SPDX-License-Identifier: MIT
#include "octavo/calibration/progressive_search.hpp"

#include "octavo/format/integer.hpp"
#include "octavo/quant/affine.hpp"

#include "calibration/sine.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <limits>
#include <vector>

using namespace octavo;
using namespace octavo::calibration;

TEST_CASE("the worked search of scale and zero point, with the zero points of weights and of activations") {
  using Q = affine<uint4>;
  auto const xs = test::sine();
  auto const check = [&xs](progressive_search const& search, double scale, int zero, double error) {
    auto const p = search.fit<Q>(xs);
    CHECK(p.scale == Approx(scale).epsilon(1e-5));
    CHECK(p.zero_point == zero);
    CHECK(omse.error<Q>(xs, p) == Approx(error).epsilon(1e-6));
  };
  check({}, 2.06283833, 4, 27.57665052);
  check({.zeros = 16}, 2.01194825, 3, 23.97182674);
}

TEST_CASE("values that lie to one side, or on a lattice, are met") {
  using Q = affine<uint2>;
  std::vector<float> const lattice = {-0.5f, 0, 0.5f, 1};
  CHECK(omse.error<Q>(lattice, progressive_search{.zeros = 4}.fit<Q>(lattice)) < 1e-3);
  test::random next(3);
  for (int i = 0; i < 10; ++i) {
    std::vector<float> xs;
    for (int k = 0; k < 200; ++k) { xs.push_back(next.value() + 0.5f); }
    using Q4 = affine<int4>;
    auto const p = progressive_search{.zeros = 16}.fit<Q4>(xs);
    CHECK(omse.error<Q4>(xs, p) < omse.error<Q4>(xs, Q4::calibrate(xs)));
  }
}

TEST_CASE(
    "the progressive search takes zeros and one value, refuses what is not finite, and zero points that do not divide") {
  using Q = affine<uint4>;
  std::vector<float> const zeros(4);
  CHECK(progressive_search{}.fit<Q>(zeros).scale == 0.0f);
  std::vector<float> const one = {2};
  CHECK(progressive_search{}.fit<Q>(one).scale == 2.0f / 15);
  std::vector<float> const bad = {1, std::numeric_limits<float>::quiet_NaN()};
  CHECK_THROWS_WITH(progressive_search{}.fit<Q>(bad), Catch::Contains("not finite is value 1, of 2"));
  CHECK_THROWS_AS(progressive_search{}.fit<Q>({}), std::invalid_argument);
  CHECK_THROWS_WITH(progressive_search{.zeros = 3}.fit<Q>(one), Catch::Contains("zero points are 3, codes 16"));
  CHECK_THROWS_AS(progressive_search{.zeros = 32}.fit<Q>(one), std::invalid_argument);
  CHECK_THROWS_AS(progressive_search{.zeros = -1}.fit<Q>(one), std::invalid_argument);
}
