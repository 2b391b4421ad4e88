// SPDX-License-Identifier: MIT
// fit_additive<M, B>: codebooks, codes and scales that descend to the layer's output in turn (AQLM).
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "octavo/calibration/gram.hpp"
#include "octavo/storage/additive_matrix.hpp"

namespace octavo {
inline namespace v0 {

namespace calibration {

struct additive_options {
  /// Iterations of k-means for the first codebooks.
  int clustering = 25;
  /// Rounds at most; they end when one improves the loss by less than `tolerance` of it.
  int rounds = 20;
  double tolerance = 0.01;
  /// Steps of conjugate gradients for the codebooks in a round.
  int descent = 8;
  /// Called after each round with its number and the loss, the mean over tokens of ‖(W - Ŵ) x‖².
  std::function<void(int, double)> progress = {};
};

}  // namespace calibration

namespace detail {

/// The nearest of k centres, and then better centres (Lloyd); vectors are rows. The first centres are vectors at even
/// distances in the order of their norms. Ties: the first. A centre without vectors stays.
[[nodiscard]] inline Eigen::MatrixXd cluster(Eigen::MatrixXd const& vectors, index k, int iterations,
                                             std::vector<index>& nearest) {
  index const n = vectors.rows();
  std::vector<index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), index{0});
  Eigen::VectorXd const norms = vectors.rowwise().squaredNorm();
  std::stable_sort(order.begin(), order.end(), [&](index a, index b) { return norms[a] < norms[b]; });
  Eigen::MatrixXd centres(k, vectors.cols());
  for (index i = 0; i < k; ++i) { centres.row(i) = vectors.row(order[static_cast<std::size_t>(i * n / k)]); }
  nearest.assign(static_cast<std::size_t>(n), 0);
  for (int round = 0;; ++round) {
    Eigen::VectorXd const half = 0.5 * centres.rowwise().squaredNorm();
    bool moved = round == 0;
    for (index i = 0; i < n; ++i) {
      index best = 0;
      (half - centres * vectors.row(i).transpose()).minCoeff(&best);
      moved = moved || nearest[static_cast<std::size_t>(i)] != best;
      nearest[static_cast<std::size_t>(i)] = best;
    }
    if (!moved || round == iterations) { return centres; }
    Eigen::MatrixXd sums = Eigen::MatrixXd::Zero(k, vectors.cols());
    Eigen::VectorXd counts = Eigen::VectorXd::Zero(k);
    for (index i = 0; i < n; ++i) {
      sums.row(nearest[static_cast<std::size_t>(i)]) += vectors.row(i);
      counts[nearest[static_cast<std::size_t>(i)]] += 1;
    }
    for (index i = 0; i < k; ++i) {
      if (counts[i] > 0) { centres.row(i) = sums.row(i) / counts[i]; }
    }
  }
}

/// An additive matrix on its way, in double.
template <int M, int B, int G>
class additive_fit {
  static constexpr index vectors = index{1} << B;
  using books_type = std::vector<Eigen::MatrixXd>;  // M of vectors x G

 public:
  additive_fit(Eigen::MatrixXd w, Eigen::MatrixXd gram, int clustering)
      : w_(std::move(w)), gram_(std::move(gram)), groups_(w_.cols() / G) {
    scales_ = (w_.rowwise().norm() / std::sqrt(static_cast<double>(larger(w_.cols(), 1)))).array() + 1e-9;
    codes_.assign(static_cast<std::size_t>(w_.rows() * groups_ * M), 0);
    Eigen::MatrixXd rest(w_.rows() * groups_, G);
    for (index r = 0; r < w_.rows(); ++r) {
      for (index i = 0; i < groups_; ++i) { rest.row(r * groups_ + i) = w_.row(r).segment(i * G, G) / scales_[r]; }
    }
    for (index m = 0; m < M; ++m) {
      std::vector<index> nearest;
      books_.push_back(cluster(rest, vectors, clustering, nearest));
      for (index v = 0; v < rest.rows(); ++v) {
        codes_[static_cast<std::size_t>(v * M + m)] = nearest[static_cast<std::size_t>(v)];
        rest.row(v) -= books_.back().row(nearest[static_cast<std::size_t>(v)]);
      }
    }
    update();
  }

