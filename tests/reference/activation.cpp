// SPDX-License-Identifier: MIT
#include "octavo/reference/activation.hpp"

#include "support/catch.hpp"

#include <cmath>

namespace ref = octavo::reference;

// Values of PyTorch's functional silu, gelu (both forms).
TEST_CASE("reference activations are those of PyTorch") {
  double const xs[] = {-3, -1, -.5, .5, 1, 3};
  double const gelu[] = {-.0040497, -.1586553, -.1542688, .3457312, .8413447, 2.9959503};
  double const tanh[] = {-.0036374, -.1588080, -.1542860, .3457140, .8411920, 2.9963626};
  double const silu[] = {-.1422776, -.2689414, -.1887703, .3112297, .7310586, 2.8577224};
  for (int i = 0; i < 6; ++i) {
    CHECK(std::abs(ref::gelu(xs[i]) - gelu[i]) < 6e-8);
    CHECK(std::abs(ref::gelu_tanh(xs[i]) - tanh[i]) < 6e-8);
    CHECK(std::abs(ref::silu(xs[i]) - silu[i]) < 6e-8);
    CHECK(std::abs(ref::sigmoid(xs[i]) * xs[i] - silu[i]) < 6e-8);
    CHECK(std::abs(ref::quick_gelu(xs[i]) - ref::silu(1.702 * xs[i]) / 1.702) < 1e-15);
  }
}
