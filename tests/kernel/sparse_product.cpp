// SPDX-License-Identifier: MIT
// Both products of a slice against their definition, to the bit, on every instruction set.
#include "octavo/kernel/sparse_product.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

using namespace octavo;

TEST_CASE("products of a slice are chains of fma, with rows as lanes and with tokens") {
  constexpr octavo::index cols = 150;
  constexpr octavo::index most = kernel::sparse_tokens;
  auto const at = [](octavo::index i) { return static_cast<std::size_t>(i); };
  std::vector<sparse_element> elements;
  auto const numbers = test::values(16 * cols, 3);
  for (octavo::index r = 0; r < 16;
       ++r) {  // row r has r % 7 * 3 elements, but row 12 so many that they come in blocks
    octavo::index const count = r == 12 ? 140 : r % 7 * 3;
    for (octavo::index i = 0; i < count; ++i) {
      elements.push_back({r, r == 12 ? i : i * 4 + r, numbers[at(r * cols + i)]});
    }
  }
  sparse_matrix const w(16, cols, elements.data(), static_cast<octavo::index>(elements.size()));
  auto const view = w.view();
  auto const x = test::values(most * cols, 4);
  std::vector<float> expected(at(most * 16));
  for (octavo::index t = 0; t < most; ++t) {
    for (octavo::index r = 0; r < 16; ++r) {
      float sum = 0;
      for (octavo::index k = 0; k < cols; ++k) {
        if (w(r, k) != 0) { sum = __builtin_fmaf(w(r, k), x[at(t * cols + k)], sum); }
      }
      expected[at(t * 16 + r)] = sum;
    }
  }
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    auto const wrong = [&](std::vector<float> const& out, octavo::index tokens, octavo::index stride) {
      int n = 0;
      for (octavo::index i = 0; i < tokens * 16; ++i) {
        n += test::same_bits(out[at(i / 16 * stride + i % 16)], expected[at(i)]) ? 0 : 1;
      }
      return n;
    };
    std::vector<float> out(at(3 * 20), -1.0f);
    kernel::sparse_rows<A, 1>(view.slice(0), view.entries(0), x.data(), cols, out.data(), 20);
    CHECK(wrong(out, 1, 20) == 0);
    kernel::sparse_rows<A, 3>(view.slice(0), view.entries(0), x.data(), cols, out.data(), 20);
    CHECK(wrong(out, 3, 20) == 0);
    CHECK(out[16] == -1.0f);
    auto const with_lanes = [&]<int T>(std::integral_constant<int, T>) {
      tokens_view<float const> const tokens(x.data(), cols, T, cols);
      std::vector<float> lanes(at(cols * T + 1), -1.0f);
      kernel::tokens_to_lanes<A, T>(tokens, T, 64, cols, lanes.data());
      kernel::tokens_to_lanes<A, T>(tokens, T, 0, 64, lanes.data());
      CHECK(lanes[at(cols * T)] == -1.0f);
      std::vector<float> sums(at(T * 16 + 1), -1.0f);
      kernel::sparse_token_lanes<A, T>(view.slice(0), view.entries(0), lanes.data(), sums.data());
      CHECK(wrong(sums, T, 16) == 0);
      CHECK(sums[at(T * 16)] == -1.0f);
      kernel::sparse_token_lanes<A, T>(view.slice(0), 0, lanes.data(), sums.data());
      CHECK(std::count(sums.begin(), sums.end() - 1, 0.0f) == T * 16);
      kernel::tokens_to_lanes<A, T>(tokens, 5, 0, cols, lanes.data());  // the others are zeros
      CHECK(lanes[at(7 * T + 4)] == x[at(4 * cols + 7)]);
      CHECK(lanes[at(7 * T + 5)] == 0.0f);
    };
    with_lanes(std::integral_constant<int, most / 2>());
    with_lanes(std::integral_constant<int, most>());
  });
}
