// SPDX-License-Identifier: MIT
// How claims are measured: errors over energies, in double, summed over layers.
#pragma once

#include "models.hpp"

#include "octavo/calibration/gram.hpp"
#include "octavo/calibration/quantize_with.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/catch.hpp"

#include <span>
#include <vector>

namespace test {

/// A measured ratio that is as it was, by and large: below 1 the claim holds, above it does not.
inline void check_ratio(double ratio, double measured) {
  CAPTURE(ratio, measured);
  CHECK(ratio > 0.9 * measured);
  CHECK(ratio < 1.1 * measured);
}

/// What a packed matrix stands for.
template <class S>
[[nodiscard]] matrix dense(octavo::quantized_matrix<S> const& q) {
  auto const view = q.view();
  return matrix::NullaryExpr(view.rows(), view.cols(), [&](octavo::index r, octavo::index c) { return view(r, c); });
}

[[nodiscard]] inline double nmse(matrix const& exact, matrix const& other) {
  return (exact - other).cast<double>().squaredNorm() / exact.cast<double>().squaredNorm();
}

/// The mean over layers of what `error(layer)` says.
template <class Error>
[[nodiscard]] double mean_over(std::vector<layer> const& layers, Error const& error) {
  double sum = 0;
  for (auto const& l : layers) { sum += error(l); }
  return sum / static_cast<double>(layers.size());
}

/// Mean nmse of the decoder's weights in scheme S.
template <class S, class Fit = octavo::calibration::extremes>
[[nodiscard]] double weight_error(Fit const& fit = {}) {
  return mean_over(shipped_models().llama, [&](layer const& l) {
    return nmse(l.weights, dense(octavo::calibration::quantize_with<S>(l.weights, fit)));
  });
}

[[nodiscard]] inline Eigen::MatrixXd gram_of(matrix const& x) {
  octavo::calibration::gram seen(x.rows());
  seen.add(x);
  return seen.mean();
}

/// nmse of the output for weights `q` on later tokens.
[[nodiscard]] inline double output_error(layer const& l, matrix const& q) {
  return nmse(l.weights * l.later, q * l.later);
}

}  // namespace test
