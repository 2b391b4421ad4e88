// SPDX-License-Identifier: MIT
#include "octavo/quant/vit_input.hpp"

#include "support/catch.hpp"

#include <cmath>

using namespace octavo;

TEST_CASE("the minimum of GELU") {
  double least = 0;
  for (int i = 0; i <= 100000; ++i) {
    double const x = -2.0 + i * 2e-5;
    least = std::fmin(least, 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))));
  }
  CHECK(std::fabs(least + static_cast<double>(gelu_minimum)) < 1e-7);  // the constant of AdaLog's code: 3.5e-8 more
  STATIC_REQUIRE(folded_gelu_outputs::added == gelu_outputs::subtracted);
  STATIC_REQUIRE(probabilities::added == 0.0f);
}
