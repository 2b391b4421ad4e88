// SPDX-License-Identifier: MIT
#include "octavo/quant/affine.hpp"

#include "octavo/format/integer.hpp"

#include "support/catch.hpp"
#include "support/codes.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;
using test::codes;
using test::worked;

TEST_CASE("affine uint4 gives the worked numbers") {
  using Q = affine<uint4>;
  auto const p = Q::calibrate(worked);
  CHECK(Q::scale(p) == 0.140000001f);
  CHECK(Q::zero(p) == 9);
  CHECK(codes<Q>(worked) == std::vector<int>{15, 7, 9, 0, 13, 15, 8, 12});  // 0.77 is a tie, 5.5 steps
  CHECK(Q::decode(15, p) == 0.140000001f * 6.0f);
}

TEST_CASE("zero is exact, also where all values have one sign") {
  using Q = affine<uint4>;
  auto const positive = Q::calibrate(std::vector<float>{3.0f, 7.5f});
  CHECK(Q::scale(positive) == 0.5f);
  CHECK(Q::zero(positive) == 0);
  auto const negative = Q::calibrate(std::vector<float>{-3.0f, -7.5f});
  CHECK(Q::zero(negative) == 15);
  CHECK(Q::encode(-7.5f, negative) == 0);
  CHECK(Q::decode(Q::encode(0.0f, negative), negative) == 0.0f);
  CHECK(Q::decode(Q::encode(0.0f, positive), positive) == 0.0f);
}

TEST_CASE("a signed format has its zero point among its own integers") {
  using Q = affine<int8>;
  auto const p = Q::calibrate(std::vector<float>{0.0f, 25.5f});
  CHECK(Q::scale(p) == 0.1f);
  CHECK(Q::zero(p) == -128);
  CHECK(int8::decode(Q::encode(25.5f, p)) == 127.0f);
}

TEST_CASE("values outside of the range saturate") {
  using Q = affine<uint4>;
  auto const p = Q::calibrate(worked);
  CHECK(Q::encode(1e30f, p) == 15);
  CHECK(Q::encode(-1e30f, p) == 0);
}

TEST_CASE("affine scales are stored rounded") {
  using Q = affine<uint4, scale_as<f16>>;
  CHECK(Q::scale(Q::calibrate(worked)) == static_cast<float>(f16((0.9f + 1.2f) / 15.0f)));
}

TEST_CASE("zeros give scale 0 and the code of 0, and NaN and infinity give scale NaN") {
  using Q = affine<uint8>;
  auto const p = Q::calibrate(std::vector<float>(4, 0.0f));
  CHECK(Q::scale(p) == 0.0f);
  CHECK(Q::decode(Q::encode(0.0f, p), p) == 0.0f);
  auto const s = affine<int8>::calibrate(std::vector<float>(4, 0.0f));
  CHECK(affine<int8>::zero(s) == 0);
  CHECK(std::isnan(Q::scale(Q::calibrate(std::vector<float>{1.0f, std::nanf("")}))));
  CHECK(std::isnan(Q::scale(Q::calibrate(std::vector<float>{-std::numeric_limits<float>::infinity()}))));
}
