// SPDX-License-Identifier: MIT
// Whole products are in ops/matmul_fixed.cpp.
#include "octavo/kernel/fixed_tile.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"

#include <cstdint>
#include <limits>
#include <vector>

using namespace octavo;

TEST_CASE("bursts are the longest that int32 holds") {
  CHECK(kernel::fixed_burst({16, 0}, {16, 0}) == 1);
  CHECK(kernel::fixed_burst({12, 0}, {12, 0}) == 256);
  CHECK(kernel::fixed_burst({8, 0}, {8, 0}) == 66052);
  for (int a = 2; a <= 16; ++a) {
    for (int b = 2; b <= 16; ++b) {
      std::int64_t const n = kernel::fixed_burst({a, 0}, {b, 0});
      std::int64_t const pair = 2 * (std::int64_t{1} << (a - 1)) * ((std::int64_t{1} << (b - 1)) - 1);
      CHECK(n * pair <= std::numeric_limits<std::int32_t>::max());
      CHECK((n + 1) * pair > std::numeric_limits<std::int32_t>::max());
    }
  }
}

TEST_CASE("a tile is the exact sum of its pairs, however they are cut into bursts") {
  fixed_matrix const w(test::matrix<float>(64, 23, 6), {14, 12});
  constexpr octavo::index stride = 26;
  std::vector<std::int16_t> tokens(2 * stride);
  test::random next(7);
  for (auto& t : tokens) { t = static_cast<std::int16_t>(next.below(65535) - 32767); }
  tokens[23] = tokens[stride + 23] = 0;
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    constexpr int L = simd::lanes<A>;
    for (octavo::index const burst : {1, 2, 5, 12}) {
      std::int64_t sums[static_cast<std::size_t>(4 * L)];
      octavo::index const row = 64 - 2 * L;
      kernel::fixed_tile<A, 2, 2>(w.view().panel(0) + row * 4, tokens.data(), stride, 12, burst, sums);
      int wrong = 0;
      for (octavo::index t = 0; t < 2; ++t) {
        for (octavo::index r = 0; r < 2 * L; ++r) {
          std::int64_t sum = 0;
          for (octavo::index k = 0; k < 23; ++k) {
            sum += std::int64_t{w.code_at(row + r, k)} * tokens[static_cast<std::size_t>(t * stride + k)];
          }
          wrong += sums[t * 2 * L + r] == sum ? 0 : 1;
        }
      }
      CHECK(wrong == 0);
    }
  });
}
