// SPDX-License-Identifier: MIT
// Views of dense operands: matrix_view (any strides, read once) and tokens_view (one contiguous column per token).
#pragma once

#include <type_traits>
#include <utility>

#include "octavo/core/index.hpp"
#include "octavo/core/scalar.hpp"

namespace octavo {
inline namespace v0 {

/// Anything with Eigen's accessors: Matrix, Map, Ref, Block. Expressions have no data() and do not qualify.
template <class M>
concept dense_like = requires(M& m) {
  m.rows();
  m.cols();
  m.data();
  m.innerStride();
  m.outerStride();
  {std::bool_constant<bool(std::remove_cvref_t<M>::IsRowMajor)>{}};
};

namespace detail {

template <class T>
using element_t = std::conditional_t<std::is_const_v<T>, typename element_of<std::remove_const_t<T>>::type const,
                                     typename element_of<T>::type>;

/// The element type behind data(), const where data() is.
template <class M>
using element_of_dense = element_t<std::remove_pointer_t<decltype(std::declval<M&>().data())>>;

template <class T>
[[gnu::always_inline]] constexpr void check_view(char const* where, T const* data, index rows, index cols) {
  if (rows < 0 || cols < 0) {
    fail_extents(where, "rows are", rows, "columns are", cols, "Extents must not be negative.");
  }
  if (data == nullptr && rows != 0 && cols != 0) {
    fail_extents(where, "the data pointer is null but rows are", rows, "columns are", cols,
                 "Pass memory, or an extent of 0.");
  }
}

}  // namespace detail

/// A rows x cols matrix with any two strides, counted in elements.
template <element T>
class matrix_view {
 public:
  [[gnu::always_inline]] constexpr matrix_view() = default;

  /// Element (r, c) is data[r * row_stride + c * col_stride].
  [[gnu::always_inline]] constexpr matrix_view(T const* data, index rows, index cols, index row_stride,
                                               index col_stride)
      : data_(data), rows_(rows), cols_(cols), row_stride_(row_stride), col_stride_(col_stride) {
    detail::check_view("matrix_view", data, rows, cols);
  }

  template <dense_like M>
    requires std::is_same_v<std::remove_const_t<detail::element_of_dense<M const>>, T>
  [[gnu::always_inline]] constexpr matrix_view(M const& m)
      : matrix_view(reinterpret_cast<T const*>(m.data()), m.rows(), m.cols(),
                    M::IsRowMajor ? m.outerStride() : m.innerStride(),
                    M::IsRowMajor ? m.innerStride() : m.outerStride()) {}

  [[nodiscard, gnu::always_inline]] constexpr index rows() const noexcept { return rows_; }
  [[nodiscard, gnu::always_inline]] constexpr index cols() const noexcept { return cols_; }
  [[nodiscard, gnu::always_inline]] constexpr T const* data() const noexcept { return data_; }
  [[nodiscard, gnu::always_inline]] constexpr index row_stride() const noexcept { return row_stride_; }
  [[nodiscard, gnu::always_inline]] constexpr index col_stride() const noexcept { return col_stride_; }
  [[nodiscard, gnu::always_inline]] constexpr T const* at(index r, index c) const noexcept {
    return data_ + r * row_stride_ + c * col_stride_;
  }
  [[nodiscard, gnu::always_inline]] constexpr float operator()(index r, index c) const noexcept {
    return static_cast<float>(*at(r, c));
  }

 private:
  T const* data_ = nullptr;
  index rows_ = 0;
  index cols_ = 0;
  index row_stride_ = 0;
  index col_stride_ = 0;
};

template <dense_like M>
matrix_view(M const&) -> matrix_view<std::remove_const_t<detail::element_of_dense<M const>>>;

namespace detail {

/// features x tokens of anything: one contiguous column per token. `name` is that of the view in errors.
template <class T>
class token_columns {
 public:
  [[nodiscard, gnu::always_inline]] constexpr index features() const noexcept { return features_; }
  [[nodiscard, gnu::always_inline]] constexpr index tokens() const noexcept { return tokens_; }
  [[nodiscard, gnu::always_inline]] constexpr index stride() const noexcept { return stride_; }
  [[nodiscard, gnu::always_inline]] constexpr T* data() const noexcept { return data_; }
  [[nodiscard, gnu::always_inline]] constexpr T* token(index t) const noexcept { return data_ + t * stride_; }

 protected:
  [[gnu::always_inline]] constexpr token_columns() = default;
  [[gnu::always_inline]] constexpr token_columns(char const* name, T* data, index features, index tokens,
                                                 index stride)
      : data_(data), features_(features), tokens_(tokens), stride_(stride) {
    check_view(name, data, features, tokens);
    if (tokens > 1 && stride < features) {
      fail_extents(name, "the stride between tokens is", stride, "features are", features,
                   "Tokens would overlap: pass a stride of at least the features.");
    }
  }

 private:
  T* data_ = nullptr;
  index features_ = 0;
  index tokens_ = 0;
  index stride_ = 0;
};

}  // namespace detail

/// features x tokens: one contiguous column per token. A column-major Eigen matrix and a row-major NumPy
/// (tokens, features) array are the same bytes. T is const for operands that are read.
template <class T>
  requires element<std::remove_const_t<T>>
class tokens_view : public detail::token_columns<T> {
 public:
  [[gnu::always_inline]] constexpr tokens_view() = default;
  /// Feature f of token t is data[f + t * stride].
  [[gnu::always_inline]] constexpr tokens_view(T* data, index features, index tokens, index stride)
      : detail::token_columns<T>("tokens_view", data, features, tokens, stride) {}
};

namespace detail {

template <class T>
inline constexpr bool is_tokens_view = false;
template <class T>
inline constexpr bool is_tokens_view<tokens_view<T>> = true;

template <class M>
inline constexpr bool is_vector = [] {
  if constexpr (requires { M::IsVectorAtCompileTime; }) { return bool(M::IsVectorAtCompileTime); }
  return false;
}();

[[gnu::always_inline]] constexpr void require_contiguous(index inner) {
  if (inner != 1) {
    fail_extents("tokens_view", "the inner stride is", inner, "but must be", 1,
                 "Features of a token must be contiguous: copy the operand first.");
  }
}

/// A View of a column-major matrix, or of a row vector, which is one token.
template <class View, class T, class M>
[[nodiscard, gnu::always_inline]] constexpr View columns_of(M& m) {
  if constexpr (std::remove_cv_t<M>::IsRowMajor) {
    require_contiguous(m.cols() > 1 ? m.innerStride() : 1);
    return View(reinterpret_cast<T*>(m.data()), m.cols(), m.rows(), m.cols());
  } else {
    require_contiguous(m.rows() > 1 ? m.innerStride() : 1);
    return View(reinterpret_cast<T*>(m.data()), m.rows(), m.cols(), m.outerStride());
  }
}

}  // namespace detail

/// Row-major (tokens x features), as NumPy and PyTorch hold it, seen as features x tokens. Nothing is copied.
template <class M>
  requires dense_like<std::remove_reference_t<M>>
[[nodiscard, gnu::always_inline]] constexpr auto by_rows(M&& m) {
  using matrix = std::remove_reference_t<M>;
  using T = detail::element_of_dense<matrix>;
  static_assert(matrix::IsRowMajor || detail::is_vector<std::remove_cvref_t<M>>,
                "Octavo: by_rows() takes a row-major (tokens x features) matrix; this one is column-major and "
                "converts to tokens_view as it is.");
  if constexpr (matrix::IsRowMajor) {
    detail::require_contiguous(m.cols() > 1 ? m.innerStride() : 1);
    return tokens_view<T>(reinterpret_cast<T*>(m.data()), m.cols(), m.rows(), m.outerStride());
  } else {  // a column: its inner stride is that of rows
    return tokens_view<T>(reinterpret_cast<T*>(m.data()), m.cols(), m.rows(), m.innerStride());
  }
}

/// What operations call on an operand: a tokens_view stays, a column-major Eigen object is viewed.
template <class M>
[[nodiscard, gnu::always_inline]] constexpr auto as_tokens(M&& m) {
  using matrix = std::remove_reference_t<M>;
  if constexpr (detail::is_tokens_view<std::remove_cv_t<matrix>>) {
    return m;
  } else {
    static_assert(dense_like<matrix>,
                  "Octavo: this operand has no data(): it is an expression, or no matrix. Evaluate it into a "
                  "matrix first, or pass an octavo::tokens_view.");
    if constexpr (dense_like<matrix>) {
      using T = detail::element_of_dense<matrix>;
      static_assert(!std::remove_cvref_t<M>::IsRowMajor || detail::is_vector<std::remove_cvref_t<M>>,
                    "Octavo: a token is a column, but this matrix is row-major. If its rows are tokens, pass "
                    "octavo::by_rows(m).");
      return detail::columns_of<tokens_view<T>, T>(m);
    }
  }
}

}  // namespace v0
}  // namespace octavo
