// SPDX-License-Identifier: MIT
#include "octavo/calibration/weighted_histogram.hpp"

#include "octavo/calibration/k_means.hpp"

#include "calibration/layer.hpp"
#include "support/catch.hpp"

#include <limits>
#include <vector>

using namespace octavo::calibration;

TEST_CASE("a bin is the mean of its values, the outermost take what lies beyond, and empty ones are left out") {
  weighted_histogram h(4, -1, 1);
  h.add(-0.75f);
  h.add(-0.5f, 3);  // the second begins at -1/2
  h.add(-0.25f, 1);
  h.add(1, 2);
  h.add(5, 2);
  h.add(-9, 0);
  CHECK(h.values() == std::vector<float>{-0.75f, -0.4375f, 3});
  CHECK(h.weights() == std::vector<float>{1, 4, 4});
}

TEST_CASE("centres of a histogram of 4096 bins are near those of the values") {
  test::integers next(5);
  weighted_histogram h;
  std::vector<float> xs;
  for (int i = 0; i < 5000; ++i) {
    xs.push_back(static_cast<float>(next.below(500001) + next.below(500001) - 500000) * 0x1p-19f);
    h.add(xs.back());
  }
  auto const exact = k_means(xs, {}, 8);
  auto const binned = k_means(h.values(), h.weights(), 8);
  REQUIRE(binned.centres.size() == 8);
  for (std::size_t i = 0; i < 8; ++i) { CHECK(binned.centres[i] == Approx(exact.centres[i]).margin(2.0 / 4096)); }
}

TEST_CASE("weighted_histogram refuses an empty range, NaN, negative weights") {
  CHECK_THROWS_AS(weighted_histogram(4, 1, 1), std::invalid_argument);
  CHECK_THROWS_AS(weighted_histogram(0), std::invalid_argument);
  weighted_histogram h;
  CHECK_THROWS_AS(h.add(std::numeric_limits<float>::quiet_NaN()), std::invalid_argument);
  CHECK_THROWS_AS(h.add(0, -1), std::invalid_argument);
}
