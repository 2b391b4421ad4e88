// SPDX-License-Identifier: MIT
// A gain and an offset for each output that bring what a quantized layer gives near what the layer gave.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "octavo/calibration/inputs.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// Output o becomes gain_o y_o + offset_o: the gain belongs into the scales of row o, the offset into the bias.
struct output_match {
  std::vector<float> gain;
  std::vector<float> offset;
};

/// How the gain is chosen.
enum class gain_rule {
  moments,  ///< sigma / sigma_q: mean and variance as they were (AdaQuant's para-normalization, without batch norm)
  least_squares  ///< cov(q, y) / var(q): the least squared error
};

/// From outputs `y` of the layer and `q` of the quantized one for the same tokens, rows x tokens, with
/// offset = mean(y) - gain mean(q). A row that does not vary keeps its gain. Two passes over the tokens, ascending, in
/// double by fma. *Errors*: extents that differ, no tokens, elements not finite.
template <class Y, class Q>
[[nodiscard]] output_match match_outputs(Y const& y, Q const& q, gain_rule rule) {
  auto const exact = as_tokens(y);
  auto const coded = as_tokens(q);
  if (exact.features() != coded.features()) {
    detail::fail_extents("match_outputs", "Y has rows", exact.features(), "the quantized output has",
                         coded.features(), "Both are outputs of one layer.");
  }
  detail::check_tokens("match_outputs", exact, exact.features());
  detail::check_tokens("match_outputs", coded, exact.features());
  if (exact.tokens() != coded.tokens()) {
    detail::fail_extents("match_outputs", "Y has tokens", exact.tokens(), "the quantized output has", coded.tokens(),
                         "Run both on the same tokens.");
  }
  double const n = detail::check_seen("match_outputs", exact.tokens());
  output_match result;
  for (index o = 0; o < exact.features(); ++o) {
    double mean = 0;
    double mean_q = 0;
    for (index t = 0; t < exact.tokens(); ++t) {
      mean += static_cast<double>(exact.token(t)[o]);
      mean_q += static_cast<double>(coded.token(t)[o]);
    }
    mean /= n;
    mean_q /= n;
    double square = 0;
    double square_q = 0;
    double both = 0;
    for (index t = 0; t < exact.tokens(); ++t) {
      double const a = static_cast<double>(exact.token(t)[o]) - mean;
      double const b = static_cast<double>(coded.token(t)[o]) - mean_q;
      square = std::fma(a, a, square);
      square_q = std::fma(b, b, square_q);
      both = std::fma(a, b, both);
    }
    double gain = 1;
    if (square_q > 0) { gain = rule == gain_rule::moments ? std::sqrt(square / square_q) : both / square_q; }
    result.gain.push_back(static_cast<float>(gain));
    result.offset.push_back(static_cast<float>(mean - gain * mean_q));
  }
  return result;
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
