// SPDX-License-Identifier: MIT
// Scores of codes against integers that are quantized here, one by one: the same bits.
#include "octavo/kernel/code_keys.hpp"

#include "octavo/kernel/softmax.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/quantized_rows.hpp"
#include "support/random.hpp"

#include <vector>

using namespace octavo;
using test::quantized;
using test::values;

namespace {

/// Scores of the last 2 of 5 query heads' rows and the last 3 of n keys.
template <class A, class Format>
int wrong_scores(octavo::index n, octavo::index d, float limit) {
  auto q = values(5 * d, 1);
  auto const k = values(n * d, 2);
  for (octavo::index c = 0; c < d; ++c) { q[static_cast<std::size_t>(4 * d + c)] = 0; }  // scale 0
  kernel::code_keys<A, symmetric<Format>, float, float> keys({q.data(), d, 5, 1, d, d}, {k.data(), d, 1, n, n * d, d},
                                                             0.25f);
  std::vector<float> scratch(static_cast<std::size_t>(keys.scratch(5)));
  keys.use(scratch.data(), 5);
  keys.load_leaf(0, 0, n);
  keys.load_rows({0, 5}, 0, 5);
  constexpr octavo::index W = decltype(keys)::width;
  std::vector<float> scores(static_cast<std::size_t>(2 * W));
  int wrong = keys.factor(4) > 0 ? 0 : 1;
  for (octavo::index j = n - 3; j < n; ++j) {
    float largest[2 * simd::lanes<A>];
    for (float& l : largest) { l = kernel::minus_infinity; }
    keys.template multiply<2>(3, j / W, scores.data(), largest);
    for (octavo::index i = 0; decltype(keys)::finds_largest && i < 2; ++i) {
      float const most = kernel::largest_score<A, W>(scores.data() + i * W, W, kernel::first_blocks{1});
      wrong += kernel::largest_lane<A>(largest + i * simd::lanes<A>) == most ? 0 : 1;
    }
    quantized const key(k.data() + j * d, d, 1, limit);
    for (octavo::index i = 0; i < 2; ++i) {
      quantized const query(q.data() + (3 + i) * d, d, 1, limit);
      int sum = 0;
      for (std::size_t c = 0; c < static_cast<std::size_t>(d); ++c) { sum += key.codes[c] * query.codes[c]; }
      float const expected = static_cast<float>(sum) * key.scale;
      wrong += test::same_bits(scores[static_cast<std::size_t>(i * W + j % W)], expected) ? 0 : 1;
      wrong += i == 1 || test::same_bits(keys.factor(3), query.scale * 0.25f) ? 0 : 1;
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("scores of int8 and int4 codes are exact sums times the scale of the key") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_scores<A, int8>(67, 37, 127) == 0);
    CHECK(wrong_scores<A, int8>(512, 4, 127) == 0);
    CHECK(wrong_scores<A, int4>(67, 37, 7) == 0);
  });
}
