// SPDX-License-Identifier: MIT
// Which heads of a model look far back: echo and induction scores on tokens that repeat, the heads with the largest.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "octavo/core/error.hpp"
#include "octavo/core/heads_view.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// How much of its attention a head gives to where its token stood before (echo), and to what followed it there
/// (induction): means of the weights over all such pairs (RazorAttention, Tang et al. 2024).
struct repeat_score {
  double echo = 0;
  double induction = 0;
};

/// Scores of one head on random tokens that come `period` by `period` again, behind `start` others (a BOS). row(i)
/// gives the attention weights of token i to tokens 0 ... i.
template <class Row>
[[nodiscard]] repeat_score score_of_weights(index tokens, index period, index start, Row const& row) {
  if (period < 1 || start < 0) {
    octavo::detail::fail_extents("retrieval_heads", "the period is", period, "tokens before it are", start,
                                 "Pass the tokens that repeat, at least 1.");
  }
  repeat_score sum;
  index pairs = 0;
  for (index i = start + period; i < tokens; ++i) {
    auto const& weights = row(i);
    for (index j = i - period; j >= start; j -= period) {
      sum.echo += static_cast<double>(weights[static_cast<std::size_t>(j)]);
      sum.induction += static_cast<double>(weights[static_cast<std::size_t>(j + 1)]);
      ++pairs;
    }
  }
  if (pairs == 0) { return sum; }
  return {sum.echo / static_cast<double>(pairs), sum.induction / static_cast<double>(pairs)};
}

/// The same for each kv head of a layer, the largest over its query heads, from queries and keys as attention takes
/// them (turned by RoPE), causal, in double precision. `scale` 0: 1 / sqrt(head_dim).
[[nodiscard]] inline std::vector<repeat_score> score_layer(heads_view<float const> const& q,
                                                           heads_view<float const> const& k, index period,
                                                           index start, double scale = 0) {
  if (k.heads() == 0 || q.heads() % k.heads() != 0 || q.tokens() != k.tokens() || q.head_dim() != k.head_dim()) {
    octavo::detail::fail_extents("retrieval_heads", "Q has heads", q.heads(), "K has", k.heads(),
                                 "Query heads must be a multiple of kv heads, tokens and head_dim equal.");
  }
  index const d = q.head_dim();
  index const group = q.heads() / k.heads();
  if (scale == 0) { scale = 1 / std::sqrt(static_cast<double>(std::max<index>(d, 1))); }
  std::vector<repeat_score> best(static_cast<std::size_t>(k.heads()));
  std::vector<double> weights(static_cast<std::size_t>(q.tokens()));
  for (index h = 0; h < q.heads(); ++h) {
    auto const row = [&](index i) -> std::vector<double> const& {
      double largest = -INFINITY;
      for (index j = 0; j <= i; ++j) {
        double dot = 0;
        float const* const x = q.at(h, i);
        float const* const y = k.at(h / group, j);
        for (index c = 0; c < d; ++c) { dot += static_cast<double>(x[c]) * static_cast<double>(y[c]); }
        weights[static_cast<std::size_t>(j)] = dot * scale;
        largest = std::max(largest, dot * scale);
      }
      double sum = 0;
      for (index j = 0; j <= i; ++j) {
        auto& w = weights[static_cast<std::size_t>(j)];
        w = std::exp(w - largest);
        sum += w;
      }
      for (index j = 0; j <= i; ++j) { weights[static_cast<std::size_t>(j)] /= sum; }
      return weights;
    };
    auto const score = score_of_weights(q.tokens(), period, start, row);
    auto& kept = best[static_cast<std::size_t>(h / group)];
    kept.echo = std::max(kept.echo, score.echo);
    kept.induction = std::max(kept.induction, score.induction);
  }
  return best;
}

/// Shares of all kv heads of a model that keep their tokens.
struct retrieval_shares {
  double induction = 0.14;
  double echo = 0.01;
};

/// For each of the scores (of all layers, one after the other) whether the head is a retrieval head: it is among the
/// round(share * number) largest by induction, or by echo. Of equal scores the earlier head is taken.
[[nodiscard]] inline std::vector<bool> retrieval_heads(std::vector<repeat_score> const& scores,
                                                       retrieval_shares const& shares = {}) {
  std::vector<bool> chosen(scores.size());
  auto const take = [&](double share, double repeat_score::*of) {
    std::vector<std::size_t> order(scores.size());
    for (std::size_t i = 0; i < order.size(); ++i) { order[i] = i; }
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return scores[a].*of > scores[b].*of; });
    double const wanted = std::round(share * static_cast<double>(scores.size()));
    for (std::size_t i = 0; i < order.size() && static_cast<double>(i) < wanted; ++i) { chosen[order[i]] = true; }
  };
  take(shares.induction, &repeat_score::induction);
  take(shares.echo, &repeat_score::echo);
  return chosen;
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
