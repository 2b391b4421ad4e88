// SPDX-License-Identifier: MIT
#include "octavo/kernel/packed_step.hpp"

#include "octavo/core/unroll.hpp"
#include "octavo/format/minifloat.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

using namespace octavo;
using namespace octavo::schemes;

namespace {

template <class F>
using by_groups = scheme<symmetric<F>, per_group<32>>;

/// Bytes of a step that differ from what the layout says of its codes.
template <class A, class S>
int wrong_codes() {
  using layout_type = panel_layout<S>;
  constexpr int L = simd::lanes<A>;
  layout_type const layout{64, 64};
  std::array<std::byte, 4096> panel;
  test::random next(5);
  for (auto& b : panel) { b = static_cast<std::byte>(next.byte()); }
  int wrong = 0;
  for (octavo::index row = 0; row < 64; row += L) {
    kernel::packed_step<A, layout_type> const step(panel.data() + row * 4, row);
    detail::unroll<layout_type::quads>([&](auto q) {
      std::uint8_t codes[64];
      step.template quad<q()>().store_unaligned(reinterpret_cast<std::int32_t*>(codes));
      for (octavo::index r = row / 16 * 16; r < row / 16 * 16 + 16; ++r) {
        for (octavo::index j = 0; j < 4; ++j) {
          auto const p = layout.at(r, 4 * q() + j);
          octavo::index const at = p.byte % 64 - row % 16 * 4;
          if (at < 0 || at >= 4 * L) { continue; }
          wrong += codes[at] == layout.get(panel.data(), p) ? 0 : 1;
        }
      }
    });
    detail::unroll<static_cast<int>(layout_type::step)>([&](auto k) {
      std::int32_t codes[16];
      step.template code<k()>().store_unaligned(codes);
      for (octavo::index i = 0; i < L; ++i) {
        int const expected = layout.get(panel.data(), layout.at(row + i, k()));
        wrong += (codes[i] & ((1 << layout.bits) - 1)) == expected ? 0 : 1;
      }
    });
  }
  return wrong;
}

}  // namespace

TEST_CASE("codes of a step are those of the layout, for every width") {
  test::for_archs([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_codes<A, w2_g64>() == 0);
    CHECK(wrong_codes<A, by_groups<sint<3>>>() == 0);
    CHECK(wrong_codes<A, w4_g32>() == 0);
    CHECK(wrong_codes<A, by_groups<sint<5>>>() == 0);
    CHECK(wrong_codes<A, by_groups<sint<6>>>() == 0);
    CHECK(wrong_codes<A, w8>() == 0);
    CHECK(wrong_codes<A, fp8>() == 0);
    CHECK(wrong_codes<A, by_groups<minifloat<3, 2, specials::none>>>() == 0);
  });
}
