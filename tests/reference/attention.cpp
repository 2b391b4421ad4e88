// SPDX-License-Identifier: MIT
// Worked numbers of attention, computed by hand from published definitions.
#include "octavo/reference/attention.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <cstddef>
#include <limits>

using octavo::reference::alibi_slopes;
using octavo::reference::attention;
using octavo::reference::attention_problem;

namespace {

/// One query whose scores are the keys.
attention_problem scores(std::vector<double> const& keys, std::vector<double> const& values) {
  attention_problem p;
  p.queries = 1;
  p.keys = static_cast<octavo::index>(keys.size());
  p.head_dim = 1;
  p.value_dim = 2;
  p.q = {1};
  p.k = keys;
  p.v = values;
  return p;
}

void check(std::vector<double> const& got, std::vector<double> const& expected, double within) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO("element " << i << ": " << got[i] << ", not " << expected[i]);
    CHECK(std::abs(got[i] - expected[i]) <= within);
  }
}

attention_problem four_keys() { return scores({1, 3, -2, .5}, {1, 0, 0, 1, 2, 2, -1, 1}); }

}  // namespace

TEST_CASE("reference attention of four keys") {
  auto const r = attention(four_keys());
  check(r.out, {.05450781, .89495040}, 1e-8);
  check(r.log_sum_exp, {3.20225345}, 1e-8);
  auto with_sink = four_keys();
  with_sink.sinks = {2};
  check(attention(with_sink).out, {.04191244, .68815011}, 1e-8);
  auto tile = scores({-2, .5}, {2, 2, -1, 1});
  check(attention(tile).out, {-.83583 / 1.082085, 1.16417 / 1.082085}, 1e-5);
}

TEST_CASE("reference attention of two queries and three keys") {
  attention_problem p;
  p.queries = 2;
  p.keys = 3;
  p.head_dim = 4;
  p.value_dim = 2;
  p.scale = .5;
  p.q = {1, -.5, .25, 2, .5, 1.5, -1, -.25};
  p.k = {8, .5, -.3, .1, 8.4, -.6, .2, .4, 7.6, .2, .5, -.7};
  p.v = {1, 0, 0, 1, -1, .5};
  auto const r = attention(p);
  check(r.out, {.149851, .674800, .244783, .332324}, 1e-6);
  check(r.log_sum_exp, {5.258941, 3.153601}, 2e-5);  // from 8-bit keys
  p.causal = true;                                   // the first query sees two keys
  auto const c = attention(p);
  check({c.out[2], c.out[3]}, {r.out[2], r.out[3]}, 0);
  double const w = 1 / (1 + std::exp(p.score(0, 0, 1) - p.score(0, 0, 0)));
  check({c.out[0], c.out[1]}, {w, 1 - w}, 1e-15);
}

TEST_CASE("reference soft-cap and slopes") {
  auto p = scores({1, 30, 100, -80}, std::vector<double>(8, 0));
  p.soft_cap = 50;
  check({p.score(0, 0, 0), p.score(0, 0, 1), p.score(0, 0, 2), p.score(0, 0, 3)},
        {.99986669, 26.85247835, 48.20137900, -46.08342772}, 1e-8);
  check(alibi_slopes(8), {.5, .25, .125, .0625, .03125, .015625, .0078125, .00390625}, 0);
  auto const twelve = alibi_slopes(12);
  check({twelve[8], twelve[9], twelve[10], twelve[11]}, {.707107, .353553, .176777, .088388}, 1e-6);
}

TEST_CASE("reference masks") {
  attention_problem p;
  p.queries = 3;
  p.keys = 5;
  auto const seen = [&](octavo::index i) {
    std::vector<int> keys;
    for (int j = 0; j < 5; ++j) {
      if (p.visible(0, i, j)) { keys.push_back(j); }
    }
    return keys;
  };
  p.causal = true;
  CHECK(seen(0) == std::vector<int>{0, 1, 2});
  CHECK(seen(2) == std::vector<int>{0, 1, 2, 3, 4});
  p.left = 1;  // a window of two tokens with itself
  CHECK(seen(0) == std::vector<int>{1, 2});
  p.first = 2;
  CHECK(seen(2) == std::vector<int>{0, 1, 3, 4});
  p.causal = false;
  p.right = 0;
  CHECK(seen(1) == std::vector<int>{0, 1, 2, 3});
  p.keys = 2;  // more queries than keys: the first see nothing
  p.causal = true;
  CHECK(seen(0).empty());
}

TEST_CASE("reference attention without keys, and with one") {
  auto none = scores({}, {});
  CHECK(attention(none).out == std::vector<double>{0, 0});
  CHECK(attention(none).log_sum_exp[0] == -std::numeric_limits<double>::infinity());
  none.sinks = {1.5};
  CHECK(attention(none).out == std::vector<double>{0, 0});
  CHECK(attention(none).log_sum_exp[0] == 1.5);
  CHECK(attention(scores({17}, {3, -4})).out == std::vector<double>{3, -4});
  auto masked = four_keys();
  masked.mask = {false, false, false, false};
  CHECK(attention(masked).out == std::vector<double>{0, 0});
}

TEST_CASE("reference attention shares keys among query heads") {
  attention_problem p;
  p.query_heads = 4;
  p.kv_heads = 2;
  p.queries = 1;
  p.keys = 1;
  p.head_dim = 1;
  p.value_dim = 1;
  p.q = {1, 2, 3, 4};
  p.k = {1, 1};
  p.v = {5, 7};
  CHECK(attention(p).out == std::vector<double>{5, 5, 7, 7});
}
