// SPDX-License-Identifier: MIT
#include "octavo/calibration/cache_codebook.hpp"

#include "octavo/quant/affine_codebook.hpp"

#include "calibration/layer.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;
using calibration::cache_codebook;

namespace {

using exact2 = affine_codebook<codebook<2>>;
using by_token = scheme<exact2, per_token>;
template <int G>
using by_channel = scheme<exact2, per_channel_group<G>>;

std::vector<float> const worked = {-1, -.8f, -.3f, -.25f, -.1f, 0, .05f, .2f, .35f, .7f, .95f, 1};
std::vector<float> const fisher = {1, 2, 4, 4, 8, 8, 8, 4, 4, 1, 1, 2};

heads_view<float const> one_token(std::vector<float> const& x) {
  auto const d = static_cast<octavo::index>(x.size());
  return {x.data(), d, 1, 1, d, d};
}
template <int B>
double squared_error(std::vector<float> const& xs, std::vector<float> const& ws, range_codebook<B> const& book) {
  double sum = 0;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    float const to = book.values.values[codebook<B>::encode(xs[i], book.centres)];
    sum += double{ws[i]} * std::pow(double{xs[i]} - double{to}, 2);
  }
  return sum;
}
/// Numbers of a group, ascending, with both ends -1 and 1.
std::vector<float> on_unit(std::vector<float> group) {
  auto const [low, high] = std::minmax_element(group.begin(), group.end());
  float const middle = 0.5f * *low + 0.5f * *high;
  float const half = 0.5f * *high - 0.5f * *low;
  for (float& x : group) { x = (x - middle) / half; }
  return group;
}
/// What of these the codebook should be, to the width of a bin.
template <int B>
void check_centres(range_codebook<B> const& book, std::vector<float> const& numbers,
                   std::vector<float> const& ws = {}) {
  auto const expected = calibration::k_means(numbers, ws, 1 << B).centres;
  for (std::size_t c = 0; c < expected.size(); ++c) {
    INFO("centre " << c);
    CHECK(double{book.centres.values[c]} == Approx(expected[c]).margin(0.001));
  }
}

}  // namespace

TEST_CASE("KVQuant's worked codebook, its codes and its cost, of a token from -1 to 1") {
  cache_codebook<by_token> seen;
  seen.add(one_token(worked), one_token(fisher));
  auto const book = seen.finish();
  double const expected[] = {-.866666667, -.1875, .108333333, .9125};
  for (std::size_t c = 0; c < 4; ++c) {
    CHECK(double{book.centres.values[c]} == Approx(expected[c]).epsilon(1e-7));
    CHECK(book.values.values[c] == book.centres.values[c]);
  }
  CHECK(squared_error(worked, fisher, book) == Approx(.604375).epsilon(1e-6));
  std::vector<code> const codes = {0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3};  // cuts 2, 5, 9
  for (std::size_t i = 0; i < 12; ++i) { CHECK(codebook<2>::encode(worked[i], book.centres) == codes[i]); }
  // The same of any other range: what a channel of 4.5 to -1.5 has is 3 x + 1.5.
  std::vector<float> moved;
  for (float const x : worked) { moved.push_back(3 * x + 1.5f); }
  cache_codebook<by_token> other;
  other.add(one_token(moved), one_token(fisher));
  for (std::size_t c = 0; c < 4; ++c) {
    CHECK(double{other.finish().centres.values[c]} == Approx(expected[c]).epsilon(1e-6));
  }
}

TEST_CASE("KVQuant's worked Q-Norm, beside the centres that encode") {
  cache_codebook<by_token> seen({.q_norm = true});
  seen.add(one_token(worked), one_token(fisher));
  auto const book = seen.finish();
  double const centres[] = {-.866666667, -.1875, .108333333, .9125};
  double const values[] = {-.897624, -.200598, .103015, .928328};
  for (std::size_t c = 0; c < 4; ++c) {
    CHECK(double{book.centres.values[c]} == Approx(centres[c]).epsilon(1e-7));
    CHECK(std::abs(double{book.values.values[c]} - values[c]) < 2e-6);
  }
}

