// SPDX-License-Identifier: MIT
#include "octavo/calibration/attention_choice.hpp"
#include "octavo/io/ways_text.hpp"
#include "octavo/ops/attention_ways.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/catch.hpp"
#include "support/check_attention.hpp"
#include "support/errors.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;
using namespace octavo::calibration;
using namespace octavo::schemes;

namespace {

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
bool near(double a, double b, double within) { return std::abs(a - b) < within; }

tokens_view<float const> view(std::vector<float> const& x) {
  return {x.data(), static_cast<octavo::index>(x.size()), 1, static_cast<octavo::index>(x.size())};
}
/// Ways of the layers of one step.
std::vector<octavo::index> ways_of(attention_table const& t) {
  std::vector<octavo::index> ways;
  for (octavo::index step = 0; step < t.steps(); ++step) {
    for (octavo::index layer = 0; layer < t.layers(); ++layer) { ways.push_back(t.way(layer, step)); }
  }
  return ways;
}
using list = std::vector<octavo::index>;

}  // namespace

TEST_CASE("worked numbers of SageAttention: how far int8 Q K with smoothed keys is from the exact output") {
  test::attention_case<float> c(1, 1, 2, 3, 4, 2, 1);
  c.q = {1, -.5f, .25f, 2, .5f, 1.5f, -1, -.25f};
  c.k = {8, .5f, -.3f, .1f, 8.4f, -.6f, .2f, .4f, 7.6f, .2f, .5f, -.7f};
  c.v = {1, 0, 0, 1, -1, .5f};
  auto const run = [&](auto attend) {
    std::vector<float> out(4);
    attend(heads_view<float>(out.data(), 2, 1, 2, 4, 2));
    return out;
  };
  auto const exact = run([&](auto out) { attention(c.queries(), c.keys(), c.values(), out); });
  auto const coded = run([&](auto out) { attention<q8>(c.queries(), c.keys(), c.values(), out, smooth_keys{}); });
  auto const m = compare_outputs(view(exact), view(coded));
  CHECK(near(m.cos_sim, .999997061, 6e-10));
  CHECK(near(m.rel_l1, .003057, 6e-7));
  CHECK(near(m.rmse, .00116423, 6e-8));
  // The outputs as printed, to six digits: numbers of a double-precision calculation outside.
  auto const printed =
      compare_outputs(view({.149851f, .674800f, .244783f, .332324f}), view({.148878f, .676133f, .246380f, .331942f}));
  CHECK(near(printed.cos_sim, .9999970608453296, 1e-9));
  CHECK(near(printed.rel_l1, .0030568757231990195, 1e-7));
  CHECK(near(printed.rmse, .0011640394108448427, 1e-7));
}

TEST_CASE("metrics of outputs by heads and by strides, of zeros, of numbers that are not finite") {
  // Two heads of two tokens of two channels; a third channel is a gap.
  std::vector<float> const exact = {3, 4, 99, 0, 0, 99, 1, 0, 99, 0, 2, 99};
  std::vector<float> const other = {3, 4, 98, 0, 1, 98, 1, 0, 98, 0, 0, 98};
  heads_view<float const> const a(exact.data(), 2, 2, 2, 6, 3);
  heads_view<float const> const b(other.data(), 2, 2, 2, 6, 3);
  auto const m = compare_outputs(a, b);
  CHECK(near(m.cos_sim, 26 / std::sqrt(30.0 * 27), 1e-15));
  CHECK(m.rel_l1 == 0.3);
  CHECK(near(m.rmse, std::sqrt(5.0 / 8), 1e-15));
  std::vector<bf16> halves;
  for (float const x : exact) { halves.push_back(bf16(x)); }
  auto const same = compare_outputs(a, heads_view<bf16 const>(halves.data(), 2, 2, 2, 6, 3));
  CHECK(same.cos_sim == 1);
  CHECK(same.rel_l1 == 0);
  CHECK(same.rmse == 0);

  CHECK(compare_outputs(view({0, 0}), view({0, 0})).cos_sim == 1);
  CHECK(std::isnan(compare_outputs(view({0, 0}), view({0, 1})).cos_sim));
  CHECK(compare_outputs(view({0, 0}), view({0, 1})).rel_l1 == std::numeric_limits<double>::infinity());
  CHECK(compare_outputs(view({3e38f, 1}), view({-3e38f, 1})).cos_sim == -1);
  for (float const bad : {std::nanf(""), INFINITY, -INFINITY}) {
    for (auto const& x :
         {compare_outputs(view({1, bad}), view({1, 2})), compare_outputs(view({1, 2}), view({1, bad})),
          compare_outputs(view({1, bad}), view({1, bad}))}) {
      CHECK(std::isnan(x.cos_sim));
      CHECK(std::isnan(x.rel_l1));
      CHECK(std::isnan(x.rmse));
    }
  }
  CHECK(test::error_of([&] {
          (void)compare_outputs(view({1, 2}), view({1, 2, 3}));
        }) == "compare_outputs: the exact output has channels 2, the other has 3. They must be equal.");
}

