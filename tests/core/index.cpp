// SPDX-License-Identifier: MIT
#include "octavo/core/index.hpp"

#include "support/catch.hpp"

#include <limits>
#include <stdexcept>

using namespace octavo;

TEST_CASE("ceil_div and round_up count whole steps") {
  STATIC_REQUIRE(ceil_div(0, 64) == 0);
  STATIC_REQUIRE(ceil_div(1, 64) == 1);
  STATIC_REQUIRE(ceil_div(64, 64) == 1);
  STATIC_REQUIRE(ceil_div(65, 64) == 2);
  STATIC_REQUIRE(round_up(0, 8) == 0);
  STATIC_REQUIRE(round_up(1, 8) == 8);
  STATIC_REQUIRE(round_up(8, 8) == 8);
  STATIC_REQUIRE(round_up(9, 8) == 16);
}

TEST_CASE("extents that overflow throw instead of wrapping") {
  constexpr octavo::index most = std::numeric_limits<octavo::index>::max();
  STATIC_REQUIRE(product(3, 4, 5) == 60);
  STATIC_REQUIRE(product(most, 1) == most);
  CHECK(ceil_div(most, 1) == most);
  CHECK(ceil_div(most, 2) == most / 2 + 1);
  CHECK_THROWS_AS(round_up(most, 64), std::invalid_argument);
  CHECK_THROWS_AS(product(most / 2, 3), std::invalid_argument);
  CHECK_THROWS_AS(product(octavo::index{1} << 32, octavo::index{1} << 32), std::invalid_argument);
  CHECK_THROWS_AS(product(most, 2, 0), std::invalid_argument);  // an overflow on the way counts
}
