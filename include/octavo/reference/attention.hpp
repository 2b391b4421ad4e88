// SPDX-License-Identifier: MIT
// Attention in double precision, written as the formula: what errors are measured against.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "octavo/core/index.hpp"

namespace octavo {
inline namespace v0 {
namespace reference {

/// Operands are [head][token][channel], queries the last ones of the sequence: query i stands at i + keys - queries.
/// Query head h reads kv head h / (query_heads / kv_heads). What is empty is not there.
struct attention_problem {
  index query_heads = 1, kv_heads = 1, queries = 0, keys = 0, head_dim = 0, value_dim = 0;
  std::vector<double> q, k, v;
  double scale = 1;
  double soft_cap = 0;          ///< c: s becomes c tanh(s / c); 0: it does not
  std::vector<double> alibi;    ///< [query head]: slopes
  std::vector<double> bias;     ///< [query head][query][key]: added
  std::vector<bool> mask;       ///< the same: true where a query may see a key
  bool causal = false;          ///< a query sees no key behind it
  index left = -1, right = -1;  ///< a query sees so many keys before and behind it; -1: all
  index first = 0;              ///< and always so many at the beginning, in spite of `left`
  std::vector<double> sinks;    ///< [query head]: scores that take weight and have no value

  /// Whether masks let query i of head h see key j.
  [[nodiscard]] bool visible(index h, index i, index j) const {
    index const distance = j - (i + keys - queries);
    bool const near = (left < 0 || distance >= -left) && (right < 0 || distance <= right);
    return (near || j < first) && (!causal || distance <= 0) && (mask.empty() || mask[at(h, i, j)]);
  }
  /// The score of a visible key.
  [[nodiscard]] double score(index h, index i, index j) const {
    index const kv = h / (query_heads / kv_heads);
    double s = 0;
    for (index c = 0; c < head_dim; ++c) {
      s += q[place((h * queries + i) * head_dim + c)] * k[place((kv * keys + j) * head_dim + c)];
    }
    s *= scale;
    if (soft_cap > 0) { s = soft_cap * std::tanh(s / soft_cap); }
    if (!alibi.empty()) { s -= alibi[place(h)] * std::abs(static_cast<double>(j - (i + keys - queries))); }
    if (!bias.empty()) { s += bias[at(h, i, j)]; }
    return s;
  }

  [[nodiscard]] static std::size_t place(index i) { return static_cast<std::size_t>(i); }
  [[nodiscard]] std::size_t at(index h, index i, index j) const { return place((h * queries + i) * keys + j); }
};

struct attention_result {
  std::vector<double> out;          ///< [query head][query][value channel]
  std::vector<double> log_sum_exp;  ///< [query head][query], natural logarithm
};

/// out = softmax(scores) V over visible keys. A query that sees none, and has no sink, gives 0 and log-sum-exp -infinity.
[[nodiscard]] inline attention_result attention(attention_problem const& p) {
  attention_result result;
  for (index h = 0; h < p.query_heads; ++h) {
    for (index i = 0; i < p.queries; ++i) {
      std::vector<double> scores;
      double most = -std::numeric_limits<double>::infinity();
      for (index j = 0; j < p.keys; ++j) {
        scores.push_back(p.visible(h, i, j) ? p.score(h, i, j) : -std::numeric_limits<double>::infinity());
        most = std::fmax(most, scores.back());
      }
      if (!p.sinks.empty()) { most = std::fmax(most, p.sinks[p.place(h)]); }
      double const shift = std::isinf(most) ? 0 : most;
      double sum = p.sinks.empty() ? 0 : std::exp(p.sinks[p.place(h)] - shift);
      for (double const s : scores) { sum += std::exp(s - shift); }
      for (index c = 0; c < p.value_dim; ++c) {
        double out = 0;
        for (index j = 0; j < p.keys; ++j) {
          double const weight = std::exp(scores[p.place(j)] - shift);
          index const kv = h / (p.query_heads / p.kv_heads);
          if (weight != 0) { out += weight * p.v[p.place((kv * p.keys + j) * p.value_dim + c)]; }
        }
        result.out.push_back(sum == 0 ? 0 : out / sum);
      }
      result.log_sum_exp.push_back(shift + std::log(sum));
    }
  }
  return result;
}

/// Weights by levels: p, relative to the largest score of its leaf of keys, becomes code min(rne(-log2(p) per_octave), last),
/// and counts as values[code], over whose sum out is divided. With borders, the code is the number of them above p.
struct weight_codes {
  double per_octave;
  std::vector<double> values;
  index leaf = 512;
  std::vector<double> borders{};
};
[[nodiscard]] inline attention_result attention(attention_problem const& p, weight_codes const& codes) {
  attention_result result;
  for (index h = 0; h < p.query_heads; ++h) {
    index const kv = h / (p.query_heads / p.kv_heads);
    for (index i = 0; i < p.queries; ++i) {
      std::vector<double> weights;  // relative to e^0
      double sum = p.sinks.empty() ? 0 : std::exp(p.sinks[p.place(h)]);
      for (index from = 0; from < p.keys; from += codes.leaf) {
        index const end = from + codes.leaf < p.keys ? from + codes.leaf : p.keys;
        double most = -std::numeric_limits<double>::infinity();
        for (index j = from; j < end; ++j) {
          if (p.visible(h, i, j)) { most = std::fmax(most, p.score(h, i, j)); }
        }
        for (index j = from; j < end; ++j) {
          double weight = 0;
          if (p.visible(h, i, j)) {
            double const octaves = (most - p.score(h, i, j)) / std::log(2.0);
            auto const last = static_cast<double>(codes.values.size() - 1);
            double code = std::fmin(std::nearbyint(octaves * codes.per_octave), last);
            if (!codes.borders.empty()) {
              code = 0;
              for (double const b : codes.borders) { code += std::exp2(-octaves) < b ? 1 : 0; }
            }
            weight = codes.values[static_cast<std::size_t>(code)] * std::exp(most);
          }
          weights.push_back(weight);
          sum += weight;
        }
      }
      for (index c = 0; c < p.value_dim; ++c) {
        double out = 0;
        for (index j = 0; j < p.keys; ++j) {
          out += weights[p.place(j)] * p.v[p.place((kv * p.keys + j) * p.value_dim + c)];
        }
        result.out.push_back(sum == 0 ? 0 : out / sum);
      }
      result.log_sum_exp.push_back(std::log(sum));
    }
  }
  return result;
}

/// The slopes of ALiBi for `heads` heads: 2^(-8 (h + 1) / heads) for a power of two; else those of the next smaller power
/// P, then every second one of 2 P (Press, Smith, Lewis 2022, and the authors' code).
[[nodiscard]] inline std::vector<double> alibi_slopes(index heads) {
  index power = 1;
  while (2 * power <= heads) { power *= 2; }
  std::vector<double> slopes;
  for (index h = 0; h < heads; ++h) {
    slopes.push_back(h < power
                         ? std::exp2(-8.0 * static_cast<double>(h + 1) / static_cast<double>(power))
                         : std::exp2(-4.0 * static_cast<double>(2 * (h - power) + 1) / static_cast<double>(power)));
  }
  return slopes;
}

}  // namespace reference
}  // namespace v0
}  // namespace octavo
