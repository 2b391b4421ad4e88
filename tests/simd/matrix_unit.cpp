// SPDX-License-Identifier: MIT
#include "octavo/simd/matrix_unit.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cstdint>
#include <vector>

using namespace octavo;

namespace {

/// Differences from plain loops, for so many tokens in the two blocks and quads in each of two steps.
template <class A, bool Two>
int differences(int first, int second, int quads) {
  using unit = simd::matrix_unit<A>;
  constexpr octavo::index token_stride = 200;
  constexpr octavo::index quad_stride = 256;
  std::vector<std::int8_t> a(static_cast<std::size_t>(32 * token_stride));
  std::vector<std::uint8_t> w(static_cast<std::size_t>(32 * quad_stride));
  test::random random(static_cast<std::uint64_t>(first * 1000 + second * 100 + quads));
  for (auto& v : a) { v = static_cast<std::int8_t>(random.byte()); }
  for (auto& v : w) { v = random.byte(); }
  a[0] = -128;
  w[0] = 255;

  std::vector<std::int32_t> sums(32 * 32, -7);
  int calls = 0;
  unit::configure(first, second, quads);
  unit::clear(Two);
  for (int step = 0; step < 2; ++step) {
    unit::multiply(Two, a.data() + step * quads * 4, token_stride,
                   reinterpret_cast<std::byte const*>(w.data()) + step * quads * quad_stride, quad_stride,
                   [&](int i) { calls += i; });
  }
  unit::store(Two, sums.data());
  unit::release();

  int wrong = calls == 2 * (0 + 1 + 2 + 3) ? 0 : 1;
  for (int t = 0; t < 32; ++t) {
    bool const used = t < 16 ? t < first : t - 16 < second;
    for (int r = 0; r < 32; ++r) {
      std::int32_t expected = used ? 0 : -7;  // rows of a block that are not configured are not written
      for (int k = 0; used && k < 2 * quads * 4; ++k) {
        expected += a[static_cast<std::size_t>(t * token_stride + k)] *
                    w[static_cast<std::size_t>(k / 4 * quad_stride + r * 4 + k % 4)];
      }
      wrong += sums[static_cast<std::size_t>(t * 32 + r)] != expected;
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("the matrix unit multiplies signed by unsigned bytes exactly") {
  test::if_arch<avx512amx>([](auto arch) {
    using A = typename decltype(arch)::type;
    for (int const quads : {1, 2, 3, 8, 15, 16}) {
      for (int const tokens : {1, 7, 15, 16}) {
        CHECK(differences<A, false>(tokens, 0, quads) == 0);
        CHECK(differences<A, true>(16, tokens, quads) == 0);
      }
    }
  });
}
