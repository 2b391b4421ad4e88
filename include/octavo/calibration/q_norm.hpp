// SPDX-License-Identifier: MIT
// q_norm: values of a codebook with which what is quantized has the mean and the deviation of what was (KVQuant).
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "octavo/calibration/fit.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// What codes should mean: centre * s1 / s2 + m1 - m2 * s1 / s2, where m1, s1 are the mean and the deviation (over n)
/// of the numbers, m2, s2 those of the centres nearest to them, of two that are equally near the lower one. Codes are
/// found by the centres as they are: codebook_format<Book> with `Book::centres` and, of these, `Book::values`. Numbers
/// that all have one centre leave the centres as they are. Of the centres that the last one repeats, as k_means gives
/// them of few numbers, all get its value. `counts`: how many times each number is there; none means once (those of a
/// weighted_histogram).
/// *Errors*: no numbers, no centres, centres that do not ascend, not one count each.
///
/// Source: KVQuant (Hooper et al. 2024), section 3.4, Q-Norm, which it uses for two bits.
[[nodiscard]] inline std::vector<double> q_norm(std::span<float const> numbers, std::span<double const> centres,
                                                std::span<float const> counts = {}) {
  if (numbers.empty() || centres.empty()) {
    detail::fail("q_norm: there are no numbers, or no centres. Pass some of both.");
  }
  if (!counts.empty() && counts.size() != numbers.size()) {
    detail::fail_extents("q_norm", "the counts are", static_cast<index>(counts.size()), "the numbers are",
                         static_cast<index>(numbers.size()), "Pass one count for each number, or none.");
  }
  std::size_t distinct = centres.size();
  while (distinct > 1 && centres[distinct - 2] == centres[distinct - 1]) { --distinct; }
  for (std::size_t i = 1; i < distinct; ++i) {
    if (!(centres[i - 1] < centres[i])) { detail::fail("q_norm: centres must ascend."); }
  }
  struct moments {
    double sum = 0;
    double squares = 0;
    void add(double x, double times) noexcept {
      sum += times * x;
      squares += times * x * x;
    }
    [[nodiscard]] double deviation(double n) const noexcept {
      return std::sqrt(std::fmax(squares / n - sum / n * (sum / n), 0.0));
    }
  };
  moments before;
  moments after;
  double n = 0;
  for (std::size_t j = 0; j < numbers.size(); ++j) {
    double const x{numbers[j]};
    double const times = counts.empty() ? 1.0 : double{counts[j]};
    n += times;
    std::size_t i = 0;
    while (i + 1 < distinct && x > 0.5 * (centres[i] + centres[i + 1])) { ++i; }
    before.add(x, times);
    after.add(centres[i], times);
  }
  double const spread = after.deviation(n);
  std::vector<double> values(centres.begin(), centres.end());
  if (spread == 0) { return values; }
  double const scale = before.deviation(n) / spread;
  for (double& v : values) { v = v * scale + before.sum / n - after.sum / n * scale; }
  return values;
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