TEST_CASE("of several inputs the worst metrics are kept, and mean and deviation of the score") {
  attention_choice choice(2, 1, 2, "these");
  double const cos[4] = {.99, .9, .95, 1};
  double const rel[4] = {.2, .1, .5, 0};
  for (std::size_t i = 0; i < 4; ++i) { choice.add(1, 0, 1, {cos[i], rel[i], .1 * static_cast<double>(i)}); }
  auto const s = choice.of(1, 0, 1);
  CHECK(s.inputs == 4);
  CHECK(s.worst.cos_sim == .9);
  CHECK(s.worst.rel_l1 == .5);
  CHECK(near(s.worst.rmse, .3, 1e-15));
  double const scores[4] = {.99 * .8, .9 * .9, .95 * .5, 1};
  double mean = 0;
  double squares = 0;
  for (double const x : scores) { mean += x / 4; }
  for (double const x : scores) { squares += (x - mean) * (x - mean) / 4; }
  CHECK(near(s.mean, mean, 1e-15));
  CHECK(near(s.deviation, std::sqrt(squares), 1e-15));
  CHECK(choice.of(0, 0, 1).inputs == 0);
  CHECK(choice.of(1, 0, 0).inputs == 0);

  choice.add(1, 0, 1, {no_number, .7, no_number});
  choice.add(1, 0, 1, {.5, .6, .9});
  CHECK(std::isnan(choice.of(1, 0, 1).worst.cos_sim));  // NaN stays
  CHECK(choice.of(1, 0, 1).worst.rel_l1 == .7);
  CHECK(std::isnan(choice.of(1, 0, 1).worst.rmse));
  CHECK(std::isnan(choice.of(1, 0, 1).mean));
}

TEST_CASE("the cheapest way that passes is taken, the last where none does") {
  attention_choice choice(6, 2, 3, "these");
  auto const add = [&](octavo::index layer, octavo::index step, std::vector<output_metrics> const& of_ways) {
    for (std::size_t w = 0; w < of_ways.size(); ++w) {
      choice.add(layer, step, static_cast<octavo::index>(w), of_ways[w]);
    }
  };
  output_metrics const good{.999, .05, 0};
  output_metrics const bad_cos{.9979, .05, 0};
  output_metrics const bad_rel{.999, .11, 0};
  output_metrics const edge{.998, .1, 0};
  add(0, 0, {edge, good, good});
  add(1, 0, {bad_cos, edge, good});
  add(2, 0, {bad_rel, bad_cos, bad_rel});
  add(3, 0, {good, good, good});
  add(3, 0, {bad_rel, good, good});  // the worst of two inputs
  add(4, 0, {{no_number, 0, 0}, {1, no_number, 0}, good});
  add(4, 0, {good, good, good});
  add(5, 0, {bad_cos, good});
  choice.add(0, 1, 1, good);  // others are not measured
  choice.add(1, 1, 2, good);
  CHECK(ways_of(choice.cheapest()) == list{0, 1, 2, 1, 2, 1, 1, 2, 2, 2, 2, 2});
  CHECK(ways_of(choice.cheapest({.9985, .1})) == list{1, 2, 2, 1, 2, 1, 1, 2, 2, 2, 2, 2});
  CHECK(ways_of(choice.cheapest({-1, .1})) == list{0, 0, 1, 1, 2, 0, 1, 2, 2, 2, 2, 2});
  CHECK(ways_of(choice.cheapest({.998, .2})) == list{0, 1, 0, 0, 2, 1, 1, 2, 2, 2, 2, 2});
  CHECK(ways_of(choice.first_that([](auto const& s) { return s.worst.rel_l1 > .1; })) ==
        list{2, 2, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2});
}

TEST_CASE("SageAttention 1: bytes where they lose less than the worst that floats lose") {
  attention_choice choice(5, 1, 2, "these");
  double const bytes[5] = {.9995, .9985, .9979, .9991, 1};
  double const floats[5] = {.9999, .9992, .9999, .999, .9999};  // the worst: .999
  for (octavo::index l = 0; l < 5; ++l) {
    choice.add(l, 0, 0, {bytes[l], .5, 0});
    choice.add(l, 0, 1, {floats[l], .5, 0});
  }
  CHECK(ways_of(choice.bytes_or_floats(0, 1)) == list{0, 1, 1, 0, 0});
  CHECK(ways_of(choice.bytes_or_floats(0, 1, .9995)) == list{1, 1, 1, 1, 0});  // above, not at
  choice.add(3, 0, 1, {.99, .5, 0});                                           // floats lose more: the floor decides
  CHECK(ways_of(choice.bytes_or_floats(0, 1)) == list{0, 0, 1, 0, 0});
  CHECK(ways_of(choice.bytes_or_floats(0, 1, .99)) == list{0, 0, 0, 0, 0});
  choice.add(4, 0, 0, {no_number, .5, 0});
  CHECK(ways_of(choice.bytes_or_floats(0, 1)) == list{0, 0, 1, 0, 1});
  choice.add(0, 0, 1, {no_number, .5, 0});  // no worst is known
  CHECK(ways_of(choice.bytes_or_floats(0, 1)) == list{1, 1, 1, 1, 1});
}

