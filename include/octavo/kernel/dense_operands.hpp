// SPDX-License-Identifier: MIT
// K and V of attention as floats: f32 panels of one leaf, f32 products.
#pragma once

#include "octavo/core/heads_view.hpp"
#include "octavo/kernel/attention_rows.hpp"
#include "octavo/kernel/dense_panels.hpp"
#include "octavo/kernel/softmax.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// S = K Q by f32: keys are rows of panels. The scores of T rows are one chain of fma over channels, ascending.
template <class A, class Q, class K>
class dense_keys {
  using panels = dense_panels<A>;

 public:
  static constexpr index width = panels::width;
  static constexpr int tokens = panels::tokens;

  dense_keys(heads_view<Q const> const& q, heads_view<K const> const& k, float factor) noexcept
      : q_(q), k_(k), factor_(factor), stride_(panels::filled(k.head_dim())) {}

  /// Floats of scratch, if so many rows are loaded at most.
  [[nodiscard]] index scratch(index rows) const {
    return round_up(panels::floats(leaf_keys, stride_) + product(rows, stride_), 16);
  }
  void use(float* scratch, index) noexcept {
    leaf_ = scratch;
    rows_ = leaf_ + panels::floats(leaf_keys, stride_);
  }
  /// n keys from `first` of a head.
  void load_leaf(index head, index first, index n) noexcept {
    panels::pack_rows(k_.at(head, first), k_.token_stride(), n, k_.head_dim(), leaf_);
  }
  /// n rows from `first`, which count from 0 here. They stay while leaves come and go.
  void load_rows(query_rows const& rows, index first, index n) noexcept {
    simd::floats<A> const factor(factor_);
    index const d = k_.head_dim();
    for (index i = 0; i < n; ++i) {
      Q const* const from = q_.at(rows.head(first + i), rows.query(first + i));
      float* const to = rows_ + i * stride_;
      index c = 0;
      for (; c + simd::lanes<A> <= d; c += simd::lanes<A>) {
        (simd::load_as_floats<A>(from + c) * factor).store_unaligned(to + c);
      }
      for (; c < d; ++c) { to[c] = static_cast<float>(from[c]) * factor_; }
      for (; c < stride_; ++c) { to[c] = 0.0f; }
    }
  }
  /// What scores of row i of those loaded are still to be multiplied by.
  [[nodiscard, gnu::always_inline]] static float factor(index) noexcept { return 1.0f; }
  /// Scores of T rows from row `first` of those loaded, and block b of the leaf.
  template <int T>
  void multiply(index first, index b, float* scores) const noexcept {
    panels::template multiply<T>(leaf_ + b * width * stride_, stride_, rows_ + first * stride_, stride_, scores);
  }

 protected:
  heads_view<Q const> q_;
  heads_view<K const> k_;
  float factor_;
  index stride_;
  float* leaf_ = nullptr;
  float* rows_ = nullptr;
};

/// O = V P by panels of a leaf of values, copied as f32: channels are rows of panels, keys are summed in one chain of fma,
/// ascending.
template <class A, class V>
class copied_values {
  using panels = dense_panels<A>;

 public:
  using writer = float_writer<A>;
  static constexpr index width = panels::width;
  static constexpr int tokens = panels::tokens;

  explicit copied_values(heads_view<V const> const& v) noexcept : v_(v) {}

