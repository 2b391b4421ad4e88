// SPDX-License-Identifier: MIT
#include "octavo/kernel/byte_weights.hpp"

#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"

#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

/// Panels and rows whose sum of unpacked bytes is not the sum over codes, value / step - lowest.
template <class A, class S>
int wrong_sums(octavo::index cols) {
  using F = typename S::format;
  using layout_type = panel_layout<S>;
  using weights = kernel::byte_weights<A, layout_type, true>;
  auto const q = quantize<S>(test::matrix<float>(64, cols, 61), on<scalar>());
  auto const view = q.view();
  kernel::segmentation<layout_type> const segments(view.layout(), longest_leaf);
  auto const stream = kernel::packed_stream(view.layout(), segments, view.panel(0));
  std::vector<std::int32_t> sums(static_cast<std::size_t>(segments.count * 64));
  kernel::weight_byte_sums<weights>(stream, sums.data());
  int wrong = 0;
  for (octavo::index s = 0; s < segments.count; ++s) {
    octavo::index const present = segments.present(view.layout(), s);
    octavo::index const padding = segments.steps(view.layout(), s) * layout_type::step - present;
    for (octavo::index r = 0; r < 64; ++r) {
      int expected = static_cast<int>(padding) * -lattice<F>.lowest;  // codes of 0
      expected -= static_cast<int>(padding + present) * weights::offset;
      for (octavo::index k = 0; k < present; ++k) {
        float const v = F::decode(view.code_at(r, segments.first(view.layout(), s) + k));
        expected += static_cast<int>(v / lattice<F>.step) - lattice<F>.lowest;
      }
      wrong += sums[static_cast<std::size_t>(s * 64 + r)] == expected ? 0 : 1;
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("sums of unpacked bytes are those of the codes") {
  test::for_archs([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_sums<A, w8>(201) == 0);
    CHECK(wrong_sums<A, w4_g32>(201) == 0);
    CHECK(wrong_sums<A, w2_g64>(201) == 0);
    CHECK(wrong_sums<A, mxfp4>(75) == 0);
    CHECK(wrong_sums<A, scheme<symmetric<minifloat<2, 3, specials::none>>, per_row>>(33) == 0);
    CHECK(wrong_sums<A, scheme<symmetric<sint<3>>, per_group<32>>>(75) == 0);
    CHECK(wrong_sums<A, scheme<affine<octavo::uint<5>>, per_group<64>>>(201) == 0);
    CHECK(wrong_sums<A, scheme<symmetric<sint<6>>, per_row>>(33) == 0);
  });
}

TEST_CASE("byte tables hold value / step - lowest, whatever the bits above the code") {
  int wrong = 0;
  for (std::size_t c = 0; c < 256; ++c) {
    float const v = e2m1::decode(static_cast<code>(c % 16));
    wrong += kernel::byte_values<e2m1, 0>[c] == static_cast<int>(v * 2.0f) + 12 ? 0 : 1;
    float const w = int8::decode(static_cast<code>(c ^ 128));
    wrong += kernel::byte_values<int8, 128>[c] == static_cast<int>(w) + 128 ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("a burst fits int16 on the instruction sets that have bursts") {
  // burst * quads per step additions of two products of at most highest * 128.
  auto const check = [](auto arch) {
    using A = typename decltype(arch)::type;
    using w4_weights = kernel::byte_weights<A, panel_layout<w4_g32>, false>;
    using w2_weights = kernel::byte_weights<A, panel_layout<w2_g64>, false>;
    CHECK(w4_weights::burst * w4_weights::units * 2 * 15 * 128 <= 32767);
    CHECK(w2_weights::burst * w2_weights::units * 2 * 3 * 128 <= 32767);
    CHECK(w4_weights::burst > 0);
  };
  test::if_arch<sse42>(check);
  test::if_arch<avx2>(check);
  test::if_arch<avx512bw>(check);
}
