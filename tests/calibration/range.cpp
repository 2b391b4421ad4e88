// SPDX-License-Identifier: MIT
#include "octavo/calibration/range.hpp"

#include "octavo/format/integer.hpp"
#include "octavo/quant/affine.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/symmetric.hpp"

#include "support/catch.hpp"

#include <limits>
#include <vector>

using namespace octavo;
using namespace octavo::calibration;

TEST_CASE("the params of a range are those of a group with these extremes") {
  std::vector<float> const xs = {0.31f, -0.47f, 0.12f, 0.9f};
  auto const r = range_of(xs);
  CHECK(r.low == -0.47f);
  CHECK(r.high == 0.9f);
  auto const p = params_of<affine<uint4>>(r);
  CHECK(p.scale == Approx(0.09133333f));
  CHECK(p.zero_point == 5);
  CHECK(params_of<symmetric<int8>>(r).scale == 0.9f / 127);
  CHECK(params_of<symmetric<int8>>({-3.2f, 1.1f}).scale == Approx(0.02519685f));
  CHECK(params_of<affine_min<uint4>>({1, 4}).minimum == 1.0f);
  CHECK(params_of<affine_min<uint4>>({1, 4}).scale == Approx(0.2f));
}

TEST_CASE("a range over batches is that of all values, or a moving average that starts with the first batch") {
  std::vector<float> const first = {-1, 2};
  std::vector<float> const second = {-3, 1};
  running_range all;
  CHECK_THROWS_WITH(all.finish(), "running_range: nothing was seen yet. Call update first.");
  all.update(first);
  all.update(second);
  CHECK(all.finish().low == -3.0f);
  CHECK(all.finish().high == 2.0f);

  running_range average(0.25f);
  average.update(first);
  CHECK(average.finish().low == -1.0f);
  average.update(second);
  CHECK(average.finish().low == -1.5f);
  CHECK(average.finish().high == 1.75f);
}

TEST_CASE("a range needs finite values, a moving average a momentum") {
  running_range r;
  std::vector<float> const bad = {1, std::numeric_limits<float>::infinity()};
  CHECK_THROWS_WITH(r.update(bad), Catch::Contains("not finite is value 1, of 2"));
  CHECK_THROWS_WITH(r.update({}), Catch::Contains("the values are 0"));
  CHECK_THROWS_AS(running_range(0.0f), std::invalid_argument);
  CHECK_THROWS_AS(running_range(1.5f), std::invalid_argument);
}
