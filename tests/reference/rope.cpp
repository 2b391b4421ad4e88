// SPDX-License-Identifier: MIT
#include "octavo/reference/rope.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <vector>

TEST_CASE("reference rotary embedding of four numbers in both layouts") {
  std::vector<double> const radians = {1, 0.01};
  std::vector<double> const neighbours = {-1.272233, -1.838865, 2.878668, 4.088187};
  std::vector<double> const halves = {-1.413353, 1.879118, -2.828857, 4.058191};
  auto const a = octavo::reference::rope({1, 2, 3, 4}, 3, radians, true);
  auto const b = octavo::reference::rope({1, 2, 3, 4}, 3, radians, false);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(std::abs(a[i] - neighbours[i]) < 1e-6);
    CHECK(std::abs(b[i] - halves[i]) < 1e-6);
  }
}
