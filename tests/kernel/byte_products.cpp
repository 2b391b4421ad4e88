// SPDX-License-Identifier: MIT
// Sums of bytes on the matrix unit, or by tiles, against sums one by one.
#include "octavo/kernel/byte_products.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

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
  kernel::product_session<A> session;
  for (int round = 0; round < 2; ++round) {  // the second finds what the first has configured
    kernel::byte_products<A, T, Swapped>(quads % 16 == 0 ? &session : nullptr,
                                         reinterpret_cast<std::byte const*>(panel.data()), quads, x.data(), stride,
                                         Swapped ? nullptr : start, out);
  }
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

TEST_CASE("products of bytes are the exact sums, on the unit and without") {
  auto const check = [](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_sums<A, 16, false>(kernel::product_quads<A>(32)) == 0);
    CHECK(wrong_sums<A, 16, true>(kernel::product_quads<A>(128)) == 0);
    CHECK(wrong_sums<A, 7, false>(kernel::product_quads<A>(9)) == 0);
    CHECK(wrong_sums<A, 13, true>(kernel::product_quads<A>(17)) == 0);
    CHECK(wrong_sums<A, 3, true>(kernel::product_quads<A>(16)) == 0);
    CHECK(wrong_sums<A, 16, true>(0) == 0);
  };
  test::if_arch<avx512amx>(check);
}
