// SPDX-License-Identifier: MIT
#include "octavo/calibration/entropy.hpp"

#include "octavo/format/integer.hpp"
#include "octavo/quant/affine.hpp"
#include "octavo/quant/symmetric.hpp"

#include "calibration/sine.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;
using namespace octavo::calibration;

TEST_CASE("the divergence of the worked histogram, for every cut") {
  std::vector<double> const histogram = {10, 8, 6, 5, 3, 2, 1, 0, 0, 1};
  double const expected[] = {0.0755998, 0.0220233, 0.0142395, 0.0147943, 0.0174911, 0.0174911, 0.0224609};
  for (std::size_t bins = 4; bins <= 10; ++bins) {
    CHECK(divergence(histogram, bins, 4) == Approx(expected[bins - 4]).epsilon(1e-5));
  }
  std::vector<double> const late = {4, 0, 0, 1};
  CHECK(std::isinf(divergence(late, 3, 3)));
}

TEST_CASE("the threshold lies half a bin behind the best cut") {
  // The worked histogram as values: x in the middle of its bin, the largest at the end of the last.
  int const counts[] = {10, 8, 6, 5, 3, 2, 1, 0, 0, 1};
  std::vector<float> xs;
  for (int bin = 0; bin < 10; ++bin) {
    for (int i = 0; i < counts[bin]; ++i) { xs.push_back(bin == 9 ? 10.0f : static_cast<float>(bin) + 0.5f); }
  }
  CHECK(entropy{.bins = 10}.fit<affine<uint2>>(xs).scale == Approx(6.5 / 3));
  for (std::size_t i = 0; i < xs.size(); i += 2) { xs[i] = -xs[i]; }
  CHECK(entropy{.bins = 10}.fit<symmetric<sint<3>>>(xs).scale == Approx(6.5 / 3));
}

TEST_CASE("values with few outliers lose them, and nothing else") {
  test::random next(5);
  std::vector<float> xs;
  for (int i = 0; i < 20000; ++i) {
    float sum = 0;
    for (int k = 0; k < 6; ++k) { sum += next.value(); }
    xs.push_back(sum);
  }
  double const clean = double{entropy{}.fit<symmetric<int8>>(xs).scale};
  xs[100] = 60;
  double const fit = double{entropy{}.fit<symmetric<int8>>(xs).scale};
  double const plain = double{symmetric<int8>::calibrate(xs).scale};
  CHECK(plain == Approx(60.0 / 127));
  CHECK(fit < 0.25 * plain);
  CHECK(fit == Approx(clean).epsilon(0.3));
  CHECK(test::mean_square<symmetric<int8>>(std::span<float const>(xs).subspan(101),
                                           entropy{}.fit<symmetric<int8>>(xs)) <
        0.25 * test::mean_square<symmetric<int8>>(std::span<float const>(xs).subspan(101),
                                                  symmetric<int8>::calibrate(xs)));
}

TEST_CASE("bin 0 can be left out, zeros have params, bad values and too few bins are errors") {
  std::vector<float> xs(5000, 0.0f);
  test::random next(8);
  for (int i = 0; i < 5000; ++i) { xs.push_back(std::fabs(next.value())); }
  entropy const all{.bins = 256};
  entropy const relu{.bins = 256, .without_zero = true};
  CHECK(relu.fit<affine<uint4>>(xs).scale != all.fit<affine<uint4>>(xs).scale);
  CHECK(entropy{}.fit<affine<uint8>>(std::vector<float>(3)).scale == 0.0f);
  std::vector<float> const bad = {1, std::numeric_limits<float>::infinity()};
  CHECK_THROWS_AS(entropy{}.fit<symmetric<int8>>(bad), std::invalid_argument);
  CHECK_THROWS_WITH(entropy{.bins = 100}.fit<symmetric<int8>>(xs),
                    "entropy: bins are 100, the format has levels 128. Take 2048 bins.");
}
