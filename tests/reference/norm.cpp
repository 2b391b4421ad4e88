// SPDX-License-Identifier: MIT
#include "octavo/reference/norm.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <vector>

// From PyTorch's definitions, by hand: mean 0.625, population variance 3.171875, mean square 3.5625.
TEST_CASE("reference norms of four numbers") {
  std::vector<double> const x = {1, -2, 3, 0.5};
  std::vector<double> const w = {1, 0.5, 2, 1};
  std::vector<double> const b = {0.1, 0, -0.1, 0};
  double const rms = std::sqrt(3.5625 + 1e-6);
  double const deviation = std::sqrt(3.171875 + 1e-5);
  auto const r = octavo::reference::rms_norm(x, w, 1e-6);
  auto const l = octavo::reference::layer_norm(x, w, b, 1e-5);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(std::abs(r[i] - x[i] * w[i] / rms) < 1e-15);
    CHECK(std::abs(l[i] - ((x[i] - 0.625) * w[i] / deviation + b[i])) < 1e-15);
  }
  CHECK(std::abs(r[0] - 0.529813) < 1e-6);
  CHECK(std::abs(l[2] - 2.567073) < 1e-6);
}
