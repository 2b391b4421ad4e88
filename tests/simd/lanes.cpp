// SPDX-License-Identifier: MIT
#include "octavo/simd/lanes.hpp"

#include "support/archs.hpp"
#include "support/check_native.hpp"
#include "support/random.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

using namespace octavo;
using floats16 = detail::lanes16<float>;
using ints16 = detail::lanes16<std::int32_t>;

namespace {
template <class L, class F>
bool each(L const& lanes, F const& f) {
  for (int i = 0; i < 16; ++i) {
    if (lanes.v[i] != f(i)) { return false; }
  }
  return true;
}
}  // namespace

TEST_CASE("emulated lanes compute lane by lane") {
  auto const a = floats16::generate([](int i) { return static_cast<float>(i) + 0.5f; });
  auto const b = floats16::generate([](int i) { return static_cast<float>(16 - 2 * i); });
  auto const x = [](int i) { return static_cast<float>(i) + 0.5f; };
  auto const y = [](int i) { return static_cast<float>(16 - 2 * i); };
  CHECK(each(a + b, [&](int i) { return x(i) + y(i); }));
  CHECK(each(a - b, [&](int i) { return x(i) - y(i); }));
  CHECK(each(a * b, [&](int i) { return x(i) * y(i); }));
  CHECK(each(b / a, [&](int i) { return y(i) / x(i); }));
  CHECK(each(max(a, b), [&](int i) { return std::fmax(x(i), y(i)); }));
  CHECK(each(min(a, b), [&](int i) { return std::fmin(x(i), y(i)); }));
  CHECK(each(fma(a, b, a), [&](int i) { return std::fma(x(i), y(i), x(i)); }));
  CHECK(each(floats16(2.5f), [](int) { return 2.5f; }));
}

TEST_CASE("emulated integers wrap as vector registers do") {
  constexpr auto most = std::numeric_limits<std::int32_t>::max();
  constexpr auto least = std::numeric_limits<std::int32_t>::min();
  CHECK(each(ints16(most) + ints16(1), [](int) { return least; }));
  CHECK(each(ints16(least) - ints16(1), [](int) { return most; }));
  CHECK(each(ints16(most) * ints16(2), [](int) { return -2; }));
}

TEST_CASE("min and max return the second operand when one is NaN, as minps and maxps do") {
  floats16 const nan(std::nanf(""));
  floats16 const one(1.0f);
  CHECK(each(max(nan, one), [](int) { return 1.0f; }));
  CHECK(each(min(nan, one), [](int) { return 1.0f; }));
  CHECK(std::isnan(max(one, nan).v[7]));
  CHECK(std::isnan(min(one, nan).v[7]));
}

TEST_CASE("loads and stores move sixteen values") {
  float data[18];
  for (int i = 0; i < 18; ++i) { data[i] = static_cast<float>(i); }
  auto const a = floats16::load_unaligned(data + 1);
  CHECK(each(a, [](int i) { return static_cast<float>(i + 1); }));
  a.store_unaligned(data);
  CHECK(data[0] == 1.0f);
  CHECK(data[15] == 16.0f);
  CHECK(data[16] == 16.0f);
  CHECK(data[17] == 17.0f);
}

TEST_CASE("scalar: stores and lookups") { test::check_native<octavo::scalar>(); }

TEST_CASE("registers are read from memory of any type, as instructions do it") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    test::random next(5);
    int wrong = 0;
    for (int round = 0; round < 100; ++round) {
      std::int16_t words[32];
      for (auto& w : words) { w = static_cast<std::int16_t>(next.below(65536) - 32768); }
      std::int32_t out[16];
      simd::load_ints<A>(words).store_unaligned(out);
      for (int i = 0; i < simd::lanes<A>; ++i) {
        auto const both = static_cast<std::uint32_t>(static_cast<std::uint16_t>(words[2 * i])) |
                          static_cast<std::uint32_t>(static_cast<std::uint16_t>(words[2 * i + 1])) << 16;
        wrong += static_cast<std::uint32_t>(out[i]) == both ? 0 : 1;
      }
    }
    INFO(arch_name<A>);
    CHECK(wrong == 0);
  });
}