TEST_CASE("SageAttention 2: the low way where its score is high, by threshold or by fraction") {
  attention_choice choice(3, 2, 2, "these");
  // Scores of the inputs of the low way, two each. Means: .8 .7 .9 | .8 .95 NaN.
  double const scores[6][2] = {{.8, .8}, {.7, .7}, {1, .8}, {.75, .85}, {.95, .95}, {1, no_number}};
  for (octavo::index i = 0; i < 6; ++i) {
    for (double const s : scores[i]) {
      choice.add(i % 3, i / 3, 0, {s, 0, 0});
      choice.add(i % 3, i / 3, 1, {1, 0, 0});
    }
  }
  CHECK(ways_of(choice.by_score(.79)) == list{0, 1, 0, 0, 0, 1});
  CHECK(ways_of(choice.by_score(.79, 1)) == list{0, 1, 0, 1, 0, 1});  // .9 - .1, .8 - .05
  CHECK(ways_of(choice.keep_top_fraction(0, 0, 1)) == list{1, 1, 1, 1, 1, 1});
  CHECK(ways_of(choice.keep_top_fraction(1 / 3.0, 0, 1)) == list{1, 1, 0, 1, 0, 1});
  CHECK(ways_of(choice.keep_top_fraction(.5, 0, 1)) == list{0, 1, 0, 1, 0, 1});
  CHECK(ways_of(choice.keep_top_fraction(4 / 6.0, 0, 1)) == list{0, 1, 0, 0, 0, 1});
  CHECK(ways_of(choice.keep_top_fraction(1 / 3.0, 0, 1, 2)) == list{0, 1, 1, 1, 0, 1});  // .8 .7 .7 | .7 .95
  CHECK(ways_of(choice.keep_top_fraction(1, 0, 1)) == list{0, 0, 0, 0, 0, 1});           // NaN never
  for (double const bad : {-.1, 1.1, no_number}) {
    CHECK(test::error_of([&] { (void)choice.keep_top_fraction(bad, 0, 1); }) ==
          "attention_choice: keep_top_fraction takes a fraction from 0 to 1.");
  }
}

TEST_CASE("all ways of a list are run and recorded, and the table runs the one that was chosen") {
  using ways = attention_ways<attention_way<q4, p8>, attention_way<q8, p8>, attention_way<>>;
  test::attention_case<float> c(2, 1, 30, 90, 16, 16, 61);
  std::vector<float> exact(2 * 30 * 16);
  std::vector<float> out(exact.size());
  auto const view_of = [](std::vector<float>& x) { return heads_view<float>(x.data(), 16, 2, 30, 30 * 16, 16); };
  attention(c.queries(), c.keys(), c.values(), view_of(exact), causal{});
  attention_choice choice(2, 1, ways::count, io::ways_text<ways>());
  choice.measure(1, 0, view_of(exact), [&](octavo::index way) {
    attention_by<ways>(way, c.queries(), c.keys(), c.values(), view_of(out), causal{});
    return view_of(out);
  });
  CHECK(choice.of(1, 0, 0).worst.cos_sim < choice.of(1, 0, 1).worst.cos_sim);
  CHECK(choice.of(1, 0, 1).worst.cos_sim < 1);
  CHECK(choice.of(1, 0, 1).worst.cos_sim > .999);
  CHECK(choice.of(1, 0, 2).worst.cos_sim == 1);
  CHECK(choice.of(1, 0, 2).mean == 1);
  CHECK(choice.of(0, 0, 2).inputs == 0);
  double const int4 = choice.of(1, 0, 0).worst.rel_l1;
  double const int8 = choice.of(1, 0, 1).worst.rel_l1;
  CHECK(ways_of(choice.cheapest({.5, int4})) == list{2, 0});
  CHECK(choice.cheapest({.5, 0}) == attention_table(2, 1, ways::count, io::ways_text<ways>(), 2));
  CHECK_FALSE(choice.cheapest({.5, 0}) == attention_table(2, 1, ways::count, "others", 2));
  CHECK(ways_of(choice.cheapest({.5, int8})) == list{2, 1});
  CHECK(ways_of(choice.cheapest({.5, 0})) == list{2, 2});
  attention_by<ways>(choice.cheapest({.5, int8}).way(1), c.queries(), c.keys(), c.values(), view_of(out), causal{});
  CHECK(compare_outputs(view_of(exact), view_of(out)).rel_l1 == int8);

  CHECK(test::error_of([&] { choice.add(0, 0, 3, {}); }) ==
        "attention_choice: the way is 3, the ways are 3. They are counted from 0.");
  CHECK(test::error_of([&] { choice.add(2, 0, 0, {}); }) ==
        "attention_table: the layer is 2, layers are 2. They are counted from 0.");
  CHECK(test::error_of([] { attention_choice(1, 1, 0, "none"); }) ==
        "attention_choice: there must be a way to choose, at least 1.");
}
