// SPDX-License-Identifier: MIT
// Products of codes against integers that are quantized here, one by one: the same bits.
#include "octavo/kernel/code_values.hpp"

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

/// Products of two rows of weights, keys [low, n), with all channels.
template <class A>
int wrong_products(octavo::index n, octavo::index e, octavo::index low) {
  auto const v = values(n * e, 3);
  kernel::code_values<A, float> side({v.data(), e, 1, n, n * e, e});
  std::vector<float> scratch(static_cast<std::size_t>(side.scratch()));
  side.use(scratch.data());
  side.load_leaf(0, 0, n);
  using weight = typename decltype(side)::weight;
  octavo::index const all = round_up(n, octavo::index{64});
  std::vector<weight> weights(static_cast<std::size_t>(2 * all));
  std::vector<int> bytes(weights.size());
  test::random next(4);
  float sums[2] = {};
  for (octavo::index i = 0; i < 2 * all; ++i) {
    auto const at = static_cast<std::size_t>(i);
    bytes[at] = i % all >= low && i % all < n ? next.byte() : 0;
    weights[at] = static_cast<weight>(bytes[at] - decltype(side)::writer::less);
    sums[i / all] += static_cast<float>(bytes[at]);
  }
  int wrong = 0;
  for (octavo::index i = 0; i < 2; ++i) {
    wrong += side.settle(i, weights.data() + i * all, low, all, sums[i]) == sums[i] ? 0 : 1;
  }
  constexpr octavo::index W = decltype(side)::width;
  std::vector<float> out(static_cast<std::size_t>(2 * W));
  for (octavo::index c = 0; c < e; ++c) {
    if constexpr (decltype(side)::takes_runs) {
      octavo::index const middle = low + 64 < n ? low + 64 : n;
      side.template multiply<2>(0, weights.data(), all, c / W, low, middle, out.data(), false, middle == n);
      if (middle < n) { side.template multiply<2>(0, weights.data(), all, c / W, middle, n, out.data(), true); }
    } else {
      side.template multiply<2>(0, weights.data(), all, c / W, low, n, out.data());
    }
    quantized const channel(v.data() + c, n, e, 127);
    for (octavo::index i = 0; i < 2; ++i) {
      int sum = 0;
      for (octavo::index j = 0; j < n; ++j) {
        sum += bytes[static_cast<std::size_t>(i * all + j)] * channel.codes[static_cast<std::size_t>(j)];
      }
      wrong += test::same_bits(out[static_cast<std::size_t>(i * W + c % W)], static_cast<float>(sum) * channel.scale)
                   ? 0
                   : 1;
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("products of bytes with int8 values are exact sums times the scale of the channel") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_products<A>(70, 5, 0) == 0);
    CHECK(wrong_products<A>(512, 67, 64) == 0);
    CHECK(wrong_products<A>(3, 1, 0) == 0);
  });
}
