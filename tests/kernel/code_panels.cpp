// SPDX-License-Identifier: MIT
// Packed panels of codes times bytes, by the tile, against sums one by one.
#include "octavo/kernel/code_panels.hpp"

#include "octavo/format/integer.hpp"
#include "octavo/kernel/pack.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/quantized_rows.hpp"
#include "support/random.hpp"

#include <vector>

using namespace octavo;

TEST_CASE("a block of a panel of int4 codes times signed bytes") {
  constexpr octavo::index k = 40;
  auto const w = test::values(64 * k, 5);
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    using stored = scheme<symmetric<int4>, per_row>;
    using panels = kernel::code_panels<A, stored, false>;
    typename panels::layout const layout{64, panels::filled(k)};
    std::vector<std::byte> panel(static_cast<std::size_t>(layout.panel_bytes()));
    std::vector<float> room(static_cast<std::size_t>(64 * layout.cols));
    std::vector<float> padded(room.size());
    for (octavo::index r = 0; r < 64; ++r) {
      for (octavo::index c = 0; c < k; ++c) {
        padded[static_cast<std::size_t>(c * 64 + r)] = w[static_cast<std::size_t>(r * k + c)];
      }
    }
    kernel::packer<A, stored, float>(matrix_view<float>(padded.data(), 64, layout.cols, 1, 64), layout, panel.data())
        .panels(0, 1, room.data());
    std::vector<typename panels::operand> x(static_cast<std::size_t>(layout.cols));
    std::vector<int> plain(x.size());
    test::random next(6);
    int sum_of_x = 0;
    for (std::size_t c = 0; c < k; ++c) {
      plain[c] = static_cast<int>(next.below(255)) - 127;
      sum_of_x += plain[c];
    }
    for (std::size_t c = 0; c < x.size(); ++c) {
      // Words are stored as (k0 k2)(k1 k3).
      std::size_t const at = sizeof(x[0]) == 2 ? c / 4 * 4 + (c % 4 == 1 ? 2 : c % 4 == 2 ? 1 : c % 4) : c;
      x[c] = static_cast<typename panels::operand>(plain[at]);
    }
    std::int32_t const start = -panels::offset * sum_of_x;
    kernel::token_block<typename panels::weights> block{};
    block.data = x.data();
    block.token_stride = layout.cols;
    block.start = &start;
    constexpr octavo::index W = panels::width;
    float out[64];
    int wrong = 0;
    for (octavo::index b = 0; b < 64 / W; ++b) {
      auto here = block;
      panels::template multiply<1>(panel.data(), layout, b, 0, layout.cols / panels::layout::step, here, out);
      for (octavo::index r = 0; r < W; ++r) {
        test::quantized const row(w.data() + (b * W + r) * k, k, 1, 7);
        int sum = 0;
        for (std::size_t c = 0; c < k; ++c) { sum += row.codes[c] * plain[c]; }
        wrong += out[r] == static_cast<float>(sum) * row.scale ? 0 : 1;
      }
    }
    CHECK(wrong == 0);
  });
}
