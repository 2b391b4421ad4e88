// SPDX-License-Identifier: MIT
// reconstruct<Scheme>: weights and ranges that descend to the layer's output, codes in the loop (AdaQuant).
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "octavo/calibration/clip_search.hpp"
#include "octavo/calibration/gram.hpp"
#include "octavo/calibration/quantize_with.hpp"
#include "octavo/format/table.hpp"
#include "octavo/storage/pack_codes.hpp"

namespace octavo {
inline namespace v0 {

namespace calibration {

struct reconstruct_options {
  int iterations = 1000;
  /// Rate of the weights, in steps between codes. AdaQuant's 1e-5 is this for steps of 0.01.
  double weight_rate = 1e-3;
  /// Rate of the factor by which the range of each group is stretched.
  double range_rate = 1e-3;
  /// Ranges at the start.
  clip_search start = omse;
  /// Called with the rows that are done, and all rows.
  std::function<void(index, index)> progress = {};
};

}  // namespace calibration

namespace detail {

/// Adam (Kingma 2015: 0.9, 0.999, 1e-8) for an array of numbers that descend together.
class adam {
 public:
  adam(index rows, index cols)
      : first_(Eigen::ArrayXXd::Zero(rows, cols)), second_(Eigen::ArrayXXd::Zero(rows, cols)) {}

  /// What to subtract, but for the rate.
  [[nodiscard]] Eigen::ArrayXXd step(Eigen::ArrayXXd const& gradient) {
    kept_first_ *= 0.9;
    kept_second_ *= 0.999;
    first_ = 0.9 * first_ + 0.1 * gradient;
    second_ = 0.999 * second_ + 0.001 * gradient.square();
    return first_ / (1 - kept_first_) / ((second_ / (1 - kept_second_)).sqrt() + 1e-8);
  }

 private:
  Eigen::ArrayXXd first_;
  Eigen::ArrayXXd second_;
  double kept_first_ = 1;
  double kept_second_ = 1;
};

template <class Q>
struct group_law_of {
  using type = Q;
};
template <class Q>
  requires has_quantized_scales<Q>
struct group_law_of<Q> {
  using type = typename Q::group_law;
};

/// Rows that share a range or what scales are quantized with, so that the best of them is that of all together; 0: all
/// rows do.
template <class Scheme>
inline constexpr index rows_together = [] {
  if constexpr (is_per_tensor<typename Scheme::granularity>) {
    return index{0};
  } else if constexpr (has_quantized_scales<typename Scheme::quantizer>) {
    constexpr bool all = is_per_tensor<typename Scheme::quantizer::scale_granularity>;
    return all ? index{0} : index{panel_layout<Scheme>::sharing_rows};
  } else {
    return index{1};
  }
}();

/// Some rows of a layer on their way. What descends are the latent weights and a factor for the range of each group.
template <class Scheme>
class reconstruction {
 public:
  using quantizer = typename Scheme::quantizer;
  using format = typename quantizer::format;
  using params = typename quantizer::params;
  /// What a group has by itself: where scales are quantized, the quantizer with float scales.
  using law = typename group_law_of<quantizer>::type;
  static constexpr bool one_range = is_per_tensor<typename Scheme::granularity>;

  /// Starts from the weights `w` and the ranges that `start` finds.
  reconstruction(Eigen::MatrixXd w, calibration::clip_search const& start)
      : layout_{w.rows(), w.cols()},
        latent_(std::move(w)),
        factors_(Eigen::ArrayXXd::Ones(one_range ? 1 : layout_.rows, layout_.groups())),
        decoded_(layout_.rows, layout_.cols),
        steps_(layout_.rows, layout_.cols),
        inside_(layout_.rows, layout_.cols) {
    std::vector<float> xs;
    for (index r = 0; r < layout_.rows; ++r) {
      for (index g = 0; g < layout_.groups(); ++g) {
        if (!one_range) { xs.clear(); }
        for (index k = 0; k < layout_.group_length(g); ++k) { xs.push_back(weight(r, g * layout_.group() + k)); }
        if (!one_range || r + 1 == layout_.rows) { ranges_.push_back(start.best<law>(xs)); }
      }
    }
    code_all();
  }

  [[nodiscard]] Eigen::MatrixXd const& decoded() const noexcept { return decoded_; }
  /// Factors of ranges have so many rows.
  [[nodiscard]] index factor_rows() const noexcept { return factors_.rows(); }
  [[nodiscard]] params const& params_at(index r, index g) const { return params_[at(r, g)]; }
  [[nodiscard]] code code_at(index r, index c) const {
    return quantizer::encode(weight(r, c), params_at(r, c / layout_.group()));
  }

  /// Given d = dL / d decoded. Straight through where a weight rounds to a value within the extremes, 0 beyond them.
  [[nodiscard]] Eigen::ArrayXXd latent_gradient(Eigen::MatrixXd const& d) const { return d.array() * inside_; }
  /// dL / d factor: Σ over the group of d times (decoded - latent) within the extremes, times decoded beyond them, over
  /// the factor (Esser 2020, LSQ).
  [[nodiscard]] Eigen::ArrayXXd factor_gradient(Eigen::MatrixXd const& d) const {
    Eigen::ArrayXXd const terms = d.array() * (decoded_.array() - latent_.array() * inside_);
    Eigen::ArrayXXd result(factors_.rows(), factors_.cols());
    if constexpr (one_range) {
      result(0, 0) = terms.sum();
      return result / factors_;
    }
    for (index g = 0; g < layout_.groups(); ++g) {
      result.col(g) = terms.middleCols(g * layout_.group(), layout_.group_length(g)).rowwise().sum();
    }
    return result / factors_;
  }
  /// Subtracts, the weights' part in units of their steps, and codes anew.
  void move(Eigen::ArrayXXd const& of_latent, Eigen::ArrayXXd const& of_factors) {
    latent_.array() -= of_latent * steps_;
    factors_ = (factors_ - of_factors).max(1e-3);
    code_all();
  }

 private:
  [[nodiscard]] float weight(index r, index c) const { return static_cast<float>(latent_(r, c)); }
  /// Where a group has its range and its params.
  [[nodiscard]] std::size_t at(index r, index g) const noexcept {
    return one_range ? 0 : static_cast<std::size_t>(r * layout_.groups() + g);
  }

  [[nodiscard]] typename law::params law_at(index r, index g) const {
    auto const whole = ranges_[at(r, g)];
    return calibration::params_of<law>({static_cast<float>(factors_(r, g) * double{whole.low}),
                                        static_cast<float>(factors_(r, g) * double{whole.high})});
  }
  void settle_all() {
    params_.clear();
    std::vector<float> scales, drops;
    for (index r = 0; r < factors_.rows(); ++r) {
      for (index g = 0; g < layout_.groups(); ++g) {
        if constexpr (has_quantized_scales<quantizer>) {
          auto const ends = quantizer::ends_of(law_at(r, g));
          scales.push_back(ends.scale);
          drops.push_back(ends.drop);
        } else {
          params_.push_back(law_at(r, g));
        }
      }
    }
    if constexpr (has_quantized_scales<quantizer>) { params_ = settle_groups<Scheme>(layout_, scales, drops); }
  }

  void code_all() {
    settle_all();
    constexpr float beyond = 0x1p60f;  // every value, and still no product with an inverse overflows
    for (index r = 0; r < layout_.rows; ++r) {
      for (index g = 0; g < layout_.groups(); ++g) {
        params const& p = params_at(r, g);
        code const least = quantizer::encode(-beyond, p);
        code const most = quantizer::encode(beyond, p);
        double const low = double{quantizer::decode(least, p)};
        double const high = double{quantizer::decode(most, p)};
        double intervals = code_count<format> - 1;
        if constexpr (lattice<format>.exact) {
          intervals = double{format::decode(most) - format::decode(least)} / double{lattice<format>.step};
        }
        double const step = (high - low) / intervals;
        for (index c = g * layout_.group(); c < g * layout_.group() + layout_.group_length(g); ++c) {
          decoded_(r, c) = double{round_trip<quantizer>(weight(r, c), p)};
          steps_(r, c) = step;
          inside_(r, c) = latent_(r, c) >= low - step / 2 && latent_(r, c) <= high + step / 2 ? 1 : 0;
        }
      }
    }
  }

  panel_layout<Scheme> layout_;
  Eigen::MatrixXd latent_;
  std::vector<calibration::range> ranges_;
  std::vector<params> params_;
  Eigen::ArrayXXd factors_;
  Eigen::MatrixXd decoded_;
  Eigen::ArrayXXd steps_;
  Eigen::ArrayXXd inside_;
};

/// Codes and params of some rows, each as it was when the loss of those that share with it was least.
template <class Scheme>
struct reconstructed_rows {
  std::vector<std::vector<code>> codes;
  std::vector<std::vector<typename Scheme::quantizer::params>> params;

  /// L of a row is ⟨q G - 2 h, q⟩, and what the target alone adds.
  void solve(Eigen::MatrixXd w, Eigen::MatrixXd const& gram, Eigen::MatrixXd const& h,
             calibration::reconstruct_options const& options) {
    panel_layout<Scheme> const layout{w.rows(), w.cols()};
    codes.assign(static_cast<std::size_t>(w.rows()), std::vector<code>(static_cast<std::size_t>(w.cols())));
    params.assign(codes.size(),
                  std::vector<typename Scheme::quantizer::params>(static_cast<std::size_t>(layout.groups())));
    index const together = rows_together<Scheme> == 0 ? layout.rows : rows_together<Scheme>;
    std::vector<double> least(codes.size(), std::numeric_limits<double>::infinity());  // of the first of each
    adam latent(w.rows(), w.cols());
    reconstruction<Scheme> now(std::move(w), options.start);
    adam factors(now.factor_rows(), layout.groups());
    for (int i = 0;; ++i) {
      Eigen::MatrixXd const product = now.decoded() * gram;
      Eigen::VectorXd const loss = (product - 2 * h).cwiseProduct(now.decoded()).rowwise().sum();
      for (index first = 0; first < layout.rows; first += together) {
        index const count = smaller(together, layout.rows - first);
        double const sum = loss.segment(first, count).sum();
        if (!(sum < least[static_cast<std::size_t>(first)])) { continue; }
        least[static_cast<std::size_t>(first)] = sum;
        for (index r = first; r < first + count; ++r) {
          auto const at = static_cast<std::size_t>(r);
          for (index g = 0; g < layout.groups(); ++g) {
            params[at][static_cast<std::size_t>(g)] = now.params_at(r, g);
          }
          for (index c = 0; c < layout.cols; ++c) { codes[at][static_cast<std::size_t>(c)] = now.code_at(r, c); }
        }
      }
      if (i == options.iterations) { return; }
      Eigen::MatrixXd const d = 2 * (product - h);
      now.move(options.weight_rate * latent.step(now.latent_gradient(d)),
               options.range_rate * factors.step(now.factor_gradient(d)));
    }
  }
};

}  // namespace detail

namespace calibration {

/// Packs W so that the output is near a target: Adam on weights behind the codes and on a factor for each group's
/// range, with the gradients of AdaQuant (straight-through, LSQ). Of all iterations each row keeps the best, the first
/// among equals; rows that share a range (per_tensor) or what their scales are quantized with, that of all of them.
///
/// The target is given as H = E[Y X̂ᵀ], rows x features, Y the output wanted and X̂ the input that the quantized layer
/// will see; `gram` is E[X̂ X̂ᵀ]. So layers can be treated in turn, and activations can be quantized; the cost does not
/// grow with the tokens. For a layer whose bias is corrected afterwards take the mean out of both. `reconstruct` has
/// the target W X̂.
///
/// Schemes: per_row, per_group and per_tensor; scales may be quantized themselves, which happens in each iteration. All in
/// double but encode and decode. *Errors*: extents that differ, elements not finite.
/// *Time*: iterations rows cols² (AdaQuant has 1000 iterations for convolutions, 50 for BERT). *Memory*: 64 rows, ten
/// times; all rows where something is of the tensor.
template <class Scheme, class M>
[[nodiscard]] quantized_matrix<Scheme> reconstruct_to(M const& weights, Eigen::MatrixXd const& gram,
                                                      Eigen::MatrixXd const& h,
                                                      reconstruct_options const& options = {}) {
  matrix_view const w(weights);
  detail::check_gram("reconstruct", gram, w.cols());
  detail::check_finite("reconstruct", w.rows(), w.cols(), w);
  if (h.rows() != w.rows() || h.cols() != w.cols()) {
    detail::fail_extents("reconstruct", "the target has elements", product(h.rows(), h.cols()), "W has",
                         product(w.rows(), w.cols()), "It is E[Y X̂ᵀ], rows x features.");
  }
  if (!h.allFinite()) { detail::fail("reconstruct: the target is not finite. Look for an overflow in the layer."); }
  detail::reconstructed_rows<Scheme> panel;
  index const most = detail::rows_together<Scheme> == 0 ? larger(w.rows(), 1) : panel_rows;
  return pack_codes<Scheme>(w.rows(), w.cols(), [&](index r, index g, code* codes) {
    if (r % most == 0 && g == 0) {
      index const rows = smaller(most, w.rows() - r);
      Eigen::MatrixXd part(rows, w.cols());
      for (index c = 0; c < w.cols(); ++c) {
        for (index i = 0; i < rows; ++i) { part(i, c) = static_cast<double>(w(r + i, c)); }
      }
      panel.solve(std::move(part), gram, h.middleRows(r, rows), options);
      if (options.progress) { options.progress(r + rows, w.rows()); }
    }
    auto const row = static_cast<std::size_t>(r % most);
    panel_layout<Scheme> const layout{w.rows(), w.cols()};
    std::copy_n(panel.codes[row].data() + g * layout.group(), layout.group_length(g), codes);
    return panel.params[row][static_cast<std::size_t>(g)];
  });
}
/// The same with the target W X̂: what the layer gave for these inputs.
template <class Scheme, class M>
[[nodiscard]] quantized_matrix<Scheme> reconstruct(M const& weights, Eigen::MatrixXd const& gram,
                                                   reconstruct_options const& options = {}) {
  matrix_view const w(weights);
  detail::check_gram("reconstruct", gram, w.cols());
  detail::check_finite("reconstruct", w.rows(), w.cols(), w);
  return reconstruct_to<Scheme>(weights, gram, detail::in_double(w) * gram, options);
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
