// SPDX-License-Identifier: MIT
// minifloat_search: exponent bits and clipping ranges of weights and activations, found together (Liu 2023, LLM-FP4).
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "octavo/calibration/gram.hpp"
#include "octavo/calibration/pre_shift.hpp"

namespace octavo {
inline namespace v0 {

namespace calibration {

struct minifloat_options {
  int points = 100;  ///< of the grid bias * gamma, gamma evenly from `from` to `to`
  double from = 0.01;
  double to = 1.2;
  int rounds = 3;
  bool shifts_channels = true;  ///< powers of two for each channel of the activations
  /// Called after each round with its number and the squared error of the output.
  std::function<void(int, double)> progress = {};
};

/// What minifloat_search found. Formats by their place in its list.
struct minifloat_choice {
  int weight_format = 0;
  int activation_format = 0;
  std::vector<float> row_scales;  ///< of symmetric<F>, F the format of the weights
  float activation_scale = 0;     ///< of activations times 2^shifts
  std::vector<int> shifts;        ///< one for each feature
  double error = 0;               ///< ‖W X - Ŵ X̂‖², Frobenius
};

}  // namespace calibration

namespace detail {

/// One layer, its formats in turn.
template <number_format... F>
class minifloat_layer {
 public:
  minifloat_layer(Eigen::MatrixXf w, Eigen::MatrixXf x, calibration::minifloat_options const& options)
      : options_(options), w_(std::move(w)), x_(std::move(x)), y_(w_.cast<double>() * x_.cast<double>()) {
    Eigen::VectorXf const most = x_.cwiseAbs().rowwise().maxCoeff();
    std::vector<float> const absmax(most.data(), most.data() + most.size());
    (begin<F>(absmax), ...);
    coded_w_ = w_.cast<double>();
    coded_x_ = x_.cast<double>();
    choice.error = std::numeric_limits<double>::infinity();
  }

  /// The format, and the bias of each row, with the least error of the output for the activations as they are coded.
  void improve_weights() {
    std::size_t format = 0;
    (try_weights<F>(format++), ...);
  }
  void improve_activations() {
    std::size_t format = 0;
    (try_activations<F>(format++), ...);
  }

  calibration::minifloat_choice choice;

 private:
  template <class G>
  void begin(std::vector<float> const& absmax) {
    auto p = calibration::pre_shift<G>(absmax);
    if (!options_.shifts_channels) { p.shifts.assign(absmax.size(), 0); }
    pre_.push_back(std::move(p));
  }
  /// Gamma i of the grid; -1 is the bias of absmax itself.
  [[nodiscard]] double factor(int i) const {
    if (i < 0 || options_.points < 2) { return 1; }
    return options_.from + (options_.to - options_.from) * i / (options_.points - 1);
  }

  template <class G>
  [[nodiscard]] static double coded(float x, typename symmetric<G>::params const& p) {
    return double{symmetric<G>::decode(symmetric<G>::encode(x, p), p)};
  }

  template <class G>
  void try_weights(std::size_t format) {
    Eigen::VectorXd least = Eigen::VectorXd::Constant(w_.rows(), std::numeric_limits<double>::infinity());
    Eigen::MatrixXd best = Eigen::MatrixXd::Zero(w_.rows(), w_.cols());
    std::vector<float> scales(static_cast<std::size_t>(w_.rows()), 0.0f);
    Eigen::MatrixXd now(w_.rows(), w_.cols());
    std::vector<typename symmetric<G>::params> params(scales.size());
    for (int i = -1; i < options_.points; ++i) {
      for (index r = 0; r < w_.rows(); ++r) {
        auto& p = params[static_cast<std::size_t>(r)];
        float const absmax = w_.row(r).cwiseAbs().maxCoeff();
        p = {};
        if (absmax > 0) { p = calibration::params_of_bias<G>(factor(i) * calibration::bias_of<G>(absmax)); }
        for (index c = 0; c < w_.cols(); ++c) { now(r, c) = coded<G>(w_(r, c), p); }
      }
      Eigen::VectorXd const errors = (now * coded_x_ - y_).rowwise().squaredNorm();
      for (index r = 0; r < w_.rows(); ++r) {
        if (!(errors[r] < least[r])) { continue; }
        least[r] = errors[r];
        best.row(r) = now.row(r);
        scales[static_cast<std::size_t>(r)] = params[static_cast<std::size_t>(r)].scale;
      }
    }
    if (least.sum() < choice.error) {
      choice.error = least.sum();
      choice.weight_format = static_cast<int>(format);
      choice.row_scales = scales;
      coded_w_ = best;
    }
  }

  template <class G>
  void try_activations(std::size_t format) {
    auto const& pre = pre_[format];
    auto const factors = pre.factors();
    Eigen::MatrixXd now(x_.rows(), x_.cols());
    for (int i = -1; i < options_.points; ++i) {
      auto const p = calibration::params_of_bias<G>(factor(i) * pre.rho);
      for (index c = 0; c < x_.cols(); ++c) {
        for (index f = 0; f < x_.rows(); ++f) {
          double const shift = double{factors[static_cast<std::size_t>(f)]};
          now(f, c) = coded<G>(x_(f, c) * static_cast<float>(shift), p) / shift;
        }
      }
      double const error = (coded_w_ * now - y_).squaredNorm();
      if (error < choice.error || choice.activation_scale == 0) {
        choice.error = error;
        choice.activation_format = static_cast<int>(format);
        choice.activation_scale = p.scale;
        choice.shifts = pre.shifts;
        coded_x_ = now;
      }
    }
  }

  calibration::minifloat_options const& options_;
  Eigen::MatrixXf w_;
  Eigen::MatrixXf x_;
  Eigen::MatrixXd y_;
  Eigen::MatrixXd coded_w_;
  Eigen::MatrixXd coded_x_;
  std::vector<calibration::pre_shifts> pre_;
};

}  // namespace detail

namespace calibration {

/// For a layer Y = W X: of the formats F (such as e3m0, e2m1, e1m2), one for the weights and one for the activations; a
/// real exponent bias for each row of W, which is a scale, one for the activations, and a power of two for each
/// feature. In turn: the weights' format and biases for the activations as they are coded, then the other way round,
/// each by trying the whole grid bias * gamma, and the bias of absmax itself; what lessens the error of the output is
/// kept, the earlier in a tie. So the error never grows, and the first round has what absmax gives among its
/// candidates.
///
/// What follows: codes of W by symmetric<F> with `row_scales`, then fold_shifts (pre_shift.hpp), for activations that
/// are multiplied by 2^shifts in the norm in front and coded with one scale. *Errors*: extents that differ, elements
/// that are not finite, activations all 0. *Time*: 2 rounds formats points products W X. Products are Eigen's.
template <number_format... F, class M, class X>
[[nodiscard]] minifloat_choice minifloat_search(M const& weights, X const& tokens,
                                                minifloat_options const& options = {}) {
  static_assert(sizeof...(F) > 0, "Octavo: minifloat_search needs formats, such as octavo::e2m1 and octavo::e3m0.");
  matrix_view const w(weights);
  auto const x = as_tokens(tokens);
  detail::check_finite("minifloat_search", w.rows(), w.cols(), w);
  detail::check_tokens("minifloat_search", x, w.cols());
  (void)detail::check_seen("minifloat_search", x.tokens());
  Eigen::MatrixXf dense_w(w.rows(), w.cols());
  Eigen::MatrixXf dense_x(x.features(), x.tokens());
  for (index c = 0; c < w.cols(); ++c) {
    for (index r = 0; r < w.rows(); ++r) { dense_w(r, c) = static_cast<float>(w(r, c)); }
  }
  for (index t = 0; t < x.tokens(); ++t) {
    for (index f = 0; f < x.features(); ++f) { dense_x(f, t) = static_cast<float>(x.token(t)[f]); }
  }
  detail::minifloat_layer<F...> layer(std::move(dense_w), std::move(dense_x), options);
  for (int round = 0; round < options.rounds; ++round) {
    layer.improve_weights();
    layer.improve_activations();
    if (options.progress) { options.progress(round + 1, layer.choice.error); }
  }
  return layer.choice;
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
