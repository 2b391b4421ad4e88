// SPDX-License-Identifier: MIT
#include "octavo/core/add_sizes.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <limits>

using namespace octavo;

TEST_CASE("sizes are added to a sum in order, as doubles") {
  float const x[] = {-1.5f, 0x1p-40f, -0.0f, 0x1p30f};
  static_assert(detail::add_sizes(0.25, nullptr, nullptr) == 0.25);
  CHECK(detail::add_sizes(0.25, x, x + 4) == ((0.25 + 1.5) + 0x1p-40) + 0x1p30);
  float const ends[] = {0x1p53f, 1.0f, 1.0f};
  CHECK(detail::add_sizes(0, ends, ends + 3) == 0x1p53);  // one after the other: 2 would count
  float const broken[] = {1.0f, std::numeric_limits<float>::quiet_NaN()};
  CHECK(std::isnan(detail::add_sizes(0, broken, broken + 2)));
  float const infinite[] = {-std::numeric_limits<float>::infinity()};
  CHECK(detail::add_sizes(0, infinite, infinite + 1) == std::numeric_limits<double>::infinity());
}
