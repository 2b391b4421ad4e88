// SPDX-License-Identifier: MIT
#include "octavo/simd/sse42.hpp"

#include "support/check_native.hpp"

using namespace octavo;

TEST_CASE("SSE4.2 rounds a product and then a sum") {
  test::if_arch<sse42>([](auto arch) {
    using A = typename decltype(arch)::type;
    float out[4];
    float const x = 1.0f + 0x1p-23f;
    simd::fused<A>(simd::floats<A>(x), simd::floats<A>(x), simd::floats<A>(-1.0f)).store_unaligned(out);
    CHECK(out[0] == 0x1p-22f);  // one rounding: 0x1.000001p-22
  });
}

TEST_CASE("SSE4.2: stores and lookups") { test::check_native<sse42>(); }