  [[nodiscard]] double loss() const { return pulled_.cwiseProduct(difference_).sum(); }

  /// Conjugate gradients on ‖(W - Ŵ) x‖², which is quadratic in the codebooks.
  void improve_codebooks(int steps) {
    books_type descent = gather(pulled_);
    books_type direction = descent;
    double size = dot(descent, descent);
    for (int i = 0; i < steps && size > 0; ++i) {
      Eigen::MatrixXd const along = decode(direction);
      Eigen::MatrixXd const pull = along * gram_;
      double const curvature = pull.cwiseProduct(along).sum();
      if (!(curvature > 0)) { break; }
      double const step = size / curvature;
      books_type const turn = gather(pull);
      for (std::size_t m = 0; m < static_cast<std::size_t>(M); ++m) {
        books_[m] += step * direction[m];
        descent[m] -= step * turn[m];
      }
      double const next = dot(descent, descent);
      for (std::size_t m = 0; m < static_cast<std::size_t>(M); ++m) {
        direction[m] = descent[m] + next / size * direction[m];
      }
      size = next;
    }
    update();
  }

  /// The best scale of each row.
  void improve_scales() {
    Eigen::MatrixXd const unscaled = scales_.cwiseInverse().asDiagonal() * decode(books_);
    Eigen::MatrixXd const pull = unscaled * gram_;
    for (index r = 0; r < w_.rows(); ++r) {
      double const size = pull.row(r).dot(unscaled.row(r));
      if (size > 0) { scales_[r] = pull.row(r).dot(w_.row(r)) / size; }
    }
    update();
  }

  /// One code after the other becomes the best one given all others of its row; it stays among equals.
  void improve_codes() {
    for (index i = 0; i < groups_; ++i) {
      auto const block = gram_.block(i * G, i * G, G, G);
      for (index m = 0; m < M; ++m) {
        auto const& book = books_[static_cast<std::size_t>(m)];
        Eigen::VectorXd const size = (book * block).cwiseProduct(book).rowwise().sum();
        for (index r = 0; r < w_.rows(); ++r) {
          index& code = codes_[static_cast<std::size_t>((r * groups_ + i) * M + m)];
          double const s = scales_[r];
          // Less what does not depend on the vector v: s² v H vᵀ - 2 s v · (pull + s old H).
          Eigen::RowVectorXd const pull = pulled_.row(r).segment(i * G, G) + s * book.row(code) * block;
          Eigen::VectorXd const losses = s * s * size - 2 * s * (book * pull.transpose());
          index best = 0;
          losses.minCoeff(&best);
          if (!(losses[best] < losses[code])) { continue; }
          Eigen::RowVectorXd const change = s * (book.row(best) - book.row(code));
          difference_.row(r).segment(i * G, G) -= change;
          pulled_.row(r) -= change * gram_.middleRows(i * G, G);
          code = best;
        }
      }
    }
    update();
  }

  [[nodiscard]] additive_matrix<M, B, G> result() const {
    using W = additive_matrix<M, B, G>;
    std::vector<typename W::code_type> codes;
    for (index const c : codes_) { codes.push_back(static_cast<typename W::code_type>(c)); }
    std::vector<f16> books;
    for (auto const& book : books_) {
      for (index v = 0; v < vectors; ++v) {
        for (index j = 0; j < G; ++j) { books.emplace_back(static_cast<float>(book(v, j))); }
      }
    }
    std::vector<float> scales;
    for (index r = 0; r < w_.rows(); ++r) { scales.push_back(static_cast<float>(scales_[r])); }
    return W(w_.rows(), w_.cols(), codes, books, scales);
  }