  /// Other values of the same shape.
  void read(heads_view<V const> const& v) noexcept { v_ = v; }
  [[nodiscard]] index scratch() const { return panels::floats(v_.head_dim(), leaf_keys); }
  void use(float* scratch) noexcept { leaf_ = scratch; }
  void load_leaf(index head, index first, index n) noexcept {
    keys_ = n;
    take_out_bad(panels::pack_columns(v_.at(head, first), v_.token_stride(), v_.head_dim(), n, leaf_));
  }
  /// The sum of the weights of row i, which cover keys [low, high); NaN if one that is not 0 meets a value that is not
  /// finite.
  [[nodiscard]] float settle(index, float const* weights, index low, index high, float sum) const noexcept {
    if (finite_) { return sum; }
    for (index j = low; j < smaller(high, keys_); ++j) {
      if (bad_[j] && !(weights[j] == 0)) { return __builtin_nanf(""); }
    }
    return sum;
  }
  [[nodiscard]] index blocks() const noexcept { return ceil_div(v_.head_dim(), width); }
  static constexpr bool takes_runs = true;
  /// Products of T rows of weights, keys [low, high), and block b of channels; `more`: out goes on; others are told the
  /// `last`.
  template <int T>
  void multiply(index, float const* weights, index stride, index b, index low, index high, float* out,
                bool more = false, bool = true) const noexcept {
    index const from = low / units_together * units_together;
    index const all = panels::filled(keys_);
    index const k = smaller(panels::filled(high), all) - from;
    panels::template multiply<T>(leaf_ + (b * all + from) * width, k, weights + from, stride, out, more);
  }

 protected:
  /// A value that is not finite would reach rows of its tile that do not see it: NaN * 0. So it is taken out.
  void take_out_bad(bool finite) noexcept {
    finite_ = finite;
    if (!finite_) {
      for (index j = 0; j < keys_; ++j) { bad_[j] = clear_if_bad(j); }
    }
  }
  [[nodiscard]] bool clear_if_bad(index key) const noexcept {
    index const all = panels::filled(keys_);
    bool bad = false;
    for (index c = 0; c < v_.head_dim(); ++c) {
      float& x = leaf_[c / width * width * all + key * width + c % width];
      bad = bad || !detail::is_finite(x);
      x = detail::is_finite(x) ? x : 0.0f;
    }
    return bad;
  }

  heads_view<V const> v_;
  float* leaf_ = nullptr;
  index keys_ = 0;
  bool finite_ = true;
  bool bad_[leaf_keys] = {};
};

/// Rows up to which values are read where they are: converting them again for each tile takes less than copying them.
template <class A>
inline constexpr index rows_in_place = 2 * dense_panels<A>::tokens;

/// The same, and for few rows values are read where they are. If then a sum is not finite, the leaf is copied, to see
/// which of its values are not, and what met them.
template <class A, class V>
class dense_values : public copied_values<A, V> {
  using base = copied_values<A, V>;
  using panels = dense_panels<A>;
  using base::v_;

 public:
  using base::base;
  using base::width;

  /// So many rows will be multiplied by each leaf.
  void expect_rows(index rows) noexcept { few_ = rows <= rows_in_place<A> && v_.head_dim() % width == 0; }
  void load_leaf(index head, index first, index n) noexcept {
    if (!stays(head, first, n)) { copy(); }
  }
  /// Whether sums of values where they are, of some rows, are not finite: copy(), settle and multiply again.
  [[nodiscard]] bool in_doubt(index rows, float const* out, index block_stride) const noexcept {
    if (!in_place_) { return false; }
    bool finite = true;
    for (index b = 0; b < base::blocks(); ++b) {
      finite = finite && panels::finite(out + b * block_stride, rows * width);
    }
    return !finite;
  }
  /// The leaf is a copy from now on, and it is known which of its values are not finite.
  void copy() noexcept {
    in_place_ = false;
    base::load_leaf(head_, first_, keys_);
  }
  template <int T>
  void multiply(index row, float const* weights, index stride, index b, index low, index high, float* out,
                bool more = false, bool last = true) const noexcept {
    if (in_place_) {
      return panels::template multiply_elements<T>(v_.at(head_, first_ + low) + b * width, v_.token_stride(),
                                                   smaller(high, keys_) - low, weights + low, stride, out, more);
    }
    base::template multiply<T>(row, weights, stride, b, low, high, out, more, last);
  }

 protected:
  using base::keys_;
  /// The leaf that comes now; whether it is read where it is.
  [[nodiscard]] bool stays(index head, index first, index n) noexcept {
    head_ = head;
    first_ = first;
    keys_ = n;
    base::finite_ = true;
    in_place_ = few_;
    return in_place_;
  }

  index head_ = 0;
  index first_ = 0;
  bool few_ = false;
  bool in_place_ = false;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
