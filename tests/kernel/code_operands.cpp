// SPDX-License-Identifier: MIT
// Scores and products of codes against integers that are quantized here, one by one: the same bits.
#include "octavo/kernel/code_operands.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

using namespace octavo;
using test::values;

namespace {

/// Codes -limit ... limit of n numbers `stride` apart, which share a scale.
struct quantized {
  float scale = 0;
  std::vector<int> codes;

  quantized(float const* x, octavo::index n, octavo::index stride, float limit) {
    float absmax = 0;
    for (octavo::index i = 0; i < n; ++i) { absmax = std::max(absmax, std::abs(x[i * stride])); }
    if (absmax != 0) { scale = absmax / limit; }
    for (octavo::index i = 0; i < n; ++i) {
      float const volatile scaled = absmax == 0 ? 0.0f : x[i * stride] * (limit / absmax);
      codes.push_back(static_cast<int>(std::nearbyint(scaled)));
    }
  }
};

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
    keys.template multiply<2>(3, j / W, scores.data());
    if (keys.scales() != nullptr) {  // integers still
      for (octavo::index i = 0; i < 2; ++i) {
        (void)kernel::largest_score<A, W>(scores.data() + i * W, W, 1, keys.scales() + j / W * W);
      }
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
    side.template multiply<2>(0, weights.data(), all, c / W, low, n, out.data());
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

TEST_CASE("scores of int8 and int4 codes are exact sums times the scale of the key") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_scores<A, int8>(67, 37, 127) == 0);
    CHECK(wrong_scores<A, int8>(512, 4, 127) == 0);
    CHECK(wrong_scores<A, int4>(67, 37, 7) == 0);
  });
}

TEST_CASE("products of bytes with int8 values are exact sums times the scale of the channel") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_products<A>(70, 5, 0) == 0);
    CHECK(wrong_products<A>(512, 67, 64) == 0);
    CHECK(wrong_products<A>(3, 1, 0) == 0);
  });
}
