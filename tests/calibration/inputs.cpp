// SPDX-License-Identifier: MIT
#include "octavo/calibration/inputs.hpp"

#include "support/catch.hpp"
#include "support/matrix.hpp"

#include <limits>
#include <vector>

using namespace octavo;

TEST_CASE("absmax and means of each feature, by hand") {
  test::matrix<float> x(2, 4);
  float const values[] = {1, -2, -3, 4, 0.5f, 0, 0.5f, 2};
  std::copy(values, values + 8, x.data());
  calibration::inputs seen(2);
  seen.add(x);
  CHECK(seen.features() == 2);
  CHECK(seen.tokens() == 4);
  CHECK(seen.absmax() == std::vector<float>{3, 4});
  CHECK(seen.mean() == std::vector<float>{-0.25f, 1});
  CHECK(seen.mean_abs() == std::vector<float>{1.25f, 2});
}

TEST_CASE("how tokens are split into batches does not matter, to the bit") {
  test::matrix<bf16> const x(9, 50, 4);
  calibration::inputs at_once(9);
  calibration::inputs singly(9);
  at_once.add(x);
  for (octavo::index t = 0; t < 50; ++t) { singly.add(tokens_view<bf16 const>(x.data() + t * 9, 9, 1, 9)); }
  CHECK(at_once.mean() == singly.mean());
  CHECK(at_once.mean_abs() == singly.mean_abs());
  CHECK(at_once.absmax() == singly.absmax());
}

TEST_CASE("inputs refuses other features, elements that are not finite, and means of nothing") {
  calibration::inputs seen(3);
  CHECK_THROWS_WITH(seen.mean(), "inputs: tokens are 0, but must be at least 1. Call add first.");
  CHECK_THROWS_WITH(seen.add(test::matrix<float>(2, 1)),
                    "inputs: X has features 2, but was made for 3. A token is a column of X.");
  test::matrix<float> x(3, 2);
  x(2, 1) = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH(seen.add(x), Catch::Contains("not finite is the element in row 2, column 1"));
  CHECK(seen.tokens() == 0);
  CHECK_THROWS_WITH(calibration::inputs(0), Catch::Contains("features are 0"));
  CHECK_THROWS_WITH(calibration::inputs(-1), Catch::Contains("features are -1"));
}
