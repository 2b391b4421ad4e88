// SPDX-License-Identifier: MIT
// The entropy fit: the threshold whose coarse histogram tells least apart from the fine one (Kullback-Leibler).
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "octavo/calibration/range.hpp"
#include "octavo/format/table.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// KL(P || Q) in nats when a histogram is cut after `bins` bins and those are quantized to `levels`: P is the cut
/// histogram, the tail added to its last bin; Q has the mean of each of `levels` segments [floor(l bins / levels),
/// floor((l + 1) bins / levels)) of the bins before the tail was added, in the bins where P is not 0. Infinite where Q
/// is 0 and P is not. Sums ascend. Pre: 1 <= levels <= bins <= histogram.size().
[[nodiscard]] inline double divergence(std::span<double const> histogram, std::size_t bins, std::size_t levels) {
  double tail = 0;
  for (std::size_t i = bins; i < histogram.size(); ++i) { tail += histogram[i]; }
  auto const p = [&](std::size_t i) { return histogram[i] + (i + 1 == bins ? tail : 0.0); };
  double inside = 0;
  for (std::size_t i = 0; i < bins; ++i) { inside += histogram[i]; }
  double result = 0;
  for (std::size_t l = 0; l < levels; ++l) {
    std::size_t const begin = l * bins / levels;
    std::size_t const end = (l + 1) * bins / levels;
    double sum = 0;
    double used = 0;
    for (std::size_t i = begin; i < end; ++i) {
      sum += histogram[i];
      used += p(i) != 0 ? 1.0 : 0.0;
    }
    if (used != 0 && sum == 0) { return std::numeric_limits<double>::infinity(); }
    for (std::size_t i = begin; i < end; ++i) {
      double const share = p(i) / (inside + tail);
      if (share != 0) { result += share * std::log(share / (sum / used / inside)); }
    }
  }
  return result;
}

/// The threshold T = (i + 1/2) max|x| / bins with the least divergence, i = levels ... bins, the smaller T in a tie;
/// then [-T, T] (TensorRT's calibrator). Where an affine quantizer sees no value below 0, [0, T] and twice the levels.
///
/// The model is of evenly spaced levels, so formats are integers; for others use clip_search. It needs thousands of
/// values: it is for the activations of a layer rather than for a group of weights. *Errors*: no values, NaN, infinity,
/// fewer bins than levels.
struct entropy {
  int bins = 2048;
  bool without_zero = false;  ///< leaves out bin 0, for values after a ReLU

  template <quantizer Q>
  [[nodiscard]] typename Q::params fit(std::span<float const> xs) const {
    static_assert(linear_quantizer<Q> && consecutive_flip<typename Q::format> >= 0,
                  "Octavo: entropy models evenly spaced levels, so the format must be an integer. Use clip_search.");
    range const whole = range_of(xs);
    bool const one_side = two_sided<Q> && whole.low >= 0;
    int const levels = code_count<typename Q::format> / (one_side ? 1 : 2);
    if (bins < levels) {
      detail::fail_extents("entropy", "bins are", bins, "the format has levels", levels, "Take 2048 bins.");
    }
    float const most = -whole.low > whole.high ? -whole.low : whole.high;
    if (most == 0) { return params_of<Q>(whole); }
    auto const t = static_cast<float>(threshold(xs, double{most}, static_cast<std::size_t>(levels)));
    return params_of<Q>({one_side ? 0.0f : -t, t});
  }

 private:
  [[nodiscard]] double threshold(std::span<float const> xs, double most, std::size_t levels) const {
    auto const n = static_cast<std::size_t>(bins);
    std::vector<double> histogram(n);
    for (float const x : xs) {
      auto const i = static_cast<std::size_t>(std::fabs(double{x}) / most * bins);
      histogram[i < n ? i : n - 1] += 1;
    }
    if (without_zero) { histogram[0] = 0; }
    std::size_t best = n;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = levels; i <= n; ++i) {
      double const kl = divergence(histogram, i, levels);
      if (kl < least) {
        least = kl;
        best = i;
      }
    }
    return (static_cast<double>(best) + 0.5) * most / bins;
  }
};

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
