// SPDX-License-Identifier: MIT
#include "octavo/simd/native.hpp"

#include "octavo/simd/batch.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <cstddef>

using namespace octavo;

TEST_CASE("selections of every instruction set know NaN") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    using native = simd::native_of<A>;
    float const nan = std::nanf("");
    float const x[4] = {nan, 1.0f, -2.0f, 0.0f};
    float const y[4] = {1.0f, nan, -2.0f, 3.0f};
    for (std::size_t i = 0; i < 4; ++i) {
      typename native::floats const a(x[i]);
      typename native::floats const b(y[i]);
      float less[16];
      float low[16];
      float high[16];
      std::int32_t where[16];
      native::where_less(a, b, typename native::floats(1.0f), typename native::floats(2.0f)).store_unaligned(less);
      native::minimum(a, b).store_unaligned(low);
      native::maximum(a, b).store_unaligned(high);
      native::where_nan(a, typename native::ints(1), typename native::ints(2)).store_unaligned(where);
      INFO(arch_name<A> << ", " << x[i] << " and " << y[i]);
      CHECK(less[0] == (x[i] < y[i] ? 1.0f : 2.0f));
      CHECK(test::same_bits(low[0], x[i] < y[i] ? x[i] : y[i]));
      CHECK(test::same_bits(high[0], x[i] > y[i] ? x[i] : y[i]));
      CHECK(where[0] == (std::isnan(x[i]) ? 1 : 2));
    }
  });
}

TEST_CASE("registers hold whole panels and sums of them") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    STATIC_REQUIRE(simd::native_of<A>::lanes * simd::panel_registers<A> == 64);
    std::int32_t n[16];
    std::int32_t expected = 0;
    for (int i = 0; i < 16; ++i) {
      n[i] = (i + 1) * (i % 2 == 0 ? 1000003 : -999983);
      expected += i < simd::lanes<A> ? n[i] : 0;
    }
    INFO(arch_name<A>);
    CHECK(simd::sum<A>(simd::load_ints<A>(n)) == expected);
    for (int i = 0; i < simd::lanes<A>; ++i) {
      std::int32_t m[16];
      for (int j = 0; j < 16; ++j) { m[j] = j == i ? -3 : -5 - j; }
      CHECK(simd::largest<A>(simd::load_ints<A>(m)) == -3);
    }
  });
}
