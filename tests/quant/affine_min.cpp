// SPDX-License-Identifier: MIT
#include "octavo/quant/affine_min.hpp"

#include "octavo/format/integer.hpp"
#include "octavo/quant/affine.hpp"
#include "octavo/quant/scheme.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;

namespace {
std::vector<float> const worked = {0.75f, -0.5f, 0.0f, 1.375f, 0.3125f};
}

TEST_CASE("affine_min maps the range to the codes") {
  using Q = affine_min<uint4>;
  STATIC_REQUIRE(check_quantizer<Q>());
  STATIC_REQUIRE(has_minimum<Q>);
  STATIC_REQUIRE_FALSE(has_minimum<affine<uint4>>);
  auto const p = Q::calibrate(worked);
  CHECK(Q::scale(p) == 0.125f);
  CHECK(Q::minimum(p) == -0.5f);
  int const expected[] = {10, 0, 4, 15, 6};  // 6.5 is a tie
  for (std::size_t i = 0; i < worked.size(); ++i) { CHECK(Q::encode(worked[i], p) == expected[i]); }
  CHECK(Q::decode(10, p) == 0.75f);
  CHECK(Q::decode(15, p) == 1.375f);
  CHECK(Q::encode(1e30f, p) == 15);
  CHECK(Q::encode(-1e30f, p) == 0);
}

TEST_CASE("scales and minima are stored rounded, and codes count from the rounded minimum") {
  using Q = affine_min<uint8, scale_as<f16>>;
  std::vector<float> const xs = {0.1f, 0.9f, 0.30001f};
  auto const p = Q::calibrate(xs);
  CHECK(Q::minimum(p) == static_cast<float>(f16(0.1f)));
  CHECK(Q::scale(p) == static_cast<float>(f16((0.9f - 0.1f) / 255.0f)));
  CHECK(std::fabs(Q::decode(Q::encode(0.30001f, p), p) - 0.30001f) <= 0.5f * Q::scale(p) * 1.001f);
  CHECK(Q::minimum(Q::calibrate(std::vector<float>{-1e6f, 0.0f})) == -65504.0f);
}

TEST_CASE("one value has scale 0 and is exact, and NaN and infinity give NaN") {
  using Q = affine_min<uint4>;
  auto const p = Q::calibrate(std::vector<float>(7, -3.7f));
  CHECK(Q::scale(p) == 0.0f);
  CHECK(Q::decode(Q::encode(-3.7f, p), p) == -3.7f);
  CHECK(Q::decode(0, Q::calibrate(std::vector<float>(3, -3.4e38f))) == -3.4e38f);
  CHECK(Q::decode(0, Q::calibrate(std::vector<float>{})) == 0.0f);
  for (float const bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    CHECK(std::isnan(Q::scale(Q::calibrate(std::vector<float>{1.0f, bad}))));
  }
}
