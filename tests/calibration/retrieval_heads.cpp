// SPDX-License-Identifier: MIT
#include "octavo/calibration/retrieval_heads.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/random.hpp"

#include <cmath>
#include <vector>

using namespace octavo;
using namespace octavo::calibration;

namespace {

/// Weights of token i: all on one token, or even.
template <class Target>
repeat_score score(octavo::index tokens, octavo::index period, octavo::index start, Target const& target) {
  return score_of_weights(tokens, period, start, [&](octavo::index i) {
    std::vector<float> w(static_cast<std::size_t>(i + 1));
    w[static_cast<std::size_t>(target(i))] = 1;
    return w;
  });
}
bool near(double a, double b) { return std::abs(a - b) < 1e-12; }

}  // namespace

TEST_CASE("echo and induction of heads whose weights are known") {
  // 8 tokens twice: each token of the second half has one pair.
  auto const back = [](octavo::index by) {
    return [by](octavo::index i) { return i < by ? octavo::index{0} : i - by; };
  };
  CHECK(near(score(16, 8, 0, back(8)).echo, 1));
  CHECK(near(score(16, 8, 0, back(8)).induction, 0));
  CHECK(near(score(16, 8, 0, back(7)).induction, 1));
  CHECK(near(score(16, 8, 0, back(7)).echo, 0));
  CHECK(near(score(16, 8, 0, back(1)).induction, 0));
  // A BOS moves all by one.
  CHECK(near(score(17, 8, 1, back(8)).echo, 1));
  CHECK(near(score(17, 8, 1, back(7)).induction, 1));
  // Three times: tokens 4 to 7 have one pair, 8 to 11 two.
  CHECK(near(score(12, 4, 0, back(4)).echo, 8.0 / 12));
  // A period of one: every token before is an echo, and every token but the first an induction.
  auto const even = score_of_weights(3, 1, 0, [](octavo::index i) {
    return std::vector<double>(static_cast<std::size_t>(i + 1), 1.0 / static_cast<double>(i + 1));
  });
  CHECK(near(even.echo, (0.5 + 2.0 / 3) / 3));
  CHECK(near(even.induction, (0.5 + 2.0 / 3) / 3));
  CHECK(near(score(8, 8, 0, back(1)).echo, 0));
  CHECK(test::error_of([&] { (void)score(8, 0, 0, back(1)); }).find("the period is 0") != std::string::npos);
}

TEST_CASE("scores of a layer are those of its weights, the largest of the queries of a kv head") {
  constexpr octavo::index d = 6, tokens = 12, period = 4;
  auto const q = test::values(tokens * 4 * d, 1);
  auto const k = test::values(tokens * 2 * d, 2);
  auto const scores = score_layer(heads_view<float const>(q.data(), d, 4, tokens, tokens * d, d),
                                  heads_view<float const>(k.data(), d, 2, tokens, tokens * d, d), period, 0);
  REQUIRE(scores.size() == 2);
  for (octavo::index kv = 0; kv < 2; ++kv) {
    double echo = 0;
    double induction = 0;
    for (octavo::index h = 2 * kv; h < 2 * kv + 2; ++h) {
      double sums[2] = {0, 0};
      for (octavo::index i = period; i < tokens; ++i) {
        double w[tokens];
        double total = 0;
        for (octavo::index j = 0; j <= i; ++j) {
          double dot = 0;
          for (octavo::index c = 0; c < d; ++c) {
            dot += static_cast<double>(q[static_cast<std::size_t>((h * tokens + i) * d + c)]) *
                   static_cast<double>(k[static_cast<std::size_t>((kv * tokens + j) * d + c)]);
          }
          total += w[j] = std::exp(dot / std::sqrt(6.0));
        }
        for (octavo::index j = i - period; j >= 0; j -= period) {
          sums[0] += w[j] / total / 12;
          sums[1] += w[j + 1] / total / 12;
        }
      }
      echo = std::max(echo, sums[0]);
      induction = std::max(induction, sums[1]);
    }
    CHECK(std::abs(scores[static_cast<std::size_t>(kv)].echo - echo) < 1e-9);
    CHECK(std::abs(scores[static_cast<std::size_t>(kv)].induction - induction) < 1e-9);
  }
  CHECK(test::error_of([&] {
          (void)score_layer(heads_view<float const>(q.data(), d, 3, tokens, tokens * d, d),
                            heads_view<float const>(k.data(), d, 2, tokens, tokens * d, d), period, 0);
        }).find("Q has heads 3, K has 2") != std::string::npos);
}

TEST_CASE("the heads with the largest scores, just as many as the shares say, earlier ones first") {
  std::vector<repeat_score> scores(100);
  scores[7].induction = 3;
  scores[50].induction = 2;
  scores[3].echo = 1;
  for (std::size_t i = 80; i < 100; ++i) { scores[i].induction = 1; }
  auto const chosen = retrieval_heads(scores);
  std::vector<bool> expected(100);
  expected[3] = expected[7] = expected[50] = true;
  for (std::size_t i = 80; i < 92; ++i) { expected[i] = true; }
  CHECK(chosen == expected);
  CHECK(retrieval_heads(scores, {.induction = 0, .echo = 0}) == std::vector<bool>(100));
  CHECK(retrieval_heads(scores, {.induction = 1, .echo = 0}) == std::vector<bool>(100, true));
  CHECK(retrieval_heads({}).empty());
}
