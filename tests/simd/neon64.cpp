// SPDX-License-Identifier: MIT
#include "octavo/simd/neon64.hpp"

#include "support/check_native.hpp"

using namespace octavo;

TEST_CASE("Arm: stores and lookups") { test::check_native<neon64>(); }

TEST_CASE("Arm: the smaller and larger are those of x86, where NaN is the first operand") {
  test::if_arch<neon64>([](auto arch) {
    using A = typename decltype(arch)::type;
    simd::floats<A> const nan(__builtin_nanf(""));
    float low[4];
    simd::minimum<A>(nan, simd::floats<A>(2.0f)).store_unaligned(low);
    CHECK(low[0] == 2.0f);
  });
}
