// SPDX-License-Identifier: MIT
// SmoothQuant: factors per feature that move outliers of activations into the weights (Xiao 2022), applied.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include "octavo/calibration/fit.hpp"

namespace octavo {
inline namespace v0 {

namespace detail {

/// Fails unless there is a factor, or another number, for each column of the weights.
inline void check_columns(char const* where, char const* what, std::size_t numbers, index cols) {
  if (static_cast<index>(numbers) != cols) {
    fail_extents(where, what, static_cast<index>(numbers), "W has columns", cols, "There is one for each column.");
  }
}

}  // namespace detail

namespace calibration {

/// s_j = max(a_j^alpha / w_j^(1 - alpha), 1e-5), with a_j the absmax of feature j (inputs::absmax) and w_j that of
/// column j over all matrices that read the feature, both at least 1e-5. Computed in double. Dividing the feature by
/// s_j and multiplying the columns by it leaves the layer as it was: alpha 0 moves nothing from weights, 1 all outliers
/// to them.
///
///     auto const s = calibration::smooth_factors(seen.absmax(), 0.5, wq, wk, wv);
///     calibration::divide(norm_weight, s);  // and the norm's bias, if it has one
///     for (auto* const w : {&wq, &wk, &wv}) { calibration::multiply_columns(*w, s); }
///
/// *Errors*: extents that differ, alpha outside [0, 1], elements not finite.
template <class... M>
[[nodiscard]] std::vector<float> smooth_factors(std::span<float const> absmax, double alpha, M const&... consumers) {
  static_assert(sizeof...(M) > 0, "Octavo: smooth_factors needs the weights that read these features.");
  if (!(alpha >= 0 && alpha <= 1)) { detail::fail("smooth_factors: alpha must lie between 0 and 1, such as 0.5."); }
  detail::check_values("smooth_factors", absmax);
  std::vector<double> most(absmax.size(), 1e-5);
  auto const look = [&most](auto const& w) {
    detail::check_columns("smooth_factors", "features are", most.size(), w.cols());
    detail::check_finite("smooth_factors", w.rows(), w.cols(), w);
    for (index r = 0; r < w.rows(); ++r) {
      for (std::size_t j = 0; j < most.size(); ++j) {
        double const x = std::fabs(double{w(r, static_cast<index>(j))});
        most[j] = x > most[j] ? x : most[j];
      }
    }
  };
  (look(matrix_view(consumers)), ...);
  std::vector<float> factors;
  for (std::size_t j = 0; j < most.size(); ++j) {
    double const a = absmax[j] > 1e-5f ? double{absmax[j]} : 1e-5;
    double const s = std::pow(a, alpha) / std::pow(most[j], 1 - alpha);
    factors.push_back(static_cast<float>(s > 1e-5 ? s : 1e-5));
  }
  return factors;
}

/// Multiplies column j of W, in place, by factor j. `weights` has (r, c), as Eigen's matrices do.
template <class M>
void multiply_columns(M&& weights, std::span<float const> factors) {
  detail::check_columns("multiply_columns", "factors are", factors.size(), weights.cols());
  for (index c = 0; c < weights.cols(); ++c) {
    float const s = factors[static_cast<std::size_t>(c)];
    for (index r = 0; r < weights.rows(); ++r) {
      auto& w = weights(r, c);
      w = static_cast<std::remove_reference_t<decltype(w)>>(static_cast<float>(w) * s);
    }
  }
}

/// Divides, in place, what makes the features, each by its factor: weight and bias of the norm in front of the layer.
inline void divide(std::span<float> norm, std::span<float const> factors) {
  if (norm.size() != factors.size()) {
    detail::fail_extents("divide", "the norm has features", static_cast<index>(norm.size()), "factors are",
                         static_cast<index>(factors.size()), "There is one for each feature.");
  }
  for (std::size_t j = 0; j < norm.size(); ++j) { norm[j] /= factors[j]; }
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
