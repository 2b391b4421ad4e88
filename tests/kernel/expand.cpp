// SPDX-License-Identifier: MIT
#include "octavo/kernel/expand.hpp"

#include "octavo/kernel/byte_weights.hpp"
#include "octavo/kernel/float_weights.hpp"
#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"

#include <cstddef>
#include <cstring>

using namespace octavo;
using namespace octavo::schemes;

TEST_CASE("expanded weights are the decoded ones, unit after unit") {
  auto const q = quantize<w4_g32>(test::matrix<float>(64, 32, 91), on<scalar>());
  auto const view = q.view();
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    using weights = kernel::float_weights<A, panel_layout<w4_g32>, true>;
    constexpr int L = simd::lanes<A>;
    int wrong = 0;
    for (octavo::index first = 0; first < 64; first += L) {
      aligned_buffer out(32 * L * 4);
      kernel::expand<weights, 1>(view.panel(0), view.panel(0) + view.layout().params_at(0), first, 4, out.data());
      auto const* const values = reinterpret_cast<float const*>(out.data());
      for (octavo::index k = 0; k < 32; ++k) {
        for (octavo::index r = 0; r < L; ++r) {  // swapped: k runs 1 0 3 2 ...
          wrong += values[(k ^ 1) * L + r] == int4::decode(view.code_at(first + r, k)) ? 0 : 1;
        }
      }
    }
    INFO(arch_name<A>);
    CHECK(wrong == 0);
  });
}

TEST_CASE("expanded bytes end with zeros, up to what a tile takes together") {
  auto const q = quantize<w8>(test::matrix<float>(64, 20, 92), on<scalar>());
  auto const view = q.view();
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    using weights = kernel::byte_weights<A, panel_layout<w8>, false>;
    if constexpr (sizeof(typename weights::weight) == sizeof(simd::ints<A>)) {
      constexpr int L = simd::lanes<A>;
      constexpr auto units = round_up(5, kernel::units_together);
      STATIC_REQUIRE(units > 5);
      aligned_buffer out(units * L * 4);
      std::memset(out.data(), 0x55, static_cast<std::size_t>(out.size()));
      kernel::expand<weights, 1>(view.panel(0), view.panel(0) + view.layout().params_at(0), 0, 5, out.data());
      int wrong = 0;
      for (octavo::index k = 0; k < units * 4; ++k) {
        for (octavo::index r = 0; r < L; ++r) {
          int const value = static_cast<int>(int8::decode(view.code_at(r, k < 20 ? k : 0)));
          int const expected = k < 20 ? (128 + value - weights::offset) & 0xff : 0;
          int const found = std::to_integer<int>(out.data()[k / 4 * L * 4 + r * 4 + k % 4]);
          wrong += found == expected ? 0 : 1;
        }
      }
      INFO(arch_name<A>);
      CHECK(wrong == 0);
    }
  });
}

TEST_CASE("bytes of eight bits are in the panel as a tile wants them") {
  using layout = panel_layout<w8>;
  using scalar_weights = kernel::byte_weights<scalar, layout, false>;
  STATIC_REQUIRE(kernel::expanded<scalar_weights, 4>::as_packed);
  STATIC_REQUIRE_FALSE(kernel::expanded<scalar_weights, 2>::as_packed);
  STATIC_REQUIRE_FALSE(kernel::expanded<kernel::byte_weights<scalar, panel_layout<w4>, false>, 4>::as_packed);
}
