// SPDX-License-Identifier: MIT
#include "octavo/kernel/scales.hpp"

#include "octavo/kernel/byte_weights.hpp"
#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"

#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

/// Scales and minima by registers against those that the matrix says, of both panels and of a stream that starts later.
template <class S>
void check_scales() {
  using layout_type = panel_layout<S>;
  auto const w = quantize<S>(test::matrix<float>(128, 600, 7), on<scalar>());
  auto const view = w.view();
  auto const layout = view.layout();
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    using weights = kernel::byte_weights<A, layout_type, false>;
    auto const whole = kernel::packed_stream(layout, {layout, longest_leaf}, view.panel(0));
    auto later = whole;
    later.params += 5 * later.param_stride;
    later.segments -= 5;
    later.first = 5;
    auto second = whole;
    second.next_panels(1);
    int wrong = 0;
    auto const same = [&](simd::floats<A> found, auto const& expected) {
      std::vector<float> lanes(static_cast<std::size_t>(simd::lanes<A>));
      found.store_unaligned(lanes.data());
      for (std::size_t i = 0; i < lanes.size(); ++i) {
        wrong += test::same_bits(lanes[i], expected(static_cast<octavo::index>(i))) ? 0 : 1;
      }
    };
    for (octavo::index g = 0; g < layout.groups(); ++g) {
      for (octavo::index row = 0; row < 64; row += simd::lanes<A>) {
        auto const scale = [&](octavo::index i) { return view.scale_at(row + i, g) * weights::scale_factor; };
        auto const below = [&](octavo::index i) { return view.scale_at(64 + row + i, g) * weights::scale_factor; };
        same(kernel::load_scales<weights>(whole, g, 0, row), scale);
        if (g >= 5) { same(kernel::load_scales<weights>(later, g - 5, 0, row), scale); }
        same(kernel::load_scales<weights>(whole, g, whole.panel_stride, row), below);
        same(kernel::load_scales<weights>(second, g, 0, row), below);
        if constexpr (layout_type::minima) {
          same(kernel::load_minima<A, layout_type>(whole, g, 0, row),
               [&](octavo::index i) { return view.minimum_at(row + i, g); });
          same(kernel::load_minima<A, layout_type>(whole, g, whole.panel_stride, row),
               [&](octavo::index i) { return view.minimum_at(64 + row + i, g); });
        }
      }
    }
    INFO(arch_name<A>);
    CHECK(wrong == 0);
  });
}

}  // namespace

TEST_CASE("scales in registers are those of the matrix: of one level and of two") {
  check_scales<w4_g32>();
  check_scales<w4_min_g<32>>();
  check_scales<q4_k>();
  check_scales<q6_k>();
  check_scales<nvfp4>();
}
