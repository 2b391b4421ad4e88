// SPDX-License-Identifier: MIT
#include "octavo/kernel/rope.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <vector>

using namespace octavo;

TEST_CASE("pairs turn by one fma after a rounded product, in both layouts alike, in place too") {
  for (octavo::index const half : {1, 3, 16, 17, 65}) {
    auto const a = test::values(half, 1);
    auto const b = test::values(half, 2);
    auto const c = test::values(half, 3);
    auto const s = test::values(half, 4);
    test::for_archs([&](auto arch) {
      using A = typename decltype(arch)::type;
      INFO(arch_name<A> << ", " << half);
      std::vector<float> halves = a;
      halves.insert(halves.end(), b.begin(), b.end());
      std::vector<float> neighbours;
      std::vector<float> cosines;
      std::vector<float> sines;
      for (std::size_t i = 0; i < a.size(); ++i) {
        neighbours.insert(neighbours.end(), {a[i], b[i]});
        cosines.insert(cosines.end(), {c[i], c[i]});
        sines.insert(sines.end(), {-s[i], s[i]});
      }
      kernel::turn_halves<A>(halves.data(), halves.data(), half, c.data(), s.data());
      kernel::turn_neighbours<A>(neighbours.data(), neighbours.data(), 2 * half, cosines.data(), sines.data());
      for (std::size_t i = 0; i < a.size(); ++i) {
        float const first = std::fma(a[i], c[i], -detail::opaque(b[i] * s[i]));
        float const second = std::fma(b[i], c[i], detail::opaque(a[i] * s[i]));
        CHECK(halves[i] == first);
        CHECK(halves[i + a.size()] == second);
        CHECK(neighbours[2 * i] == first);
        CHECK(neighbours[2 * i + 1] == second);
      }
    });
  }
}
