// SPDX-License-Identifier: MIT
// One group of rows and one leaf, without merging: against the reference.
#include "octavo/kernel/attention_tile.hpp"

#include "octavo/kernel/dense_operands.hpp"
#include "octavo/reference/attention.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <vector>

using namespace octavo;

TEST_CASE("a group of rows attends to a leaf") {
  constexpr octavo::index n = 17;
  constexpr octavo::index keys = 70;
  constexpr octavo::index d = 9;
  reference::attention_problem p;
  p.queries = n;
  p.keys = keys;
  p.head_dim = d;
  p.value_dim = d;
  p.causal = true;
  test::random next(4);
  std::vector<float> q, k, v;
  auto const fill = [&](std::vector<float>& x, std::vector<double>& exact, octavo::index size) {
    for (octavo::index i = 0; i < size; ++i) {
      x.push_back(next.value());
      exact.push_back(static_cast<double>(x.back()));
    }
  };
  fill(q, p.q, n * d);
  fill(k, p.k, keys * d);
  fill(v, p.v, keys * d);
  auto const exact = reference::attention(p);
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    kernel::score_rule rule;
    rule.keys = keys;
    rule.offset = keys - n;
    rule.causal = true;
    rule.scale = 1;
    kernel::dense_keys<A, float, float> side({q.data(), d, 1, n, n * d, d}, {k.data(), d, 1, keys, keys * d, d},
                                             rule.factor());
    kernel::dense_values<A, float> values({v.data(), d, 1, keys, keys * d, d});
    std::vector<float> room(static_cast<std::size_t>(side.scratch(n) + values.scratch()));
    side.use(room.data(), n);
    values.use(room.data() + side.scratch(n));
    side.load_rows({0, 1}, 0, n);
    side.load_leaf(0, 0, keys);
    values.load_leaf(0, 0, keys);
    constexpr octavo::index G = kernel::group_rows;
    std::vector<float> scores(static_cast<std::size_t>(kernel::most_near_rows * kernel::leaf_keys));
    std::vector<float> weights(static_cast<std::size_t>(kernel::most_near_rows * kernel::weight_stride));
    std::vector<float> out(static_cast<std::size_t>(G * values.width));
    std::vector<float> sums(static_cast<std::size_t>(2 * G));
    kernel::group_scratch<float> const scratch{
        scores.data(), weights.data(), out.data(), {sums.data(), sums.data() + G}};
    kernel::attend_group<A>(side, values, rule, kernel::group_of_rows(rule, {0, 1}, 0, n, 0, keys), 0, 0, scratch);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t c = 0; c < d; ++c) {
        double const got = static_cast<double>(out[i * static_cast<std::size_t>(values.width) + c] / sums[G + i]);
        CHECK(std::abs(got - exact.out[i * d + c]) < 4e-6);
      }
      double const lse = (static_cast<double>(sums[i]) + std::log2(static_cast<double>(sums[G + i]))) * std::log(2.0);
      CHECK(std::abs(lse - exact.log_sum_exp[i]) < 4e-6);
    }
    CHECK(sums[n] == kernel::minus_infinity);
    CHECK(sums[G + n] == 0);
  });
}

namespace {

/// Keys and values that count what they are asked to multiply.
template <class A>
struct counted {
  using writer = kernel::float_writer<A>;
  static constexpr octavo::index width = 64;
  static constexpr int tokens = 6;
  static constexpr bool takes_runs = true;
  mutable octavo::index key_blocks = 0;
  mutable octavo::index value_keys = 0;
  mutable octavo::index last_runs = 0;  ///< each tile of rows has one

  [[nodiscard]] static float factor(octavo::index) { return 1; }
  template <int T>
  void multiply(octavo::index, octavo::index, float* scores) const noexcept {
    ++key_blocks;
    for (octavo::index i = 0; i < T * width; ++i) { scores[i] = 1; }
  }
  [[nodiscard]] static float settle(octavo::index, float const*, octavo::index, octavo::index, float sum) {
    return sum;
  }
  [[nodiscard]] static octavo::index blocks() { return 1; }
  template <int T>
  void multiply(octavo::index, float const*, octavo::index, octavo::index, octavo::index low, octavo::index high,
                float*, bool, bool last) const noexcept {
    value_keys += high - low;
    last_runs += last ? 1 : 0;
  }
};

}  // namespace

TEST_CASE("nothing is computed of blocks that a mask hides, nor of keys between the first ones and a window") {
  using A = default_arch;
  std::vector<float> scores(static_cast<std::size_t>(kernel::most_near_rows * kernel::leaf_keys));
  std::vector<float> weights(static_cast<std::size_t>(kernel::most_near_rows * kernel::weight_stride));
  std::vector<float> out(static_cast<std::size_t>(kernel::group_rows * 64));
  std::vector<float> sums(static_cast<std::size_t>(2 * kernel::group_rows));
  kernel::group_scratch<float> const scratch{
      scores.data(), weights.data(), out.data(), {sums.data(), sums.data() + kernel::group_rows}};
  auto const count = [&](kernel::score_rule const& rule, octavo::index tiles) {
    counted<A> x;
    kernel::attend_group<A>(x, x, rule, kernel::group_of_rows(rule, {0, 1}, 0, 12, 0, 512), 0, 0, scratch);
    CHECK(x.value_keys == 64 * x.key_blocks);
    CHECK(x.last_runs == tiles);
    return x.key_blocks;
  };
  kernel::score_rule rule;
  rule.keys = 512;
  rule.offset = 500;
  rule.scale = 1;
  CHECK(count(rule, 2) == 16);  // two tiles of six rows
  bool const mask[2][8] = {{true, false, false, true, true, false, false, false}, {}};
  rule.blocks = {&mask[0][0], 6, 64, 8, 0};
  CHECK(count(rule, 1) == 3);
  CHECK(sums[static_cast<std::size_t>(kernel::group_rows)] == 192);
  CHECK(sums[static_cast<std::size_t>(kernel::group_rows + 6)] == 0);
  rule.blocks = {};
  rule.left = 10;
  rule.first = 1;
  CHECK(count(rule, 2) == 4);
}
