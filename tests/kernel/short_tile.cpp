// SPDX-License-Identifier: MIT
// Sums of bytes and of floats against sums one by one.
#include "octavo/kernel/short_tile.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

using namespace octavo;

namespace {

template <class A, int T, bool Swapped>
int wrong_sums(octavo::index quads) {
  test::random next(3);
  std::vector<std::uint8_t> panel(static_cast<std::size_t>(quads * 256));
  octavo::index const stride = 4 * quads + 20;
  std::vector<std::uint8_t> x(static_cast<std::size_t>(T * stride));
  for (auto& b : panel) { b = next.byte(); }
  for (auto& b : x) { b = next.byte(); }
  std::int32_t start[static_cast<std::size_t>(T)];
  for (std::int32_t& s : start) { s = static_cast<std::int32_t>(next.below(1000)) - 500; }
  std::int32_t out[static_cast<std::size_t>(T * 64)];
  using product = kernel::byte_product<A, Swapped>;
  kernel::short_tile<product, T, simd::panel_registers<A>>(reinterpret_cast<std::byte const*>(panel.data()), quads,
                                                           reinterpret_cast<std::int8_t const*>(x.data()), stride,
                                                           Swapped ? nullptr : start, out);
  int wrong = 0;
  for (octavo::index t = 0; t < T; ++t) {
    for (octavo::index r = 0; r < 64; ++r) {
      int sum = Swapped ? 0 : start[t];
      for (octavo::index k = 0; k < 4 * quads; ++k) {
        auto const w = panel[static_cast<std::size_t>((k / 4 * 64 + r) * 4 + k % 4)];
        auto const a = x[static_cast<std::size_t>(t * stride + k)];
        sum += Swapped ? static_cast<std::int8_t>(w) * a : w * static_cast<std::int8_t>(a);
      }
      wrong += out[t * 64 + r] == sum ? 0 : 1;
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("a tile of bytes is the exact sum, whichever side is signed") {
  test::if_arch<avx512vnni>([](auto arch) {
    using A = typename decltype(arch)::type;
    CHECK(wrong_sums<A, 6, false>(32) == 0);
    CHECK(wrong_sums<A, 6, true>(2) == 0);
    CHECK(wrong_sums<A, 1, true>(128) == 0);
    CHECK(wrong_sums<A, 5, false>(6) == 0);
    CHECK(wrong_sums<A, 3, false>(0) == 0);
  });
}

TEST_CASE("a tile of floats is one chain of fma, ascending") {
  test::for_archs([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    constexpr octavo::index k = 34;
    constexpr int L = simd::lanes<A>;
    auto const block = test::values(k * 2 * L, 1);
    auto const x = test::values(3 * 40, 2);
    std::vector<float> out(3 * 2 * L);
    kernel::short_tile<kernel::float_product<A>, 3, 2>(reinterpret_cast<std::byte const*>(block.data()), k, x.data(),
                                                       40, nullptr, out.data());
    int wrong = 0;
    for (octavo::index t = 0; t < 3; ++t) {
      for (octavo::index r = 0; r < 2 * L; ++r) {
        float sum = 0;
        for (octavo::index i = 0; i < k; ++i) {
          sum =
              std::fma(block[static_cast<std::size_t>(i * 2 * L + r)], x[static_cast<std::size_t>(t * 40 + i)], sum);
        }
        wrong += out[static_cast<std::size_t>(t * 2 * L + r)] == sum ? 0 : 1;
      }
    }
    CHECK(wrong == 0);
  });
}
