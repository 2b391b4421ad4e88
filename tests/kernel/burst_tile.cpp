// SPDX-License-Identifier: MIT
#include "octavo/kernel/burst_tile.hpp"

#include "octavo/kernel/byte_weights.hpp"
#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

constexpr octavo::index tokens = 21;

/// Sums of burst_tile that differ from those by fma after fma, from codes. Weights and activations are random, or all
/// as large as they can be. `room` is bytes before the activations: tokens pass upwards or downwards as addresses have
/// it.
template <class A, class S>
int wrong_sums(octavo::index cols, octavo::index rows, bool extreme, std::size_t room) {
  using layout_type = panel_layout<S>;
  using weights = kernel::byte_weights<A, layout_type, false>;
  constexpr int L = simd::lanes<A>;
  test::matrix<float> w(rows, cols, 83);
  for (octavo::index i = 0; extreme && i < rows * cols; ++i) { w.data()[i] = 1.0f; }
  auto const q = quantize<S>(w, on<scalar>());
  auto const view = q.view();
  kernel::segmentation<layout_type> const segments(view.layout(), longest_leaf);
  std::vector<std::int8_t> a(room + static_cast<std::size_t>(segments.count * tokens * segments.length));
  std::vector<std::int32_t> start(static_cast<std::size_t>(segments.count * tokens));
  test::random next(84);
  for (auto& v : a) { v = static_cast<std::int8_t>(extreme ? -128 : next.below(256) - 128); }
  for (auto& v : start) { v = static_cast<std::int32_t>(next.below(20001) - 10000); }
  kernel::token_block<weights> x{};
  x.data = a.data() + room;
  x.token_stride = segments.length;
  x.segment_stride = tokens * segments.length;
  x.start = start.data();
  x.start_stride = tokens;
  std::vector<float> sums(static_cast<std::size_t>(kernel::burst_tokens * panel_rows), 0.5f);
  auto const stream = kernel::packed_stream(view.layout(), segments, view.panel(0));
  kernel::burst_tile<weights>(stream, x, tokens, rows, sums.data());

  int wrong = 0;
  for (octavo::index row = 0; row < rows; ++row) {
    for (octavo::index t = 0; t < tokens; ++t) {
      float sum = 0.5f;
      for (octavo::index s = 0; s < segments.count; ++s) {
        int acc = start[static_cast<std::size_t>(s * tokens + t)];
        for (octavo::index k = 0; k < segments.length; ++k) {
          using F = typename S::format;
          float const value = F::decode(view.code_at(row, segments.first(view.layout(), s) + k));
          int const byte = static_cast<int>(value / lattice<F>.step) - lattice<F>.lowest;
          acc += byte * x.data[(s * tokens + t) * segments.length + k];
        }
        sum = std::fma(static_cast<float>(acc), view.scale_at(row, s) * lattice<typename S::format>.step, sum);
      }
      octavo::index const at = (row / L * kernel::burst_tokens + t) * L + row % L;
      wrong += test::same_bits(sums[static_cast<std::size_t>(at)], sum) ? 0 : 1;
    }
  }
  return wrong;
}

template <class S>
void check(char const* name) {
  test::if_arch<avx2>([&](auto arch) {
    using A = typename decltype(arch)::type;
    for (bool const extreme : {false, true}) {
      for (std::size_t const room : {0u, 1024u, 2048u, 3072u}) {
        INFO(arch_name<A> << ", " << name << ", extreme " << extreme << ", room " << room);
        CHECK(wrong_sums<A, S>(256, 64, extreme, room) == 0);
        CHECK(wrong_sums<A, S>(128, 43, extreme, room) == 0);
      }
    }
  });
}

}  // namespace

TEST_CASE("bursts of tokens that pass by add scaled integer sums in the documented order") {
  check<w4_g32>("int4, one burst");
  check<w4_g128>("int4, four parts");
  check<w2_g64>("int2, two parts");
  check<mxfp4>("e2m1, two bursts");
}

TEST_CASE("bursts are for groups of whole registers, on AVX2 without VNNI") {
  test::if_arch<avx2>([](auto arch) {
    using A = typename decltype(arch)::type;
    STATIC_REQUIRE(kernel::takes_bursts<kernel::byte_weights<A, panel_layout<w4_g32>, false>>);
    STATIC_REQUIRE(!kernel::takes_bursts<kernel::byte_weights<A, panel_layout<w4_g<16>>, false>>);
    STATIC_REQUIRE(!kernel::takes_bursts<kernel::byte_weights<A, panel_layout<w4>, false>>);
    STATIC_REQUIRE(!kernel::takes_bursts<kernel::byte_weights<A, panel_layout<w8_g<32>>, false>>);
  });
}