TEST_CASE("groups are those of the cache: tokens of a channel, channels of a token") {
  test::matrix<float> x(12, 70, 3);  // two heads of 6 channels, 70 tokens
  for (octavo::index c = 0; c < 12; ++c) {
    for (octavo::index t = 0; t < 70; ++t) { x(c, t) = x(c, t) * static_cast<float>(c + 1) + static_cast<float>(c); }
  }
  std::vector<float> channels;
  for (octavo::index c = 0; c < 12; ++c) {
    for (octavo::index g = 0; g + 32 <= 70; g += 32) {
      std::vector<float> group;
      for (octavo::index t = g; t < g + 32; ++t) { group.push_back(x(c, t)); }
      for (float const u : on_unit(group)) { channels.push_back(u); }
    }
  }
  cache_codebook<by_channel<32>> by_channels({.kv_heads = 2});
  by_channels.add(x);
  check_centres(by_channels.finish(), channels);

  std::vector<float> tokens;
  for (octavo::index t = 0; t < 70; ++t) {
    for (auto const& [first, n] : {std::pair{0, 4}, {4, 2}, {6, 4}, {10, 2}}) {
      std::vector<float> group;
      for (octavo::index c = first; c < first + n; ++c) { group.push_back(x(c, t)); }
      for (float const u : on_unit(group)) { tokens.push_back(u); }
    }
  }
  cache_codebook<scheme<exact2, per_token_group<4>>> by_tokens({.kv_heads = 2});
  by_tokens.add(x);
  check_centres(by_tokens.finish(), tokens);
}

TEST_CASE("the first tokens, and what lies beyond a percentile, take no part") {
  test::matrix<float> x(3, 64, 5);
  std::vector<float> numbers;
  for (octavo::index c = 0; c < 3; ++c) {
    for (octavo::index g = 0; g < 64; g += 32) {
      std::vector<float> group;
      for (octavo::index t = g == 0 ? 2 : g; t < g + 32; ++t) { group.push_back(x(c, t)); }
      for (float const u : on_unit(group)) { numbers.push_back(u); }
    }
    x(c, 0) = 100;
    x(c, 1) = -70;
  }
  cache_codebook<by_channel<32>> seen({.first = 2});
  seen.add(x);
  check_centres(seen.finish(), numbers);
  cache_codebook<first_in_float<with_outliers<by_channel<32>, 1>, 2>> kept;
  cache_codebook<with_outliers<by_channel<32>, 1>> all({.first = 2});
  kept.add(x);
  // What the group of a cache has in their place.
  for (octavo::index c = 0; c < 3; ++c) { x(c, 0) = x(c, 1) = x(c, 2); }
  all.add(x);
  for (std::size_t c = 0; c < 4; ++c) { CHECK(kept.finish().centres.values[c] == all.finish().centres.values[c]); }

  x = test::matrix<float>(3, 64, 7);
  numbers.clear();
  for (octavo::index c = 0; c < 3; ++c) {
    for (octavo::index g = 0; g < 64; g += 32) {
      std::vector<float> group;
      for (octavo::index t = g; t < g + 32; ++t) { group.push_back(x(c, t)); }
      std::sort(group.begin(), group.end());
      // Of 32, a tenth at either end: the quantile lies between the fourth and the fifth.
      float const low = group[3] + 0.1f * (group[4] - group[3]);
      float const high = group[28] - 0.1f * (group[28] - group[27]);
      for (std::size_t i = 4; i < 28; ++i) {
        numbers.push_back((group[i] - 0.5f * low - 0.5f * high) / (0.5f * high - 0.5f * low));
      }
    }
  }
  cache_codebook<by_channel<32>> inner({.outliers = 0.2});
  inner.add(x);
  check_centres(inner.finish(), numbers);
}

TEST_CASE("what with_outliers keeps beside its codes takes no part, and sets no range") {
  auto const of = [](auto scheme_type, test::matrix<float> const& m) {
    cache_codebook<typename decltype(scheme_type)::type> seen;
    seen.add(m);
    return seen.finish();
  };
  test::matrix<float> x(16, 64, 6);
  for (octavo::index t = 0; t < 64; ++t) { x(t % 16, t) += t / 16 % 2 == 0 ? 30.0f : -30.0f; }
  std::vector<float> numbers;
  for (octavo::index c = 0; c < 16; ++c) {
    for (octavo::index g = 0; g < 64; g += 32) {
      float sum = 0;
      for (octavo::index t = g; t < g + 32; ++t) { sum += x(c, t); }
      std::vector<float> group;
      for (octavo::index t = g; t < g + 32; ++t) { group.push_back(t % 16 == c ? sum / 32 : x(c, t)); }
      auto const unit = on_unit(group);
      for (octavo::index t = 0; t < 32; ++t) {
        if (t % 16 != c) { numbers.push_back(unit[static_cast<std::size_t>(t)]); }
      }
    }
  }
  check_centres(of(std::type_identity<with_outliers<by_channel<32>, 1>>{}, x), numbers);
  CHECK(of(std::type_identity<by_channel<32>>{}, x).centres.values[0] < -0.9f);

  test::matrix<float> tokens(16, 64, 6);
  for (octavo::index t = 0; t < 64; ++t) { tokens(t % 16, t) = 50; }
  auto const by_tokens = of(std::type_identity<with_outliers<by_token, 1>>{}, tokens);
  CHECK(by_tokens.centres.values[3] < 0.9f);
  CHECK(of(std::type_identity<by_token>{}, tokens).centres.values[3] == 1.0f);
}

