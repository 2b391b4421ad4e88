// SPDX-License-Identifier: MIT
// gram: the matrix X Xᵀ of the activations that a layer sees, and the error of the layer's output, which it gives.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <span>
#include <vector>

#include "octavo/calibration/inputs.hpp"

namespace octavo {
inline namespace v0 {

namespace detail {

/// Fails unless `gram` is square, of `cols` features, and finite.
inline void check_gram(char const* where, Eigen::Ref<Eigen::MatrixXd const> const& gram, index cols) {
  if (gram.rows() != cols || gram.cols() != cols) {
    fail_extents(where, "the Gram matrix has features", gram.rows() != cols ? gram.rows() : gram.cols(),
                 "W has columns", cols, "It is square, X Xᵀ of the inputs of W.");
  }
  if (!gram.allFinite()) {
    fail_extents(where, "not finite is the Gram matrix of features", cols, "for columns", cols,
                 "Look for an overflow in the activations.");
  }
}

/// A matrix view in double.
template <class T>
[[nodiscard]] inline Eigen::MatrixXd in_double(matrix_view<T> const& w) {
  Eigen::MatrixXd result(w.rows(), w.cols());
  for (index c = 0; c < w.cols(); ++c) {
    for (index r = 0; r < w.rows(); ++r) { result(r, c) = static_cast<double>(w(r, c)); }
  }
  return result;
}

/// Σ over rows d of difference(r, c) of d G dᵀ, by 64 rows at a time.
template <class Difference>
[[nodiscard]] double output_error(index rows, index cols, Eigen::Ref<Eigen::MatrixXd const> const& gram,
                                  Difference const& difference) {
  double sum = 0;
  Eigen::MatrixXd d;
  for (index first = 0; first < rows; first += 64) {
    d.resize(smaller(64, rows - first), cols);
    for (index c = 0; c < cols; ++c) {
      for (index r = 0; r < d.rows(); ++r) { d(r, c) = difference(first + r, c); }
    }
    sum += (d * gram).cwiseProduct(d).sum();
  }
  return sum;
}

}  // namespace detail

namespace calibration {

/// X Xᵀ, features x features, in double, over tokens that arrive in batches. It does not depend on how they are split:
/// they enter by 128 at a time (Eigen's rankUpdate). *Memory*: features (features + 128) doubles.
class gram {
 public:
  explicit gram(index features)
      : sums_(detail::check_features("gram", features) * static_cast<std::size_t>(features)),
        waiting_(static_cast<std::size_t>(features * leaf)),
        features_(features) {}

  /// Tokens are columns; any operand of matmul. *Errors*: another number of features, an element that is not finite.
  template <class X>
  void add(X const& tokens) {
    auto const x = as_tokens(tokens);
    detail::check_tokens("gram", x, features_);
    for (index t = 0; t < x.tokens(); ++t) {
      double* const to = waiting_.data() + tokens_ % leaf * features_;
      for (index f = 0; f < features_; ++f) { to[f] = static_cast<double>(static_cast<float>(x.token(t)[f])); }
      if (++tokens_ % leaf == 0) { enter(map(sums_.data(), features_), leaf); }
    }
  }

  [[nodiscard]] index features() const noexcept { return features_; }
  [[nodiscard]] index tokens() const noexcept { return tokens_; }

  /// X Xᵀ / tokens. *Errors*: no tokens.
  [[nodiscard]] Eigen::MatrixXd mean() const {
    double const n = detail::check_seen("gram", tokens_);
    Eigen::MatrixXd result = Eigen::Map<Eigen::MatrixXd const>(sums_.data(), features_, features_);
    enter(result, tokens_ % leaf);
    result.triangularView<Eigen::StrictlyUpper>() = result.transpose();
    return result / n;
  }

 private:
  static constexpr index leaf = 128;

  static Eigen::Map<Eigen::MatrixXd> map(double* data, index n) { return {data, n, n}; }
  template <class Sums>
  void enter(Sums&& sums, index tokens) const {
    if (tokens == 0) { return; }  // by which Eigen 3.4 divides
    sums.template selfadjointView<Eigen::Lower>().rankUpdate(
        Eigen::Map<Eigen::MatrixXd const>(waiting_.data(), features_, tokens));
  }

  std::vector<double> sums_;     // the lower triangle counts
  std::vector<double> waiting_;  // features x leaf
  index features_;
  index tokens_ = 0;
};

/// What replacing W by `q` does to the output: the mean over tokens of ‖(W - q) x‖², summed over rows, from
/// gram::mean(). `q` is anything with q(r, c), such as a view of a packed matrix. *Errors*: extents that differ.
template <class M, class Q>
[[nodiscard]] double output_error(M const& weights, Q const& q, Eigen::Ref<Eigen::MatrixXd const> const& gram) {
  matrix_view const w(weights);
  detail::check_gram("output_error", gram, w.cols());
  if (q.rows() != w.rows() || q.cols() != w.cols()) {
    detail::fail_extents("output_error", "W has elements", product(w.rows(), w.cols()), "its replacement has",
                         product(q.rows(), q.cols()), "Rows and columns must be equal.");
  }
  return detail::output_error(w.rows(), w.cols(), gram, [&](index r, index c) {
    return static_cast<double>(w(r, c)) - static_cast<double>(q(r, c));
  });
}

/// The Gram matrix of features that are divided by factors, as smooth_factors and awq_scales choose them: G_ij / (s_i
/// s_j).
[[nodiscard]] inline Eigen::MatrixXd divide_features(Eigen::Ref<Eigen::MatrixXd const> const& gram,
                                                     std::span<float const> factors) {
  detail::check_gram("divide_features", gram, static_cast<index>(factors.size()));
  Eigen::VectorXd const inverse =
      Eigen::Map<Eigen::VectorXf const>(factors.data(), gram.cols()).cast<double>().cwiseInverse();
  return inverse.asDiagonal() * gram * inverse.asDiagonal();
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
