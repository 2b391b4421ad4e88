// SPDX-License-Identifier: MIT
// weighted_histogram: many values in few, each the mean of its bin, for searches whose time grows with their number.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "octavo/calibration/fit.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// Bins of equal width over [low, high]; the outermost take what lies beyond. A bin holds the sums of weights and of
/// weighted values, in double, in the order in which values come.
class weighted_histogram {
 public:
  explicit weighted_histogram(int bins = 4096, float low = -1, float high = 1) : low_(low), high_(high) {
    if (bins < 1 || !(low < high) || !detail::is_finite(low) || !detail::is_finite(high)) {
      detail::fail("weighted_histogram: at least one bin, and a range from low to high.");
    }
    sums_.resize(static_cast<std::size_t>(bins));
  }

  /// *Errors*: NaN, infinity, a negative weight.
  void add(float x, float weight = 1) {
    if (!detail::is_finite(x) || !(detail::is_finite(weight) && weight >= 0)) {
      detail::fail("weighted_histogram: values and weights are finite, weights at least 0.");
    }
    auto const bins = static_cast<double>(sums_.size());
    double const at = std::floor((double{x} - low_) / (high_ - low_) * bins);
    auto& s = sums_[static_cast<std::size_t>(at < 0 ? 0 : at > bins - 1 ? bins - 1 : at)];
    s.weight += double{weight};
    s.first = std::fma(double{weight}, double{x}, s.first);
  }

  /// The mean of each bin with a weight, ascending, and those weights.
  [[nodiscard]] std::vector<float> values() const {
    std::vector<float> result;
    for (auto const& s : sums_) {
      if (s.weight > 0) { result.push_back(static_cast<float>(s.first / s.weight)); }
    }
    return result;
  }
  [[nodiscard]] std::vector<float> weights() const {
    std::vector<float> result;
    for (auto const& s : sums_) {
      if (s.weight > 0) { result.push_back(static_cast<float>(s.weight)); }
    }
    return result;
  }

 private:
  struct sums {
    double weight = 0;
    double first = 0;
  };
  double low_, high_;
  std::vector<sums> sums_;
};

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
