// SPDX-License-Identifier: MIT
#include "octavo/reference/integer_norm.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

using octavo::reference::divide_by_power;

TEST_CASE("integers are divided by powers of two to the nearest and ties to even") {
  CHECK(divide_by_power(5, 1) == 2);
  CHECK(divide_by_power(7, 1) == 4);
  CHECK(divide_by_power(-5, 1) == -2);
  CHECK(divide_by_power(-7, 1) == -4);
  CHECK(divide_by_power(-6, 3) == -1);
  CHECK(divide_by_power(-4, 3) == 0);
  CHECK(divide_by_power(-9, 0) == -9);
}

// Four channels whose sum is 25 and whose squares sum to 14737, step .01: mean .0625, deviation .60375388.
TEST_CASE("the integer norm of four channels") {
  std::vector<std::int64_t> const h = {25, -60, 96, -36};
  auto const c = octavo::reference::integer_layer_norm(h, .01, {1, .8, -1.2, .5}, {.1, 0, -.2, .3}, .05, 0);
  double const a[] = {.331261, .265009, -.397513, .165630};
  int const n[] = {9, 9, 9, 10};
  int const m[] = {169, 135, 203, 169};
  int const b[] = {-36, -848, -776, 5084};
  int const y[] = {8, -17, -40, -1};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(std::abs(c[i].a - a[i]) < 5e-7);
    CHECK(c[i].n == n[i]);
    CHECK(c[i].m == m[i]);
    CHECK(c[i].bias == b[i]);
    CHECK(c[i].code == y[i]);
  }
}

TEST_CASE("the integer norm of equal channels is the bias and of a weight of zero too") {
  for (auto const& c : octavo::reference::integer_layer_norm({7, 7, 7}, .1, {1, 2, 3}, {.25, -.75, 1}, .5, 0)) {
    CHECK(c.m == 0);
    CHECK(c.code == std::llrint(c.b));
  }
  auto const c = octavo::reference::integer_layer_norm({7, -7}, .1, {0, 1}, {1.5, 0}, .5, 1e-6);
  CHECK(c[0].n == 0);
  CHECK(c[0].code == 3);
}
