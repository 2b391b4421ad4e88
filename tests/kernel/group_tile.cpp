// SPDX-License-Identifier: MIT
#include "octavo/kernel/group_tile.hpp"

#include "octavo/core/unroll.hpp"
#include "octavo/kernel/byte_weights.hpp"
#include "octavo/kernel/expand.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/tiles.hpp"

#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

template <class A, class S>
using weights_of = kernel::byte_weights<A, panel_layout<S>, false>;

/// Of T tokens by R registers of rows: sums other than those found code by code.
template <class A, class S, int T, int R>
int wrong_sums(test::prepared<S> const& p) {
  using weights = weights_of<A, S>;
  constexpr int width = R * simd::lanes<A>;
  int wrong = 0;
  for (octavo::index first = 0; first < 64; first += width) {
    for (bool const own : {false, true}) {
      std::vector<float> sums(T * width, 0.75f);
      auto w = p.stream();
      if (own) { w.ask_for_own(panel_layout<S>::step_bytes); }
      kernel::group_tile<weights, T, R>(w, p.template block<weights>(), first, sums.data());
      for (int i = 0; i < T * width; ++i) {
        float const expected = p.plain(i / width, first + i % width, 0.75f);
        wrong += test::same_bits(sums[static_cast<std::size_t>(i)], expected) ? 0 : 1;
      }
    }
  }
  return wrong;
}

/// The same of weights that were unpacked before, 6 tokens by 2 registers.
template <class A, class S>
int wrong_expanded_sums(test::prepared<S> const& p) {
  using weights = weights_of<A, S>;
  using wide = kernel::expanded<weights, 2>;
  constexpr int width = 2 * simd::lanes<A>;
  auto w = p.stream();
  auto const from = w;
  w.steps *= weights::units;
  w.last_steps = w.steps;
  w.segment_bytes = w.steps * wide::step_bytes;
  std::vector<std::byte> units(static_cast<std::size_t>(w.segments * w.segment_bytes));
  int wrong = 0;
  for (octavo::index first = 0; first < 64; first += width) {
    for (octavo::index s = 0; s < w.segments; ++s) {
      kernel::expand<weights, 2>(from.codes + s * from.segment_bytes, from.params_of(s), first, from.steps,
                                 units.data() + s * w.segment_bytes);
    }
    w.codes = w.ahead = units.data();
    std::vector<float> sums(6 * width, 0.75f);
    kernel::group_tile<wide, 6, 2>(w, p.template block<wide>(), first, sums.data());
    for (int i = 0; i < 6 * width; ++i) {
      float const expected = p.plain(i / width, first + i % width, 0.75f);
      wrong += test::same_bits(sums[static_cast<std::size_t>(i)], expected) ? 0 : 1;
    }
  }
  return wrong;
}

template <class S>
void check_expanded(octavo::index cols) {
  test::prepared<S> const p(cols);
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    if constexpr (detail::is_avx512<A> && weights_of<A, S>::burst == 0) {
      INFO(arch_name<A> << ", columns " << cols);
      CHECK(wrong_expanded_sums<A, S>(p) == 0);
    }
  });
}

template <class S>
void check_scheme(octavo::index cols) {
  test::prepared<S> const p(cols);
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    if constexpr (kernel::takes_group_tile<weights_of<A, S>>) {
      INFO(arch_name<A> << ", columns " << cols);
      detail::unroll<kernel::group_tile_tokens>([&](auto t) {
        CHECK(wrong_sums<A, S, t() + 1, 4>(p) == 0);
        CHECK(wrong_sums<A, S, t() + 1, 2>(p) == 0);
      });
    }
  });
}

}  // namespace

TEST_CASE("sums that stay in registers have the bits of those that do not", "[kernel][group_tile]") {
  check_scheme<w4_g32>(32);
  check_scheme<w4_g32>(160);
  check_scheme<w4_g128>(384);
  check_scheme<w2_g64>(192);
  check_scheme<ternary_g<64>>(128);
}

TEST_CASE("sums of expanded weights stay in registers too", "[kernel][group_tile]") {
  check_expanded<w4_g128>(384);
  check_expanded<w8_g<64>>(192);
  check_expanded<w6_g<64>>(64);
  check_expanded<w3_g<128>>(256);
}

TEST_CASE("what a shift and a mask do not make integers goes through other tiles", "[kernel][group_tile]") {
  test::for_archs([](auto arch) {
    using A = typename decltype(arch)::type;
    STATIC_REQUIRE(!kernel::takes_group_tile<weights_of<A, w4>>);            // no groups
    STATIC_REQUIRE(!kernel::takes_group_tile<weights_of<A, w3_g<64>>>);      // two planes
    STATIC_REQUIRE(!kernel::takes_group_tile<weights_of<A, mxfp4>>);         // a lookup
    STATIC_REQUIRE(!kernel::takes_group_tile<weights_of<A, w4_min_g<32>>>);  // minima
    STATIC_REQUIRE(!kernel::takes_group_tile<weights_of<A, q4_k>>);          // two levels of scales
  });
}
