// SPDX-License-Identifier: MIT
// lossless_precision: the smallest fixed point whose histogram of a tensor is that of its floats (Kummer 2021, AdaPT).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "octavo/calibration/range.hpp"
#include "octavo/format/fixed_point.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// The number nearest to x of a fixed point of up to 32 bits, ties to even. Pre: x is finite.
[[nodiscard]] inline double rounded(float x, fixed_point type) {
  double const unit = std::ldexp(1.0, -type.fraction_length);
  double const half = std::ldexp(1.0, type.word_length - 1);
  return std::clamp(std::nearbyint(double{x} / unit), -half, half - 1) * unit;
}

/// KL(P || Q) in nats of the histogram P of the values and Q of what they become, over `bins` even bins from the lowest
/// to the highest value; numbers beyond these count as the ends. Infinite where Q is 0 and P is not. Sums ascend.
/// *Errors*: no values, NaN, infinity, no bins.
[[nodiscard]] inline double divergence(std::span<float const> xs, fixed_point type, int bins) {
  range const whole = range_of(xs);
  if (bins < 1) {
    detail::fail_extents("divergence", "bins are", bins, "but must be at least", 1, "AdaPT has 50 to 150.");
  }
  double const low = double{whole.low};
  double const high = double{whole.high};
  std::vector<double> exact(static_cast<std::size_t>(bins));
  std::vector<double> coded(exact.size());
  auto const bin = [&](double x) -> std::size_t {
    if (!(high > low)) { return 0; }
    double const at = std::floor((std::clamp(x, low, high) - low) / (high - low) * bins);
    return static_cast<std::size_t>(at < bins - 1 ? at : bins - 1);
  };
  for (float const x : xs) {
    exact[bin(double{x})] += 1;
    coded[bin(rounded(x, type))] += 1;
  }
  double sum = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    if (exact[i] == 0) { continue; }
    if (coded[i] == 0) { return std::numeric_limits<double>::infinity(); }
    sum += exact[i] / static_cast<double>(xs.size()) * std::log(exact[i] / coded[i]);
  }
  return sum;
}

/// AdaPT's PushDown, once: of word length 32, the smallest fraction length such that it and every longer one up to
/// `most_fraction` lose nothing, that is have a divergence of at most `tolerance`; then the shortest word with that
/// fraction that loses nothing either. The divergence is no monotone function of the fraction, so that all are tried,
/// from above. (AdaPT's code bisects, and returns the other end.)
///
/// If even the longest fraction loses something, it is the one that is given. *Errors*: those of divergence, a
/// tolerance below 0. *Time*: up to 64 histograms.
[[nodiscard]] inline fixed_point lossless_precision(std::span<float const> xs, int bins = 100, double tolerance = 0,
                                                    int most_fraction = 31) {
  if (!(tolerance >= 0)) { detail::fail("lossless_precision: the tolerance must be at least 0; 0 loses nothing."); }
  fixed_point best{32, most_fraction};
  range const whole = range_of(xs);
  // A fraction that leaves the word no room for the largest number is no candidate.
  double const most = std::max(std::fabs(double{whole.low}), std::fabs(double{whole.high}));
  while (best.fraction_length > -128 && std::ldexp(most, best.fraction_length) > 0x1.fffffffcp30) {
    --best.fraction_length;
  }
  int const least = best.fraction_length - 64;
  for (int f = best.fraction_length; f >= least && divergence(xs, {32, f}, bins) <= tolerance; --f) {
    best.fraction_length = f;
  }
  for (int w = 1; w < 32; ++w) {
    if (divergence(xs, {w, best.fraction_length}, bins) <= tolerance) {
      best.word_length = w;
      break;
    }
  }
  return best;
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
