// SPDX-License-Identifier: MIT
#include "octavo/kernel/tile.hpp"

#include "octavo/kernel/byte_weights.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/tiles.hpp"

#include <vector>

using namespace octavo;
using namespace octavo::schemes;
using test::prepared;

namespace {

/// Rows of a panel whose sums are wrong where sums of products are the largest there are.
template <class A, class S>
int overflows(prepared<S> const& p) {
  using weights = kernel::byte_weights<A, panel_layout<S>, false>;
  constexpr int L = simd::lanes<A>;
  int wrong = 0;
  for (octavo::index first = 0; first < 64; first += L) {
    std::vector<float> sums(2 * L, 0.5f);
    kernel::tile<weights, 2, 1>(p.stream(), p.template block<weights>(), first, sums.data());
    for (octavo::index i = 0; i < 2 * L; ++i) {
      wrong += test::same_bits(sums[static_cast<std::size_t>(i)], p.plain(i / L, first + i % L, 0.5f)) ? 0 : 1;
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("sums of a burst do not overflow, whether it holds a group or not") {
  prepared<w4_g32> const one(160, 64, true);
  prepared<w4_g<64>> const two(160, 64, true);
  prepared<w4_g128> const four(256, 64, true);
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(overflows<A>(one) == 0);
    CHECK(overflows<A>(two) == 0);
    CHECK(overflows<A>(four) == 0);
  });
}

TEST_CASE("a tile adds scaled integer sums in the documented order") {
  for (octavo::index const cols : {32, 75, 160}) {
    prepared<w4_g32> const p(cols);
    test::for_archs([&](auto arch) {
      using A = typename decltype(arch)::type;
      using weights = kernel::byte_weights<A, panel_layout<w4_g32>, false>;
      constexpr int L = simd::lanes<A>;
      constexpr octavo::index width = 2 * L;
      int wrong = 0;
      for (octavo::index first = 0; first < 64; first += 2 * L) {
        std::vector<float> sums(3 * width, 0.5f);
        kernel::tile<weights, 3, 2>(p.stream(), p.template block<weights>(), first, sums.data());
        for (octavo::index t = 0; t < 3; ++t) {
          for (octavo::index r = 0; r < width; ++r) {
            float const expected = p.plain(t, first + r, 0.5f);
            wrong += test::same_bits(sums[static_cast<std::size_t>(t * width + r)], expected) ? 0 : 1;
          }
        }
      }
      INFO(arch_name<A> << ", columns " << cols);
      CHECK(wrong == 0);
    });
  }
}

TEST_CASE("a tile of several panels computes what a tile of each does") {
  prepared<w4_g32> const p(75, 256);
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    using weights = kernel::byte_weights<A, panel_layout<w4_g32>, false>;
    constexpr int L = simd::lanes<A>;
    int wrong = 0;
    for (octavo::index first = 0; first < 64; first += 2 * L) {
      std::vector<float> sums(2 * 4 * 2 * L, 0.5f);  // [token][panel][row]
      kernel::tile<weights, 2, 2, 4>(p.stream(), p.template block<weights>(), first, sums.data());
      for (octavo::index i = 0; i < 2 * 4 * 2 * L; ++i) {
        octavo::index const row = i / (2 * L) % 4 * 64 + first + i % (2 * L);
        float const expected = p.plain(i / (4 * 2 * L), row, 0.5f);
        wrong += test::same_bits(sums[static_cast<std::size_t>(i)], expected) ? 0 : 1;
      }
    }
    INFO(arch_name<A>);
    CHECK(wrong == 0);
  });
}

TEST_CASE("the stationary tile computes the same bits as the tile") {
  prepared<w4_g32> const p(160);
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    using weights = kernel::byte_weights<A, panel_layout<w4_g32>, false>;
    if constexpr (weights::burst == 0) {
      constexpr int L = simd::lanes<A>;
      int wrong = 0;
      for (octavo::index first = 0; first < 64; first += 2 * L) {
        std::vector<float> stationary(prepared<w4_g32>::tokens * 2 * L, -2.0f);
        std::vector<float> tiles(prepared<w4_g32>::tokens * 2 * L, -2.0f);
        auto x = p.template block<weights>();
        kernel::stationary_tile<weights, 8, 2, 2>(p.stream(), x, p.tokens, first, stationary.data(), 2 * L);
        for (octavo::index t = 0; t < p.tokens; ++t) {
          kernel::tile<weights, 1, 2>(p.stream(), x, first, tiles.data() + t * 2 * L);
          x.data += x.token_stride;
          ++x.start;
        }
        for (std::size_t i = 0; i < tiles.size(); ++i) {
          wrong += test::same_bits(tiles[i], stationary[i]) ? 0 : 1;
          auto const t = static_cast<octavo::index>(i) / (2 * L);
          wrong +=
              test::same_bits(tiles[i], p.plain(t, first + static_cast<octavo::index>(i) % (2 * L), -2.0f)) ? 0 : 1;
        }
      }
      INFO(arch_name<A>);
      CHECK(wrong == 0);
    }
  });
}
