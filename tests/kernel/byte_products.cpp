// SPDX-License-Identifier: MIT
// Sums of bytes on the matrix unit, or by tiles, against sums one by one.
#include "octavo/kernel/byte_products.hpp"

#include "support/archs.hpp"
#include "support/byte_sums.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <vector>

using namespace octavo;

namespace {

template <class A, int T, bool Swapped>
int wrong_sums(octavo::index quads) {
  kernel::product_session<A> session;
  return test::wrong_byte_sums<T, Swapped>(
      quads, [&](std::byte const* panel, octavo::index n, std::uint8_t const* x, octavo::index stride,
                 std::int32_t const* start, std::int32_t* out) {
        for (int round = 0; round < 2; ++round) {  // the second finds what the first has configured
          kernel::byte_products<A, T, Swapped>(n % 16 == 0 ? &session : nullptr, panel, n, x, stride, start, out);
        }
      });
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
