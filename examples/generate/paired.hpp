// SPDX-License-Identifier: MIT
// Whether one model reads a text better than another, or whether chance could have done it: pairs of windows.
#pragma once

#include "measure.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

namespace example {

/// What Student's t with n degrees of freedom exceeds with a probability of 2.5 per cent, from 4 on within 0.001
/// (Abramowitz and Stegun 1964, 26.7.5).
inline double t_of(double n) {
  constexpr double z = 1.959963984540054;
  constexpr double z2 = z * z;
  double const terms[] = {(z2 + 1) / 4, ((5 * z2 + 16) * z2 + 3) / 96, (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384,
                          ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160};
  double sum = 1;
  double power = 1;
  for (double const term : terms) { sum += term * (power /= n); }
  return z * sum;
}

/// How much more nats a token takes by one model than by another; with a confidence of 95 per cent the difference on
/// all texts like this one lies within mean +- margin.
struct difference {
  double mean;
  double margin;
  [[nodiscard]] bool certain() const { return std::abs(mean) > margin; }
};
/// Windows as long as the first are compared, one by one: they begin afresh, so that they are as independent as the
/// text is, and most of what makes one harder than another is so for both models. Fewer than 5 leave all open: margin
/// infinity. Pre: the same windows of the same text.
inline difference compare(losses const& a, losses const& b) {
  std::vector<double> d;
  for (std::size_t i = 0; i < std::min(a.windows.size(), b.windows.size()); ++i) {
    auto const& [sum, tokens] = a.windows[i];
    if (tokens == a.windows[0].tokens) { d.push_back((sum - b.windows[i].sum) / static_cast<double>(tokens)); }
  }
  auto const n = static_cast<double>(d.size());
  double mean = 0;
  for (double const x : d) { mean += x / n; }
  double squares = 0;
  for (double const x : d) { squares += (x - mean) * (x - mean); }
  if (d.size() < 5) { return {mean, std::numeric_limits<double>::infinity()}; }
  return {mean, t_of(n - 1) * std::sqrt(squares / (n - 1) / n)};
}

/// `1.031 +- 0.004`: the perplexities' ratio.
inline std::string ratio_text(difference const& d) {
  char text[64];
  double const ratio = std::exp(d.mean);
  std::snprintf(text, sizeof text, std::isfinite(d.margin) ? "%.3f +- %.3f" : "%.3f", ratio,
                ratio * std::sinh(d.margin));
  return text;
}

/// A model and how it reads.
struct reading {
  std::string name;
  losses found;
};
/// `float < w8a8 ~ fp8 < w4a8`: from the best on; < where the pairs of neighbours leave no doubt, ~ where they do.
inline std::string order_of(std::vector<reading> rows) {
  std::stable_sort(rows.begin(), rows.end(),
                   [](reading const& a, reading const& b) { return a.found.mean() < b.found.mean(); });
  std::string text;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i > 0) { text += compare(rows[i].found, rows[i - 1].found).certain() ? " < " : " ~ "; }
    text += rows[i].name;
  }
  return text;
}

}  // namespace example
