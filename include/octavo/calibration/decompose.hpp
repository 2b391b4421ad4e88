// SPDX-License-Identifier: MIT
// decompose<Scheme>: W as a packed matrix and a low-rank term that are found in turn (Guo 2023, LQ-LoRA).
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "octavo/calibration/low_rank.hpp"
#include "octavo/calibration/quantize_with.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

struct decompose_options {
  /// The mean square of each weight's gradient, rows x cols; without elements all weights count alike.
  matrix_view<float> fisher = {};
  /// Rounds at most.
  int rounds = 100;
  /// Called with the rounds that are done, and the most that there can be.
  std::function<void(index, index)> progress = {};
};

/// W is about base + left right.
template <class Scheme>
struct decomposition {
  quantized_matrix<Scheme> base;
  low_rank term;
  std::vector<double> errors;  ///< ‖W - base - left right‖ (Frobenius) after each round; those kept have the least
};

/// In each round the term becomes nearest_of_rank of W - base, then the base W - term, quantized by Scheme and `fit`;
/// at first the base is 0. Ends when the error grows, or stays; the best pair is kept (LQ-LoRA's code keeps the last).
///
/// With a Fisher matrix F the error is ‖sqrt(F) (W - base - left right)‖, element by element, and the term is weighted
/// by sqrt(mean of F over the row), sqrt(mean over the column), each at least 1e-6 of the largest. *Errors*: as
/// nearest_of_rank and quantize_with; an F of other extents, or below 0. *Time*: eigenvectors of W Wᵀ in each round.
template <class Scheme, class M, class Fit = extremes>
[[nodiscard]] decomposition<Scheme> decompose(M const& weights, index rank, Fit const& fit = {},
                                              decompose_options const& options = {}) {
  matrix_view const w(weights);
  index const rows = w.rows();
  index const cols = w.cols();
  detail::check_finite("decompose", rows, cols, w);
  auto const& f = options.fisher;
  bool const weighted = f.rows() != 0 && f.cols() != 0;
  if (weighted && (f.rows() != rows || f.cols() != cols)) {
    detail::fail_extents("decompose", "the Fisher matrix has elements", product(f.rows(), f.cols()), "W has",
                         product(rows, cols), "Rows and columns must be equal.");
  }
  Eigen::MatrixXd exact(rows, cols);
  Eigen::MatrixXd root = Eigen::MatrixXd::Ones(rows, cols);
  for (index c = 0; c < cols; ++c) {
    for (index r = 0; r < rows; ++r) {
      exact(r, c) = static_cast<double>(w(r, c));
      if (weighted) { root(r, c) = std::sqrt(static_cast<double>(f(r, c))); }
    }
  }
  Eigen::VectorXd of_rows;
  Eigen::VectorXd of_cols;
  if (weighted) {
    if (!root.allFinite() || !(root.maxCoeff() > 0)) {
      detail::fail("decompose: the Fisher matrix must be finite, not negative, not all 0. It is a mean of squares.");
    }
    of_rows = root.array().square().rowwise().mean().sqrt();
    of_cols = root.array().square().colwise().mean().sqrt().transpose();
    of_rows = of_rows.cwiseMax(1e-6 * of_rows.maxCoeff());
    of_cols = of_cols.cwiseMax(1e-6 * of_cols.maxCoeff());
  }

  decomposition<Scheme> best;
  Eigen::MatrixXd base = Eigen::MatrixXd::Zero(rows, cols);
  double least = std::numeric_limits<double>::infinity();
  for (int round = 0; round < options.rounds; ++round) {
    low_rank term = nearest_of_rank(exact - base, rank, of_rows, of_cols);
    Eigen::MatrixXd const product = term.left_matrix().cast<double>() * term.right_matrix().cast<double>();
    Eigen::MatrixXf const rest = (exact - product).cast<float>();
    auto packed = quantize_with<Scheme>(rest, fit);
    auto const view = packed.view();
    for (index c = 0; c < cols; ++c) {
      for (index r = 0; r < rows; ++r) { base(r, c) = static_cast<double>(view(r, c)); }
    }
    double const error = (exact - product - base).cwiseProduct(root).norm();
    best.errors.push_back(error);
    if (options.progress) { options.progress(round + 1, options.rounds); }
    if (!(error < least)) { break; }
    least = error;
    best.base = std::move(packed);
    best.term = std::move(term);
  }
  return best;
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
