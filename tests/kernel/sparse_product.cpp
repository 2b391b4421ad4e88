// SPDX-License-Identifier: MIT
// Both products of a slice against their definition, to the bit, on every instruction set.
#include "octavo/kernel/sparse_product.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <vector>

using namespace octavo;

TEST_CASE("products of a slice are chains of fma, with rows as lanes and with tokens") {
  constexpr octavo::index cols = 90;
  std::vector<sparse_element> elements;
  auto const numbers = test::values(16 * 20, 3);
  for (octavo::index r = 0; r < 16; ++r) {  // row r has r % 7 * 3 elements
    for (octavo::index i = 0; i < r % 7 * 3; ++i) {
      elements.push_back({r, i * 4 + r, numbers[static_cast<std::size_t>(r * 20 + i)]});
    }
  }
  sparse_matrix const w(16, cols, elements.data(), static_cast<octavo::index>(elements.size()));
  auto const x = test::values(16 * cols, 4);
  std::vector<float> by_column(x.size());
  for (octavo::index t = 0; t < 16; ++t) {
    for (octavo::index k = 0; k < cols; ++k) {
      by_column[static_cast<std::size_t>(k * 16 + t)] = x[static_cast<std::size_t>(t * cols + k)];
    }
  }
  std::vector<float> expected(16 * 16);
  for (octavo::index t = 0; t < 16; ++t) {
    for (octavo::index r = 0; r < 16; ++r) {
      float sum = 0;
      for (octavo::index k = 0; k < cols; ++k) {
        if (w(r, k) != 0) { sum = __builtin_fmaf(w(r, k), x[static_cast<std::size_t>(t * cols + k)], sum); }
      }
      expected[static_cast<std::size_t>(t * 16 + r)] = sum;
    }
  }
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    auto const wrong = [&](std::vector<float> const& out, octavo::index tokens) {
      int n = 0;
      for (octavo::index i = 0; i < tokens * 16; ++i) {
        auto const at = static_cast<std::size_t>(i / 16 * 20 + i % 16);
        n += test::same_bits(out[at], expected[static_cast<std::size_t>(i)]) ? 0 : 1;
      }
      return n;
    };
    std::vector<float> out(16 * 20, -1.0f);
    kernel::sparse_rows<A, 1>(w.view().slice(0), w.view().entries(0), x.data(), cols, out.data(), 20);
    CHECK(wrong(out, 1) == 0);
    kernel::sparse_rows<A, 3>(w.view().slice(0), w.view().entries(0), x.data(), cols, out.data(), 20);
    CHECK(wrong(out, 3) == 0);
    CHECK(out[16] == -1.0f);
    kernel::sparse_token_lanes<A>(w.view().slice(0), w.view().entries(0), by_column.data(), out.data(), 20);
    CHECK(wrong(out, 16) == 0);
  });
}
