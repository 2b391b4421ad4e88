// SPDX-License-Identifier: MIT
// Bias correction: what quantizing the weights adds to the mean of the output, taken back.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "octavo/calibration/smooth.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// What to add to the bias: E[(W - q) x]_o = Σ_i (W - q)[o, i] E[x_i], over ascending i by fma in double, then float.
/// The mean is that of the inputs (inputs::mean), or of a norm's output without data: its bias. `q` has q(r, c), such
/// as a view of a packed matrix. *Errors*: extents that differ, elements not finite.
template <class M, class Q>
[[nodiscard]] std::vector<float> bias_correction(M const& weights, Q const& q, std::span<float const> mean) {
  matrix_view const w(weights);
  detail::check_columns("bias_correction", "means are", mean.size(), w.cols());
  detail::check_columns("bias_correction", "the replacement has columns", static_cast<std::size_t>(q.cols()),
                        w.cols());
  if (q.rows() != w.rows()) {
    detail::fail_extents("bias_correction", "the replacement has rows", q.rows(), "W has", w.rows(),
                         "They must be equal.");
  }
  detail::check_finite("bias_correction", w.rows(), w.cols(), w);
  std::vector<float> result;
  for (index r = 0; r < w.rows(); ++r) {
    double sum = 0;
    for (index c = 0; c < w.cols(); ++c) {
      double const lost = static_cast<double>(w(r, c)) - static_cast<double>(q(r, c));
      sum = std::fma(lost, double{mean[static_cast<std::size_t>(c)]}, sum);
    }
    result.push_back(static_cast<float>(sum));
  }
  return result;
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
