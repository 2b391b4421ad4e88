// SPDX-License-Identifier: MIT
// AWQ (Lin 2023): factors that make columns of strong features large, hence precise; its clip by the output's error.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "octavo/calibration/clip_search.hpp"
#include "octavo/calibration/gram.hpp"
#include "octavo/calibration/quantize_with.hpp"
#include "octavo/calibration/smooth.hpp"

namespace octavo {
inline namespace v0 {

namespace detail {

/// The output's error when W diag(s) is quantized and the input divided by s.
template <class Scheme, class Fit, class View>
[[nodiscard]] double scaled_error(View const& w, Eigen::Ref<Eigen::MatrixXd const> const& gram, Fit const& fit,
                                  std::span<float const> s) {
  auto const scaled = [&](index r, index c) { return w(r, c) * s[static_cast<std::size_t>(c)]; };
  group_quantizer<Scheme, Fit> const quantize_group(w.rows(), w.cols(), fit, scaled);
  auto const& layout = quantize_group.layout();
  std::vector<float> xs;
  std::vector<code> codes(static_cast<std::size_t>(smaller(layout.group(), w.cols())));
  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> lost(w.rows(), w.cols());
  for (index r = 0; r < w.rows(); ++r) {
    for (index g = 0; g < layout.groups(); ++g) {
      index const first = g * layout.group();
      xs.clear();
      for (index k = 0; k < layout.group_length(g); ++k) { xs.push_back(scaled(r, first + k)); }
      auto const p = quantize_group.encode(xs, r, g, codes.data());
      for (index k = 0; k < layout.group_length(g); ++k) {
        float const back = Scheme::quantizer::decode(codes[static_cast<std::size_t>(k)], p);
        lost(r, first + k) = w(r, first + k) - back / s[static_cast<std::size_t>(first + k)];
      }
    }
  }
  return output_error(w.rows(), w.cols(), gram, [&](index r, index c) { return static_cast<double>(lost(r, c)); });
}

}  // namespace detail

namespace calibration {

struct awq_options {
  /// Ratios are 0, 1 / candidates, ... (candidates - 1) / candidates.
  int candidates = 20;
  /// Called with the ratios that are done, and all.
  std::function<void(index, index)> progress = {};
};

/// s_j = max(m_j^ratio, 1e-4) / sqrt(max s * min s), m_j the mean |x| of feature j (inputs::mean_abs); computed in
/// double.
/// *Errors*: no values, NaN, infinity.
[[nodiscard]] inline std::vector<float> awq_factors(std::span<float const> mean_abs, double ratio) {
  detail::check_values("awq_factors", mean_abs);
  std::vector<double> raw;
  for (float const m : mean_abs) { raw.push_back(std::max(std::pow(double{m}, ratio), 1e-4)); }
  auto const [least, most] = std::minmax_element(raw.begin(), raw.end());
  double const middle = std::sqrt(*most * *least);
  std::vector<float> factors;
  for (double const s : raw) { factors.push_back(static_cast<float>(s / middle)); }
  return factors;
}

/// What awq_scales finds.
struct awq_search {
  std::vector<float> factors;
  double ratio;          ///< the exponent of the mean |x|
  double error;          ///< of the outputs, as output_error gives it, summed over the matrices
  double error_without;  ///< the same with all factors 1
};

/// The awq_factors s with the least error of the outputs of all matrices that read the features, when their columns are
/// multiplied by s, quantized by Scheme and `fit`, and the features are divided by s; the smaller ratio in a tie. Apply
/// them as those of smooth_factors, then quantize.
///
///     auto const found =
///         calibration::awq_scales<schemes::w4_g128>(seen.mean_abs(), g.mean(), extremes{}, {}, wq, wk, wv);
///
/// The error is that of the linear layers, by their Gram matrix, where AWQ's code runs the whole block. *Errors*:
/// extents that differ, elements not finite. *Time*: candidates rows cols². *Memory*: a float copy of a matrix.
template <class Scheme, class Fit, class... M>
[[nodiscard]] awq_search awq_scales(std::span<float const> mean_abs, Eigen::Ref<Eigen::MatrixXd const> const& gram,
                                    Fit const& fit, awq_options const& options, M const&... consumers) {
  static_assert(sizeof...(M) > 0, "Octavo: awq_scales needs the weights that read these features.");
  if (options.candidates < 1) {
    detail::fail_extents("awq_scales", "candidates are", options.candidates, "but must be at least", 1,
                         "AWQ tries 20.");
  }
  detail::check_values("awq_scales", mean_abs);
  detail::check_gram("awq_scales", gram, static_cast<index>(mean_abs.size()));
  auto const check = [&](auto const& w) {
    detail::check_columns("awq_scales", "features are", mean_abs.size(), w.cols());
    detail::check_finite("awq_scales", w.rows(), w.cols(), w);
  };
  (check(matrix_view(consumers)), ...);

  awq_search best{};
  for (int i = 0; i < options.candidates; ++i) {
    double const ratio = static_cast<double>(i) / options.candidates;
    auto const factors = awq_factors(mean_abs, ratio);
    double error = 0;
    ((error += detail::scaled_error<Scheme>(matrix_view(consumers), gram, fit, factors)), ...);
    if (i == 0) { best.error_without = error; }
    if (i == 0 || error < best.error) {
      best.factors = factors;
      best.ratio = ratio;
      best.error = error;
    }
    if (options.progress) { options.progress(i + 1, options.candidates); }
  }
  return best;
}

/// AWQ's clip, a fit: weights of a group are cut to [-c, c], c = (1 - i / grid) absmax, i = 0 ... candidates - 1; the
/// least error e G eᵀ of the group's part of the output wins, the wider range in a tie. Refers to the Gram matrix
/// (gram::mean; after factors, divide_features of it). For groups within a row.
class output_clip {
 public:
  explicit output_clip(Eigen::MatrixXd const& gram, int candidates = 10, int grid = 20)
      : gram_(gram.data()), features_(gram.cols()), candidates_(candidates), grid_(grid) {
    detail::check_gram("output_clip", gram, gram.cols());
    if (candidates < 1 || candidates > grid) {
      detail::fail_extents("output_clip", "candidates are", candidates, "the grid has", grid,
                           "Try at least one, and no more than the grid has.");
    }
  }
  explicit output_clip(Eigen::MatrixXd&&, int = 10, int = 20) = delete;  // it would be gone

  template <quantizer Q>
  [[nodiscard]] typename Q::params fit(std::span<float const> xs, index column) const {
    auto const n = static_cast<index>(xs.size());
    if (column + n > features_) {
      detail::fail_extents("output_clip", "the group ends at column", column + n, "the Gram matrix has features",
                           features_, "A per_tensor group spans rows: use clip_search there.");
    }
    range const whole = range_of(xs);
    double const most = std::max(-double{whole.low}, double{whole.high});
    auto const candidate = [&](int i) {
      auto const c = static_cast<float>((1 - static_cast<double>(i) / grid_) * most);
      return params_of<Q>({std::max(whole.low, -c), std::min(whole.high, c)});
    };
    Eigen::Map<Eigen::MatrixXd const> const all(gram_, features_, features_);
    Eigen::VectorXd e(n);
    return candidate(detail::least_error(candidates_, 0, [&](int i) {
      auto const p = candidate(i);
      for (index k = 0; k < n; ++k) {
        float const x = xs[static_cast<std::size_t>(k)];
        e[k] = double{detail::round_trip<Q>(x, p)} - double{x};
      }
      return e.dot(all.block(column, column, n, n) * e);
    }));
  }

 private:
  double const* gram_;
  index features_;
  int candidates_;
  int grid_;
};

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
