// SPDX-License-Identifier: MIT
#include "octavo/kernel/additive.hpp"

#include "support/additive.hpp"
#include "support/archs.hpp"
#include "support/catch.hpp"

#include <vector>

using namespace octavo;

TEST_CASE("additive_weights sums 16 weights, and gives zeros past the last group") {
  auto const owner = test::random_additive<2, 8>(2, 24, 3);
  auto const w = owner.view();
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    for (octavo::index i = 0; i < 3; ++i) {
      auto const run = kernel::additive_weights<A>(w, w.codes(1), i, 3);
      float got[16];
      for (int p = 0; p < simd::lanes_of_16<A>::registers; ++p) {
        run.part[p].store_unaligned(got + p * simd::lanes<A>);
      }
      for (octavo::index k = 0; k < 16; ++k) { CHECK(got[k] == (i * 8 + k < 24 ? w.sum(1, i * 8 + k) : 0.0f)); }
    }
  });
}

TEST_CASE("additive_tile of several rows and tokens is that of each alone") {
  auto const owner = test::random_additive<1, 8, 16, float>(3, 48, 5);
  auto const w = owner.view();
  auto const x = test::values(2 * 48, 6);
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    float together[2 * 3];
    kernel::additive_tile<A, 2, 3>(w, 0, x.data(), 48, together, 3);
    for (octavo::index t = 0; t < 2; ++t) {
      for (octavo::index r = 0; r < 3; ++r) {
        float alone = 0;
        kernel::additive_tile<A, 1, 1>(w, r, x.data() + t * 48, 48, &alone, 1);
        CHECK(together[t * 3 + r] == alone);
      }
    }
  });
}
