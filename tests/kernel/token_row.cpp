// SPDX-License-Identifier: MIT
#include "octavo/kernel/token_row.hpp"

#include "octavo/format/integer.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <vector>

using namespace octavo;

TEST_CASE("a row is seen once, in order, each feature in the same lane on every instruction set") {
  test::for_archs([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    for (octavo::index const n : {0, 1, 3, 15, 16, 17, 63, 64, 65, 200}) {
      octavo::index next = 0;
      int wrong = 0;
      kernel::for_row<A>(n, [&](auto r, octavo::index k, auto count) {
        wrong += k == next && r() == k / simd::lanes<A> % kernel::row_registers<A> ? 0 : 1;
        wrong += kernel::all_lanes<decltype(count)> == (count == simd::lanes<A>) ? 0 : 1;
        next = k + count;
      });
      CHECK(next == n);
      next = 0;
      kernel::for_registers<A>(n, [&](octavo::index k, auto count) {
        wrong += k == next && kernel::all_lanes<decltype(count)> == (count == simd::lanes<A>) ? 0 : 1;
        next = k + count;
      });
      CHECK(next == n);
      CHECK(wrong == 0);
    }
  });
}

TEST_CASE("parts of registers read and write no more than they hold") {
  test::for_archs([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    for (octavo::index n = 1; n < simd::lanes<A>; ++n) {
      std::vector<bf16> const x(static_cast<std::size_t>(n), bf16(3.0f));  // a sanitizer sees what lies behind
      std::vector<bf16> y(static_cast<std::size_t>(n));
      auto const v = kernel::load_count<A>(x.data(), n);
      kernel::store_count<A>(y.data(), v, n);
      auto const kept = kernel::keep_count<A>(v + simd::floats<A>(1.0f), n);
      float lanes[16];
      kept.store_unaligned(lanes);
      for (octavo::index i = 0; i < simd::lanes<A>; ++i) { CHECK(lanes[i] == (i < n ? 4.0f : 0.0f)); }
      for (bf16 const each : y) { CHECK(each == 3.0f); }
    }
  });
}

TEST_CASE("a code_row quantizes as the scalar quantizer, padding of the last register aside") {
  using Q = affine<uint8>;
  auto xs = test::values(37, 4);
  for (float& x : xs) { x += 3.0f; }
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    std::vector<float> row(37);
    std::vector<std::int8_t> codes(37);
    float scale = 0;
    std::int32_t zero = 0;
    kernel::code_row<A, Q> out{row.data(), codes.data(), &scale, &zero};
    kernel::for_row<A>(37, [&](auto, octavo::index k, auto count) {
      auto const v = kernel::load_count<A>(xs.data() + k, count);
      out.put(k, v + simd::floats<A>(100.0f) - simd::floats<A>(100.0f), count);  // lanes beyond are not 0
    });
    out.finish(37);
    auto const p = Q::calibrate(row);
    CHECK(scale == Q::scale(p));
    CHECK(zero == Q::zero(p) - 128);
    for (std::size_t i = 0; i < 37; ++i) {
      CHECK(codes[i] == static_cast<int>(Q::format::decode(Q::encode(row[i], p))) - 128);
    }
  });
}
