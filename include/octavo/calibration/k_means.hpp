// SPDX-License-Identifier: MIT
// Weighted k-means of numbers, exactly: the codebook with the least squared error (KVQuant's nuq).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "octavo/calibration/fit.hpp"

namespace octavo {
inline namespace v0 {

namespace calibration {

struct clusters {
  std::vector<double> centres;  ///< k of them, ascending
  double cost;                  ///< the sum of weight times squared distance to the nearest centre
};

}  // namespace calibration

namespace detail {

/// Numbers on a line, ascending and distinct, each with the sum of its weights.
struct weighted_points {
  std::vector<double> values;
  std::vector<double> weights;

  weighted_points(std::span<float const> xs, std::span<float const> ws) {
    std::vector<std::size_t> order(xs.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [xs](std::size_t a, std::size_t b) { return xs[a] < xs[b]; });
    for (std::size_t const i : order) {
      double const w = ws.empty() ? 1.0 : double{ws[i]};
      if (w == 0) { continue; }
      if (values.empty() || values.back() != double{xs[i]}) {
        values.push_back(double{xs[i]});
        weights.push_back(0);
      }
      weights.back() += w;
    }
  }
};

/// The least cost of cutting points into k intervals: D_1[j] = cost(0, j), D_q[j] = min over i of D_q-1[i] + cost(i,
/// j), where cost(i, j) is that of the points i ... j - 1 about their mean. The least i that is best does not fall as j
/// rises, so that halving the range of j halves what i may be.
class line_cuts {
 public:
  line_cuts(weighted_points const& points, std::size_t k) : n_(points.values.size()), sums_(n_ + 1) {
    double w = 0;
    double wx = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      w += points.weights[i];
      wx = std::fma(points.weights[i], points.values[i], wx);
    }
    double const mean = wx / w;  // taken away, so that the sums of squares are small
    for (std::size_t i = 0; i < n_; ++i) {
      double const x = points.values[i] - mean;
      double const pull = points.weights[i] * x;
      sums_[i + 1] = {sums_[i].weight + points.weights[i], sums_[i].first + pull, std::fma(pull, x, sums_[i].second)};
    }
    last_.resize(n_ + 1);
    next_.resize(n_ + 1);
    for (std::size_t j = 1; j <= n_; ++j) { last_[j] = cost(0, j); }
    from_.push_back(std::vector<std::uint32_t>(n_ + 1, 0));
    for (std::size_t q = 2; q <= k; ++q) {
      from_.emplace_back(n_ + 1);
      find(q, q, n_, q - 1, n_ - 1);
      last_.swap(next_);
    }
  }

  /// Where the intervals begin, ascending.
  [[nodiscard]] std::vector<std::size_t> starts() const {
    std::vector<std::size_t> result(from_.size());
    std::size_t end = n_;
    for (std::size_t q = from_.size(); q-- > 0;) {
      end = from_[q][end];
      result[q] = end;
    }
    return result;
  }

 private:
  struct moments {
    double weight = 0;
    double first = 0;
    double second = 0;
  };

  [[nodiscard]] double cost(std::size_t i, std::size_t j) const {
    double const w = sums_[j].weight - sums_[i].weight;
    double const first = sums_[j].first - sums_[i].first;
    return std::max(0.0, sums_[j].second - sums_[i].second - first * first / w);
  }

  /// D_q of the ends low ... high, whose last interval begins at `least` ... `most`.
  void find(std::size_t q, std::size_t low, std::size_t high, std::size_t least, std::size_t most) {
    if (low > high) { return; }
    std::size_t const j = low + (high - low) / 2;
    std::size_t best = least;
    double cheapest = last_[least] + cost(least, j);
    for (std::size_t i = least + 1; i <= std::min(most, j - 1); ++i) {
      double const c = last_[i] + cost(i, j);
      if (c < cheapest) {
        cheapest = c;
        best = i;
      }
    }
    next_[j] = cheapest;
    from_[q - 1][j] = static_cast<std::uint32_t>(best);
    find(q, low, j - 1, least, best);
    find(q, j + 1, high, best, most);
  }

  std::size_t n_;
  std::vector<moments> sums_;
  std::vector<double> last_, next_;
  std::vector<std::vector<std::uint32_t>> from_;
};

}  // namespace detail

namespace calibration {

/// The k centres with the least sum of w (x - nearest centre)², each the weighted mean of the values nearest to it: the
/// best there is, up to the rounding of double, where Lloyd's iteration finds one near where it began. An empty
/// `weights` means 1 each. Values of weight 0 do not count. Fewer distinct values than k: all of them, the largest
/// repeated.
///
/// Dynamic programming over the values in order (Bellman 1973), with the monotone least argument; of cuts that cost the
/// same the lowest; sums ascend in double. A value in the middle between two centres belongs to either: encode decides.
/// *Time*: n log n + k m log m with m distinct values. *Memory*: k m of 4 bytes. For millions of values take a
/// weighted_histogram first. *Errors*: no values, none with a weight, NaN, infinity, negative weights, not one weight
/// each.
[[nodiscard]] inline clusters k_means(std::span<float const> xs, std::span<float const> weights, int k) {
  detail::check_values("k_means", xs);
  if (!weights.empty() && weights.size() != xs.size()) {
    detail::fail_extents("k_means", "the weights are", static_cast<index>(weights.size()), "the values are",
                         static_cast<index>(xs.size()), "Pass one weight for each value, or none.");
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!(detail::is_finite(weights[i]) && weights[i] >= 0)) {
      detail::fail_extents("k_means", "negative or not finite is weight", static_cast<index>(i), "of",
                           static_cast<index>(weights.size()), "Weights are squares, such as of gradients.");
    }
  }
  if (k < 1) { detail::fail_extents("k_means", "centres are", k, "but must be at least", 1, "Take 2^bits."); }
  detail::weighted_points const points(xs, weights);
  std::size_t const n = points.values.size();
  if (n == 0) { detail::fail("k_means: every weight is 0. Pass none to weigh all values alike."); }
  if (n > 0xffffffffu) { detail::fail("k_means: more than 2^32 distinct values. Take a weighted_histogram first."); }

  clusters result{{}, 0};
  auto starts = detail::line_cuts(points, std::min(n, static_cast<std::size_t>(k))).starts();
  starts.push_back(n);
  for (std::size_t q = 0; q + 1 < starts.size(); ++q) {
    double w = 0;
    double wx = 0;
    for (std::size_t i = starts[q]; i < starts[q + 1]; ++i) {
      w += points.weights[i];
      wx = std::fma(points.weights[i], points.values[i], wx);
    }
    double const centre = starts[q] + 1 == starts[q + 1] ? points.values[starts[q]] : wx / w;
    for (std::size_t i = starts[q]; i < starts[q + 1]; ++i) {
      double const away = points.values[i] - centre;
      result.cost = std::fma(points.weights[i] * away, away, result.cost);
    }
    result.centres.push_back(centre);
  }
  result.centres.resize(static_cast<std::size_t>(k), result.centres.back());
  return result;
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
