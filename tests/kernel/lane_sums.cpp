// SPDX-License-Identifier: MIT
#include "octavo/kernel/lane_sums.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cstddef>

using namespace octavo;

TEST_CASE("each lane has the sum of its numbers as doubles, in order") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    constexpr auto L = static_cast<std::size_t>(simd::lanes<A>);
    test::random next(91);
    kernel::lane_sums<A> sums;
    double expected[L] = {};
    for (int k = 0; k < 100; ++k) {
      float x[L];
      for (std::size_t i = 0; i < L; ++i) {
        x[i] = next.value() * (k % 7 == 0 ? 0x1p40f : 1.0f);
        expected[i] += static_cast<double>(x[i]);
      }
      sums.add(simd::load_floats<A>(x));
    }
    CHECK(sums.count() == 100);
    for (std::size_t i = 0; i < L; ++i) { CHECK(sums.of(i) == expected[i]); }
  });
}