 private:
  [[nodiscard]] static double dot(books_type const& a, books_type const& b) {
    double sum = 0;
    for (std::size_t m = 0; m < static_cast<std::size_t>(M); ++m) { sum += a[m].cwiseProduct(b[m]).sum(); }
    return sum;
  }
  /// The weights that codebooks stand for.
  [[nodiscard]] Eigen::MatrixXd decode(books_type const& books) const {
    Eigen::MatrixXd w = Eigen::MatrixXd::Zero(w_.rows(), w_.cols());
    each_code([&](index r, index i, index m, index code) {
      w.row(r).segment(i * G, G) += scales_[r] * books[static_cast<std::size_t>(m)].row(code);
    });
    return w;
  }
  /// The transpose of decode: what a gradient by weights is by codebooks.
  [[nodiscard]] books_type gather(Eigen::MatrixXd const& by_weight) const {
    books_type sums(static_cast<std::size_t>(M), Eigen::MatrixXd::Zero(vectors, G));
    each_code([&](index r, index i, index m, index code) {
      sums[static_cast<std::size_t>(m)].row(code) += scales_[r] * by_weight.row(r).segment(i * G, G);
    });
    return sums;
  }
  template <class F>
  void each_code(F const& f) const {
    for (index r = 0; r < w_.rows(); ++r) {
      for (index i = 0; i < groups_; ++i) {
        for (index m = 0; m < M; ++m) { f(r, i, m, codes_[static_cast<std::size_t>((r * groups_ + i) * M + m)]); }
      }
    }
  }
  void update() {
    difference_ = w_ - decode(books_);
    pulled_ = difference_ * gram_;
  }

  Eigen::MatrixXd w_;
  Eigen::MatrixXd gram_;
  index groups_;
  Eigen::VectorXd scales_;
  std::vector<index> codes_;  // [row][group][codebook]
  books_type books_;
  Eigen::MatrixXd difference_;  // W - Ŵ
  Eigen::MatrixXd pulled_;      // (W - Ŵ) gram
};

}  // namespace detail

namespace calibration {

/// W as an additive matrix whose output is near that of W: `gram` is the mean of X Xᵀ (calibration::gram). Codebooks
/// begin as centres of what is left of the groups of all rows (residual k-means); then rounds of least squares for the
/// codebooks, for the scales, and of codes one at a time, each of which can only lower the loss (Egiazarian et al.
/// 2024, AQLM, section 3; alternation as in Malinovskii et al. 2024, PV-Tuning). Codebooks are rounded to f16 at the
/// end.
///
/// Deterministic. *Errors*: columns that are no multiple of G, fewer groups than vectors, extents that differ, elements
/// not finite. *Time* of a round: rows cols (descent cols + M 2^B). *Memory*: six times W in double, and 2^B G M
/// doubles.
template <int M, int B, int G = 8, class W>
[[nodiscard]] additive_matrix<M, B, G> fit_additive(W const& weights, Eigen::MatrixXd const& gram,
                                                    additive_options const& options = {}) {
  matrix_view const w(weights);
  detail::check_gram("fit_additive", gram, w.cols());
  detail::check_finite("fit_additive", w.rows(), w.cols(), w);
  if (w.cols() % G != 0) {
    detail::fail_extents("fit_additive", "columns are", w.cols(), "weights of a code", G,
                         "Columns must be a multiple of it.");
  }
  if (w.rows() * (w.cols() / G) < index{1} << B) {
    detail::fail_extents("fit_additive", "groups of W are", w.rows() * (w.cols() / G), "vectors of a codebook",
                         index{1} << B, "Take fewer bits: a vector for each group is no saving.");
  }
  detail::additive_fit<M, B, G> fit(detail::in_double(w), gram, options.clustering);
  double last = std::numeric_limits<double>::infinity();
  for (int round = 0; round < options.rounds; ++round) {
    fit.improve_codebooks(options.descent);
    fit.improve_scales();
    fit.improve_codes();
    double const loss = fit.loss();
    if (options.progress) { options.progress(round + 1, loss); }
    if (!(loss < (1 - options.tolerance) * last)) { break; }
    last = loss;
  }
  return fit.result();
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
