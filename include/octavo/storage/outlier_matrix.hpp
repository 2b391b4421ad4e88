// SPDX-License-Identifier: MIT
// outlier_matrix<S> and its view: packed weights, and beside them what they leave of a few numbers.
#pragma once

#include "octavo/core/error.hpp"
#include "octavo/storage/quantized_matrix.hpp"
#include "octavo/storage/sparse_matrix.hpp"

namespace octavo {
inline namespace v0 {

/// W = dense + sparse: a packed matrix of scheme S and residuals, over memory that somebody else keeps alive.
///
/// Source: SpQR (Dettmers et al. 2023); as sums, not replacements, so that the dense product needs no mask.
template <class S>
class outlier_matrix_view {
 public:
  using dense_scheme = S;

  [[gnu::always_inline]] constexpr outlier_matrix_view() = default;
  [[gnu::always_inline]] outlier_matrix_view(quantized_matrix_view<S> const& dense, sparse_matrix_view const& sparse)
      : dense_(dense), sparse_(sparse) {
    if (dense.rows() != sparse.rows() || dense.cols() != sparse.cols()) {
      detail::fail_extents("outlier_matrix", "the dense matrix has elements", product(dense.rows(), dense.cols()),
                           "the sparse one", product(sparse.rows(), sparse.cols()),
                           "Rows and columns of both must be equal.");
    }
  }

  [[nodiscard, gnu::always_inline]] index rows() const noexcept { return dense_.rows(); }
  [[nodiscard, gnu::always_inline]] index cols() const noexcept { return dense_.cols(); }
  [[nodiscard, gnu::always_inline]] quantized_matrix_view<S> const& dense() const noexcept { return dense_; }
  [[nodiscard, gnu::always_inline]] sparse_matrix_view const& sparse() const noexcept { return sparse_; }
  [[nodiscard, gnu::always_inline]] index size_bytes() const noexcept {
    return dense_.size_bytes() + sparse_.size_bytes();
  }
  /// The value that element (r, c) stands for.
  [[nodiscard, gnu::always_inline]] float operator()(index r, index c) const noexcept {
    return detail::opaque(dense_(r, c)) + sparse_(r, c);
  }

 private:
  quantized_matrix_view<S> dense_;
  sparse_matrix_view sparse_;
};

/// The same, owned. Made by quantize_with_outliers (ops/quantize_outliers.hpp), or from both, as files have them: where
/// those say what a weight is, the residual is that less what `dense` says.
template <class S>
class outlier_matrix {
 public:
  using dense_scheme = S;
  using view_type = outlier_matrix_view<S>;

  [[gnu::always_inline]] outlier_matrix() = default;
  [[gnu::always_inline]] outlier_matrix(outlier_matrix const&) = default;
  [[gnu::always_inline]] outlier_matrix(outlier_matrix&&) noexcept = default;
  [[gnu::always_inline]] outlier_matrix& operator=(outlier_matrix const&) = default;
  [[gnu::always_inline]] outlier_matrix& operator=(outlier_matrix&&) noexcept = default;
  [[gnu::always_inline]] ~outlier_matrix() = default;
  [[gnu::always_inline]] outlier_matrix(quantized_matrix<S> dense, sparse_matrix sparse)
      : dense_(static_cast<quantized_matrix<S>&&>(dense)), sparse_(static_cast<sparse_matrix&&>(sparse)) {
    (void)view();  // checks
  }

  [[nodiscard, gnu::always_inline]] index rows() const noexcept { return dense_.rows(); }
  [[nodiscard, gnu::always_inline]] index cols() const noexcept { return dense_.cols(); }
  [[nodiscard, gnu::always_inline]] quantized_matrix<S> const& dense() const noexcept { return dense_; }
  [[nodiscard, gnu::always_inline]] sparse_matrix const& sparse() const noexcept { return sparse_; }
  [[nodiscard, gnu::always_inline]] index size_bytes() const noexcept {
    return dense_.size_bytes() + sparse_.size_bytes();
  }
  /// The value that element (r, c) stands for.
  [[nodiscard, gnu::always_inline]] float operator()(index r, index c) const { return view()(r, c); }
  [[nodiscard, gnu::always_inline]] view_type view() const { return {dense_.view(), sparse_.view()}; }
  [[gnu::always_inline]] operator view_type() const { return view(); }

 private:
  quantized_matrix<S> dense_;
  sparse_matrix sparse_;
};

namespace detail {

template <class W>
inline constexpr bool is_outlier_matrix = false;
template <class S>
inline constexpr bool is_outlier_matrix<outlier_matrix<S>> = true;
template <class S>
inline constexpr bool is_outlier_matrix<outlier_matrix_view<S>> = true;

}  // namespace detail
}  // namespace v0
}  // namespace octavo
