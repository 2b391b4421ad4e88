// SPDX-License-Identifier: MIT
#include "octavo/calibration/lossless.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;
using namespace octavo::calibration;

namespace {

/// The worked tensor of AdaPT's description: 3/4 sin(i).
std::vector<float> worked() {
  std::vector<float> xs;
  for (int i = 0; i < 256; ++i) { xs.push_back(static_cast<float>(.75 * std::sin(i))); }
  return xs;
}

}  // namespace

TEST_CASE("fixed point: ties to even, saturating, fractions longer than the word and negative ones") {
  struct {
    octavo::fixed_point type;
    float x;
    double value;
  } const cases[] = {{{8, 4}, .03125f, 0},          {{8, 4}, .09375f, .125},   {{8, 4}, .1f, .125},
                     {{8, 4}, -.2f, -.1875},        {{8, 4}, 7.97f, 7.9375},   {{8, 4}, -9, -8},
                     {{4, 6}, .1f, .09375},         {{4, 6}, -.2f, -.125},     {{8, -2}, 7.97f, 8},
                     {{16, 8}, 1000, 127.99609375}, {{32, 31}, 2, 1 - 0x1p-31}};
  for (auto const& c : cases) {
    INFO("<" << c.type.word_length << ", " << c.type.fraction_length << "> " << c.x);
    CHECK(rounded(c.x, c.type) == c.value);
  }
}

TEST_CASE("AdaPT's worked divergences by fraction length") {
  auto const xs = worked();
  for (int f = 1; f <= 3; ++f) { CHECK(std::isinf(divergence(xs, {32, f}, 16))); }
  double const expected[] = {.0495188, .0134572, .00471698, .00271356, .00300569, .00151306};
  for (int f = 4; f <= 9; ++f) { CHECK(divergence(xs, {32, f}, 16) == Approx(expected[f - 4]).epsilon(1e-5)); }
  for (int f = 10; f <= 14; ++f) { CHECK(divergence(xs, {32, f}, 16) == 0); }
  CHECK(std::isinf(divergence(xs, {10, 10}, 16)));
}

TEST_CASE("AdaPT's worked precisions, without loss and with a tolerance") {
  auto const exact = lossless_precision(worked(), 16);
  CHECK(exact.word_length == 11);
  CHECK(exact.fraction_length == 10);
  auto const near = lossless_precision(worked(), 16, .01);
  CHECK(near.word_length == 7);
  CHECK(near.fraction_length == 6);
}

TEST_CASE("integers need no fraction: large, small and equal numbers") {
  std::vector<float> integers;
  for (int i = -100; i < 100; ++i) { integers.push_back(static_cast<float>(i)); }
  auto const whole = lossless_precision(integers, 200);
  CHECK(whole.word_length + 0 <= 8);
  CHECK(whole.fraction_length <= 0);
  std::vector<float> scaled = integers;
  for (float& x : scaled) { x *= 0x1p-40f; }
  CHECK(lossless_precision(scaled, 200, 0, 60).fraction_length == whole.fraction_length + 40);
  for (float& x : scaled) { x *= 0x1p+100f; }
  CHECK(lossless_precision(scaled, 200).fraction_length == whole.fraction_length - 60);
  CHECK(lossless_precision(std::vector<float>{3, 3}).word_length == 1);  // one bin, which anything fills
}

TEST_CASE("lossless_precision refuses no values, NaN, no bins, a tolerance below 0") {
  std::vector<float> const xs = {1, 2};
  CHECK_THROWS_AS(lossless_precision({}), std::invalid_argument);
  CHECK_THROWS_AS(lossless_precision(std::vector<float>{std::numeric_limits<float>::quiet_NaN()}),
                  std::invalid_argument);
  CHECK_THROWS_WITH(lossless_precision(xs, 0), Catch::Contains("bins are 0"));
  CHECK_THROWS_WITH(lossless_precision(xs, 10, -1), Catch::Contains("at least 0"));
}
