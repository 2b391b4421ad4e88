// SPDX-License-Identifier: MIT
// gptq<Scheme>: codes column by column, each error made good by the columns that follow (Frantar 2022, GPTQ).
#pragma once

#include <Eigen/Cholesky>
#include <algorithm>
#include <cstddef>
#include <functional>
#include <numeric>
#include <vector>

#include "octavo/calibration/gram.hpp"
#include "octavo/calibration/quantize_with.hpp"

namespace octavo {
inline namespace v0 {

namespace calibration {

struct gptq_options {
  /// Share of the mean of diag(H) that is added to the diagonal.
  double damping = 0.01;
  /// Codes the columns of the largest diag(H) first ("act-order"). Groups stay where they are in the matrix, so that
  /// nothing is permuted at run time; their params are fixed at the start.
  bool descending = false;
  /// Fits all params to the weights as given, not to what the errors of earlier columns have made of them.
  bool static_groups = false;
  /// Called with the rows that are done, and all rows.
  std::function<void(index, index)> progress = {};
};

}  // namespace calibration

namespace detail {

/// What all rows share: the order of columns, and U, upper, with H⁻¹ = Uᵀ U, both in that order.
struct gptq_factor {
  using row_major = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  std::vector<index> order;
  row_major upper;

  gptq_factor(Eigen::Ref<Eigen::MatrixXd const> const& gram, calibration::gptq_options const& options)
      : order(static_cast<std::size_t>(gram.cols())) {
    index const n = gram.cols();
    if (!(options.damping >= 0)) { fail("gptq: the damping must not be negative. GPTQ has 0.01."); }
    std::iota(order.begin(), order.end(), index{0});
    if (options.descending) {
      std::stable_sort(order.begin(), order.end(), [&](index a, index b) { return gram(a, a) > gram(b, b); });
    }
    // With J the reversal: J H J = L Lᵀ, so H⁻¹ = (J L⁻ᵀ J)(J L⁻¹ J), and U = J L⁻¹ J is upper.
    Eigen::MatrixXd reversed(n, n);
    for (index j = 0; j < n; ++j) {
      for (index i = 0; i < n; ++i) { reversed(n - 1 - i, n - 1 - j) = gram(at(i), at(j)); }
    }
    double const mean = reversed.diagonal().sum() / static_cast<double>(larger(n, 1));
    if (n > 0 && !(mean > 0)) {
      fail_extents("gptq", "the Gram matrix has features", n, "that are not 0:", 0, "Pass X Xᵀ of calibration data.");
    }
    double damping = options.damping;
    for (int tries = 0; tries < 4; ++tries, damping *= 10) {
      Eigen::MatrixXd h = reversed;
      h.diagonal().array() += damping * mean;
      for (index j = 0; j < n; ++j) {
        if (reversed(j, j) == 0) { h(j, j) = 1; }
      }
      Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>> const cholesky(h);  // in place
      if (cholesky.info() != Eigen::Success) { continue; }
      upper = cholesky.matrixL().solve(Eigen::MatrixXd::Identity(n, n)).reverse();
      if (upper.allFinite()) { return; }
    }
    fail_extents("gptq", "the Gram matrix of features", n,
                 "is not positive definite, nor with the damping raised times", 3,
                 "Pass X Xᵀ of more tokens, or a larger damping.");
  }

  [[nodiscard]] index at(index j) const { return order[static_cast<std::size_t>(j)]; }
};

/// Solves the rows of one panel after the other.
template <class Scheme, class Fit>
class gptq_solver {
 public:
  using quantizer = typename Scheme::quantizer;
  using params = typename quantizer::params;

  template <class Value>
  gptq_solver(index rows, index cols, Eigen::Ref<Eigen::MatrixXd const> const& gram, Fit const& fit,
              calibration::gptq_options const& options, Value const& value)
      : factor_(gram, options),
        quantize_group_(rows, cols, fit, value),
        fixed_(options.static_groups || options.descending || has_quantized_scales<quantizer>),
        codes_(static_cast<std::size_t>(panel_rows * cols)),
        params_(static_cast<std::size_t>(panel_rows * quantize_group_.layout().groups())) {}

  /// Finds codes and params of `rows` rows from row `first`, at most 64; value(r, c) is the weight in row r of them.
  template <class Value>
  void solve(index first, index rows, Value const& value) {
    index const cols = layout().cols;
    first_ = first;
    w_.resize(rows, cols);
    for (index j = 0; j < cols; ++j) {
      for (index r = 0; r < rows; ++r) { w_(r, j) = static_cast<double>(value(r, factor_.at(j))); }
    }
    if (fixed_) {
      for (index g = 0; g < layout().groups(); ++g) {
        fit_group(g, [&](index r, index c) { return static_cast<float>(value(r, c)); });
      }
    }
    for (index begin = 0; begin < cols;) {
      index const end = block_end(begin);
      Eigen::MatrixXd errors(rows, end - begin);
      for (index j = begin; j < end; ++j) {
        if (!fixed_ && j % layout().group() == 0) {
          fit_group(j / layout().group(), [&](index r, index c) { return static_cast<float>(w_(r, c)); });
        }
        auto error = errors.col(j - begin);
        for (index r = 0; r < rows; ++r) { error[r] = code_column(r, j) / factor_.upper(j, j); }
        w_.middleCols(j + 1, end - j - 1).noalias() -= error * factor_.upper.row(j).segment(j + 1, end - j - 1);
      }
      w_.rightCols(cols - end).noalias() -= errors * factor_.upper.block(begin, end, end - begin, cols - end);
      begin = end;
    }
  }

  [[nodiscard]] params const& params_at(index r, index g) const {
    return params_[static_cast<std::size_t>(r * layout().groups() + g)];
  }
  [[nodiscard]] code const* codes_at(index r, index g) const {
    return codes_.data() + r * layout().cols + g * layout().group();
  }
  [[nodiscard]] panel_layout<Scheme> const& layout() const noexcept { return quantize_group_.layout(); }

 private:
  /// 128 columns, or fewer, so that no group starts in a block and goes on behind it: its params would be fitted to
  /// columns that the errors of this block have not reached.
  [[nodiscard]] index block_end(index begin) const {
    index const end = smaller(begin + 128, layout().cols);
    index const start = end / layout().group() * layout().group();
    return !fixed_ && end < layout().cols && start > begin ? start : end;
  }
  template <class Value>
  void fit_group(index g, Value const& value) {
    index const first = g * layout().group();
    for (index r = 0; r < w_.rows(); ++r) {
      group_.clear();
      for (index k = 0; k < layout().group_length(g); ++k) { group_.push_back(value(r, first + k)); }
      params_[static_cast<std::size_t>(r * layout().groups() + g)] = quantize_group_.fit(group_, first_ + r, g);
    }
  }
  /// Codes the weight of row r in step j, returns what is left of it.
  [[nodiscard]] double code_column(index r, index j) {
    index const column = factor_.at(j);
    params const& p = params_at(r, column / layout().group());
    code const q = quantizer::encode(static_cast<float>(w_(r, j)), p);
    codes_[static_cast<std::size_t>(r * layout().cols + column)] = q;
    return w_(r, j) - static_cast<double>(quantizer::decode(q, p));
  }

  gptq_factor factor_;
  group_quantizer<Scheme, Fit> quantize_group_;
  bool fixed_;
  index first_ = 0;
  Eigen::MatrixXd w_;  // rows of the panel x columns in their order
  std::vector<float> group_;
  std::vector<code> codes_;
  std::vector<params> params_;
};

}  // namespace detail

namespace calibration {

/// Packs W so that W X changes little, rather than W: for each column j in order, codes of all rows, then the error of
/// the column, over U_jj, times row j of U is taken from the columns that follow. H = X Xᵀ + λ I, λ = damping mean(diag
/// X Xᵀ), H⁻¹ = Uᵀ U. Params come from `fit`, group by group, when a group's first column is reached; those of
/// per_tensor from W.
///
///     calibration::gram seen(w.cols());
///     seen.add(x);
///     auto const q = calibration::gptq<schemes::w4_g128>(w, seen.mean(), calibration::clip_search{});
///
/// Any scheme but per_column, any multiple of X Xᵀ. Where scales are quantized themselves, those of all groups come
/// from W before the first column, as with static_groups. A feature that is always 0 ("dead") has H_jj = 1, and its
/// weights become 0. All arithmetic is double but encode and decode; the factorization is Eigen's LLT. If that fails, λ
/// is raised tenfold, three times. *Errors*: extents that differ, an H that stays not positive definite, elements not
/// finite.
/// *Time*: rows cols². *Memory*: four times H while it is factored, 64 rows of W.
template <class Scheme, class M, class Fit = extremes>
[[nodiscard]] quantized_matrix<Scheme> gptq(M const& weights, Eigen::Ref<Eigen::MatrixXd const> const& gram,
                                            Fit const& fit = {}, gptq_options const& options = {}) {
  matrix_view const w(weights);
  detail::check_gram("gptq", gram, w.cols());
  detail::check_finite("gptq", w.rows(), w.cols(), w);
  auto const alive = [&](index r, index c) { return gram(c, c) == 0 ? 0.0f : w(r, c); };
  detail::gptq_solver<Scheme, Fit> solver(w.rows(), w.cols(), gram, fit, options, alive);
  return pack_codes<Scheme>(w.rows(), w.cols(), [&](index r, index g, code* codes) {
    index const row = r % panel_rows;
    if (row == 0 && g == 0) {
      index const rows = smaller(panel_rows, w.rows() - r);
      solver.solve(r, rows, [&](index i, index c) { return alive(r + i, c); });
      if (options.progress) { options.progress(r + rows, w.rows()); }
    }
    std::copy_n(solver.codes_at(row, g), solver.layout().group_length(g), codes);
    return solver.params_at(row, g);
  });
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