TEST_CASE(
    "weights move centres to what is costly, not the counts of Q-Norm. Texts add up, and the table is the same again") {
  test::matrix<float> x(8, 96, 7);
  test::matrix<float> w(8, 96, 8);
  for (octavo::index t = 0; t < 96; ++t) {
    for (octavo::index c = 0; c < 8; ++c) { w(c, t) = x(c, t) > 0 ? 20.0f : 1.0f; }
  }
  auto const run = [&](bool weighed, octavo::index cut) {
    cache_codebook<by_channel<32>> seen({.q_norm = true});
    auto const part = [](test::matrix<float> const& m, octavo::index first, octavo::index n) {
      return heads_view<float const>(m.data() + first * 8, 8, 1, n, 8, 8);
    };
    for (octavo::index const first : {octavo::index{0}, cut}) {
      octavo::index const n = first == 0 ? cut : 96 - cut;
      if (weighed) {
        seen.add(part(x, first, n), part(w, first, n));
      } else {
        seen.add(part(x, first, n));
      }
    }
    return seen.finish();
  };
  auto const plain = run(false, 96);
  auto const weighed = run(true, 96);
  auto const twice = run(true, 32);
  int above_plain = 0;
  int above_weighed = 0;
  for (std::size_t c = 0; c < 4; ++c) {
    above_plain += plain.centres.values[c] > 0 ? 1 : 0;
    above_weighed += weighed.centres.values[c] > 0 ? 1 : 0;
    CHECK(weighed.centres.values[c] == twice.centres.values[c]);
    CHECK(weighed.values.values[c] == twice.values.values[c]);
  }
  CHECK(above_plain == 2);
  CHECK(above_weighed == 3);
}

TEST_CASE("few numbers: some codes mean the same. Groups that do not vary take no part") {
  std::vector<float> const x = {1, 2, 3, 3, 1};
  cache_codebook<scheme<affine_codebook<codebook<4>>, per_token>> seen({.q_norm = true});
  seen.add(one_token(x));
  auto const book = seen.finish();
  CHECK(book.is_valid());
  CHECK(book.centres.values[0] == -1.0f);
  CHECK(book.centres.values[2] == 1.0f);
  CHECK(book.centres.values[15] == 1.0f);
  cache_codebook<by_token> none;
  none.add(one_token(std::vector<float>(5, 3.0f)));
  CHECK_THROWS_WITH(none.finish(), Catch::Contains("no numbers took part"));
}

TEST_CASE("cache_codebook refuses what does not fit, and numbers that are not finite") {
  cache_codebook<by_token> seen({.kv_heads = 3});
  test::matrix<float> x(8, 4, 1);
  CHECK_THROWS_AS(seen.add(x), std::invalid_argument);
  cache_codebook<by_token> plain;
  test::matrix<float> const fewer(8, 3, 1);
  CHECK_THROWS_WITH(plain.add(x, fewer), Catch::Contains("the weights have tokens 3, the numbers have 4"));
  x(5, 2) = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH(plain.add(x), Catch::Contains("not finite is channel 5, of token 2"));
  x(5, 2) = 0;
  test::matrix<float> w(8, 4, 2);
  for (octavo::index i = 0; i < 32; ++i) { w(i % 8, i / 8) = -1; }
  CHECK_THROWS_WITH(plain.add(x, w), Catch::Contains("weights at least 0"));
  CHECK_THROWS_WITH(cache_codebook<by_token>({.outliers = 1}), Catch::Contains("less than 1"));
}
