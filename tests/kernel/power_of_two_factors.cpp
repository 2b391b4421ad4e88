// SPDX-License-Identifier: MIT
#include "octavo/kernel/power_of_two_factors.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cstdint>
#include <vector>

using namespace octavo;

TEST_CASE("bytes of codes are loaded and stored as they are and nothing behind them is touched") {
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    auto const check = [](auto byte) {
      using Byte = decltype(byte);
      constexpr auto L = static_cast<octavo::index>(simd::lanes<A>);
      for (octavo::index n = 1; n <= L; ++n) {
        std::vector<Byte> from;  // no longer than read
        for (octavo::index i = 0; i < n; ++i) { from.push_back(static_cast<Byte>(250 - 37 * i)); }
        std::vector<Byte> to(static_cast<std::size_t>(n + 1), Byte{77});
        std::int32_t values[16];
        auto const x = n == L ? kernel::load_codes<A>(from.data(), detail::constant<simd::lanes<A>>())
                              : kernel::load_codes<A>(from.data(), n);
        x.store_unaligned(values);
        if (n == L) {
          kernel::store_codes<A>(to.data(), x, detail::constant<simd::lanes<A>>());
        } else {
          kernel::store_codes<A>(to.data(), x, n);
        }
        int wrong = to.back() == 77 ? 0 : 1;
        for (octavo::index i = 0; i < L; ++i) {
          auto const k = static_cast<std::size_t>(i);
          wrong += values[k] == (i < n ? from[k] : 0) ? 0 : 1;
          if (i < n) { wrong += to[k] == from[k] ? 0 : 1; }
        }
        CHECK(wrong == 0);
      }
    };
    check(std::uint8_t{});
    check(std::int8_t{});
  });
}

TEST_CASE("channels are encoded by their own factors") {
  power_of_two_factors<> f;
  f.tensor = {0.01f, 100.0f, 100};
  f.shift = channel_shifts(35);
  std::vector<float> x;
  for (octavo::index c = 0; c < 35; ++c) {
    f.shift[c] = static_cast<std::uint8_t>(c % 4);
    x.push_back(0.06f);
  }
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    std::vector<std::uint8_t> codes(36, 77);
    kernel::encode_by_factors<A>(f, x.data(), 35, codes.data());
    int const expected[] = {106, 103, 102, 101};  // 6, 3, 1.5 and .75 steps from 100
    int wrong = codes[35] == 77 ? 0 : 1;
    for (std::size_t c = 0; c < 35; ++c) { wrong += codes[c] == expected[c % 4] ? 0 : 1; }
    CHECK(wrong == 0);
  });
}
