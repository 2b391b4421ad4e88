// SPDX-License-Identifier: MIT
// Low-rank terms beside a packed matrix: LoRC's, of what quantizing lost (Yao 2023, ZeroQuant-V2).
#pragma once

#include <Eigen/Eigenvalues>
#include <cmath>
#include <cstddef>
#include <vector>

#include "octavo/calibration/fit.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// left right, with left rows x rank and right rank x cols, both column-major floats: y = W x + left (right x).
struct low_rank {
  index rows = 0;
  index cols = 0;
  index rank = 0;
  std::vector<float> left;
  std::vector<float> right;

  [[nodiscard]] Eigen::Map<Eigen::MatrixXf const> left_matrix() const { return {left.data(), rows, rank}; }
  [[nodiscard]] Eigen::Map<Eigen::MatrixXf const> right_matrix() const { return {right.data(), rank, cols}; }
};

/// The nearest matrix of this rank (Eckart-Young): with E = U Σ Vᵀ the first `rank` columns of U sqrt(Σ), rows of
/// sqrt(Σ) Vᵀ, in double, then float. U or V are eigenvectors of E Eᵀ or Eᵀ E, the smaller (Eigen's
/// SelfAdjointEigenSolver; singular values below 1e-8 of the largest are noise). The largest entry of each column of U
/// is positive.
/// Rows and columns may have weights r, c (LQ-LoRA's Fisher weighting): then of all pairs the one with the least
/// ‖diag(r) (E - left right) diag(c)‖.
/// *Errors*: a rank below 0 or above both extents, weights of other extents or not above 0, E not finite.
[[nodiscard]] inline low_rank nearest_of_rank(Eigen::MatrixXd const& e, index rank, Eigen::VectorXd const& r = {},
                                              Eigen::VectorXd const& c = {}) {
  index const most = smaller(e.rows(), e.cols());
  if (rank < 0 || rank > most) {
    detail::fail_extents("nearest_of_rank", "the rank is", rank, "the smaller extent", most, "Take a smaller rank.");
  }
  if (!e.allFinite()) { detail::fail("nearest_of_rank: an element is not finite. Look for an overflow."); }
  auto const check = [](char const* what, Eigen::VectorXd const& w, index n) {
    if (w.size() != 0 && w.size() != n) {
      detail::fail_extents("nearest_of_rank", what, w.size(), "the matrix has", n, "There is one for each.");
    }
    if (!(w.array() > 0).all()) { detail::fail("nearest_of_rank: weights must be above 0. Add a small number."); }
  };
  check("weights of rows are", r, e.rows());
  check("weights of columns are", c, e.cols());

  Eigen::MatrixXd scaled = e;
  if (r.size() != 0) { scaled = r.asDiagonal() * scaled; }
  if (c.size() != 0) { scaled = scaled * c.asDiagonal(); }
  low_rank result{e.rows(), e.cols(), rank, {}, {}};
  result.left.resize(static_cast<std::size_t>(e.rows() * rank));
  result.right.resize(static_cast<std::size_t>(rank * e.cols()));
  if (rank == 0) { return result; }
  bool const wide = e.rows() <= e.cols();
  Eigen::MatrixXd square(most, most);
  square.setZero();
  square.selfadjointView<Eigen::Lower>().rankUpdate(wide ? scaled : Eigen::MatrixXd(scaled.transpose()));
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> const solver(square);
  for (index k = 0; k < rank; ++k) {
    Eigen::VectorXd const unit = solver.eigenvectors().col(most - 1 - k);  // eigenvalues ascend
    Eigen::VectorXd u = wide ? unit : scaled * unit;
    Eigen::VectorXd v = wide ? scaled.transpose() * unit : unit;
    double const sigma = wide ? v.norm() : u.norm();
    index largest = 0;
    u.cwiseAbs().maxCoeff(&largest);
    double const root = sigma > 0 ? std::copysign(std::sqrt(sigma), u[largest]) : 0;
    double const rest = sigma > 0 ? root / sigma : 0;
    u *= wide ? root : rest;
    v *= wide ? rest : root;
    if (r.size() != 0) { u.array() /= r.array(); }
    if (c.size() != 0) { v.array() /= c.array(); }
    Eigen::Map<Eigen::MatrixXf>(result.left.data(), e.rows(), rank).col(k) = u.cast<float>();
    Eigen::Map<Eigen::MatrixXf>(result.right.data(), rank, e.cols()).row(k) = v.cast<float>().transpose();
  }
  return result;
}

/// LoRC: nearest_of_rank of W - q. `q` has q(r, c), such as a view of a packed matrix. ZeroQuant-V2 has rank 8.
/// *Errors*: extents that differ, elements not finite, a rank too large.
template <class M, class Q>
[[nodiscard]] low_rank lost_of_rank(M const& weights, Q const& q, index rank) {
  matrix_view const w(weights);
  if (q.rows() != w.rows() || q.cols() != w.cols()) {
    detail::fail_extents("lost_of_rank", "W has elements", product(w.rows(), w.cols()), "its replacement has",
                         product(q.rows(), q.cols()), "Rows and columns must be equal.");
  }
  Eigen::MatrixXd lost(w.rows(), w.cols());
  for (index c = 0; c < w.cols(); ++c) {
    for (index r = 0; r < w.rows(); ++r) { lost(r, c) = static_cast<double>(w(r, c)) - static_cast<double>(q(r, c)); }
  }
  return nearest_of_rank(lost, rank);
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
