// SPDX-License-Identifier: MIT
#include "octavo/quant/search.hpp"

#include "octavo/format/integer.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <span>
#include <vector>

using namespace octavo;

namespace {
struct steps {
  using format = int8;
  using params = float;
  static params calibrate(std::span<float const>) { return 1.0f; }
  static code encode(float x, params p) { return format::encode(x / p); }
  static float decode(code c, params p) { return p * format::decode(c); }
};
}  // namespace

TEST_CASE("the candidate of least squared error, of several the first") {
  std::vector<float> const xs = {3.0f, -1.5f, 4.5f};
  auto const best = [&](std::vector<float> const& candidates) {
    return detail::least_squared_error<steps>(xs.data(), xs.data() + xs.size(), static_cast<int>(candidates.size()),
                                              [&](int i) { return candidates[static_cast<std::size_t>(i)]; });
  };
  CHECK(best({1.0f, 1.5f, 0.5f, 0.75f}) == 1);  // three are exact
  CHECK(best({4.0f, 1.0f, 2.0f}) == 1);
  CHECK(best({std::nanf(""), std::nanf("")}) == 0);
  CHECK(best({std::nanf(""), 7.0f}) == 1);
}
