// SPDX-License-Identifier: MIT
#include "octavo/simd/ordered_sum.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

/// Runs of several lengths, one after the other, against the plain loop.
template <class A>
int wrong_sums(std::vector<float> const& x) {
  int wrong = 0;
  for (octavo::index const run : {1, 15, 16, 64, 300, 5000}) {
    double sum = 0;
    double expected = 0;
    for (octavo::index i = 0; i < static_cast<octavo::index>(x.size()); i += run) {
      octavo::index const n = smaller(run, static_cast<octavo::index>(x.size()) - i);
      sum = simd::ordered_sum<A>::add(sum, x.data() + i, n);
      for (octavo::index j = i; j < i + n; ++j) {
        expected += std::fabs(static_cast<double>(x[static_cast<std::size_t>(j)]));
      }
      bool const same = std::bit_cast<std::uint64_t>(sum) == std::bit_cast<std::uint64_t>(expected);
      wrong += same || (std::isnan(sum) && std::isnan(expected)) ? 0 : 1;
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("sums of sizes have the bits of those in order") {
  test::random next(97);
  auto const numbers = [&next](auto const& law) {
    std::vector<float> x(5000);
    for (auto& e : x) { e = law(next.value()); }
    return x;
  };
  // Sums that are long of small numbers have many ties: 2^20 first, then numbers of about its quantum, 2^-32.
  auto ties = numbers([&next](float) { return std::ldexp(static_cast<float>(next.byte()), -35); });
  ties[0] = 0x1p20f;
  auto rounded = numbers([](float v) { return v * 0x1p-20f; });
  rounded[0] = 0x1.fffffep19f;
  rounded[2500] = 1.0f;
  auto odd = numbers([](float v) { return v; });
  odd[0] = 0x1p40f;
  odd[1] = 0x1p-12f;
  std::vector<std::vector<float>> const all = {
      numbers([](float v) { return v; }),
      numbers([](float v) { return v * 0x1p-140f; }),
      numbers([&next](float v) { return std::ldexp(v, next.byte() / 2 - 60); }),
      numbers([](float) { return -0.0f; }),
      numbers([](float) { return std::numeric_limits<float>::max(); }),
      ties,
      rounded,
      odd};
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    for (auto const& x : all) { CHECK(wrong_sums<A>(x) == 0); }
    for (float const bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      auto x = all[0];
      x[1234] = -bad;
      CHECK(wrong_sums<A>(x) == 0);
    }
  });
}
