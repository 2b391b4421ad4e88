// SPDX-License-Identifier: MIT
#include "octavo/core/unroll.hpp"

#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <vector>

using namespace octavo;

TEST_CASE("unroll calls with 0 ... N - 1 in order, as constants where the parameter is auto") {
  std::vector<int> seen;
  detail::unroll<5>([&](auto i) {
    std::array<int, i() + 1> const sized{};  // compiles only for a constant
    seen.push_back(static_cast<int>(sized.size()) - 1);
  });
  CHECK(seen == std::vector<int>{0, 1, 2, 3, 4});
  detail::unroll<0>([&](auto) { seen.clear(); });
  CHECK(seen.size() == 5);
  seen.clear();
  detail::unroll<19>([&](int i) { seen.push_back(i); });
  REQUIRE(seen.size() == 19);
  for (int i = 0; i < 19; ++i) { CHECK(seen[static_cast<std::size_t>(i)] == i); }
}
