// SPDX-License-Identifier: MIT
// dequantize: the values that a packed matrix stands for, whole or row by row (embeddings).
#pragma once

#include <type_traits>

#include "octavo/core/round.hpp"
#include "octavo/core/views.hpp"
#include "octavo/kernel/unpack.hpp"
#include "octavo/ops/context.hpp"
#include "octavo/storage/outlier_matrix.hpp"
#include "octavo/storage/quantized_matrix.hpp"

namespace octavo {
inline namespace v0 {

/// Writes row r, w.cols() floats, to `out`. Pre, checked: 0 <= r < w.rows(), `out` is not null.
template <class S>
[[gnu::always_inline]] inline void dequantize_row(quantized_matrix_view<S> const& w, index r, float* out) {
  if (r < 0 || r >= w.rows()) {
    detail::fail_extents("dequantize_row", "the row is", r, "rows are", w.rows(), "Rows count from 0.");
  }
  detail::check_view("dequantize_row", out, 1, w.cols());
  for (index c = 0; c < w.cols(); ++c) { out[c] = w(r, c); }
}
template <class S>
[[gnu::always_inline]] inline void dequantize_row(quantized_matrix<S> const& w, index r, float* out) {
  dequantize_row(w.view(), r, out);
}

/// Writes all of w as float, bf16 or f16: element (r, c) to out[r * row_stride + c * col_stride]. A stride of 1, either
/// one, is fast. Values are those of w(r, c), rounded to nearest even where T is narrower (minima are added with two
/// roundings on SSE4.2).
///
/// *Scratch*: none; 16 KiB of each thread's stack.
template <class S, element T, class Arch, class Executor>
void dequantize(quantized_matrix_view<S> const& w, T* out, index row_stride, index col_stride,
                context<Arch, Executor> const& context) {
  detail::check_view("dequantize", out, w.rows(), w.cols());
  if constexpr (detail::check_arch<Arch>()) {
    if (w.rows() == 0 || w.cols() == 0) { return; }
    kernel::unpacker<Arch, S, T> const unpack(w, out, row_stride, col_stride);
    index const panels = w.layout().panels();
    index const pieces = context.pieces(panels);
    context.execute(pieces, [&unpack, panels, pieces](index i) noexcept {
      unpack.panels(panels * i / pieces, panels * (i + 1) / pieces);
    });
  }
}

/// Writes all of w into a dense matrix of the same extents, such as Eigen's of either order; of float, bf16 or f16, or
/// of anything to which a float can be assigned by operator()(row, column), one by one. W may have outliers beside it,
/// whose places are rounded once, too. Of weights in fixed point and of additive codebooks each is w(r, c), not by
/// vectors.
template <class W, class M, class Arch, class Executor>
void dequantize(W const& w, M&& out, context<Arch, Executor> const& context) {
  using matrix = std::remove_reference_t<M>;
  if (out.rows() != w.rows() || out.cols() != w.cols()) {
    detail::fail_extents("dequantize", "the output has elements", out.rows() * out.cols(), "W has",
                         w.rows() * w.cols(), "Rows and columns must be those of W.");
  }
  constexpr bool dense = [] {
    if constexpr (dense_like<matrix>) { return element<detail::element_of_dense<matrix>>; }
    return false;
  }();
  auto const put = [&out](index r, index c, float value) __attribute__((always_inline)) {
    if constexpr (dense) {
      using T = detail::element_of_dense<matrix>;
      index const inner = out.innerStride();
      index const outer = out.outerStride();
      reinterpret_cast<T*>(out.data())[matrix::IsRowMajor ? r * outer + c * inner : r * inner + c * outer] = T(value);
    } else {
      out(r, c) = value;
    }
  };
  if constexpr (detail::is_outlier_matrix<W>) {
    dequantize(w.dense(), out, context);
    outlier_matrix_view<typename W::dense_scheme> const view = w;
    view.sparse().for_each([&view, &put ](index r, index c, float value) __attribute__((always_inline)) {
      put(r, c, detail::opaque(view.dense()(r, c)) + value);
    });
  } else if constexpr (requires { typename W::scheme; }) {
    quantized_matrix_view<typename W::scheme> const view = w;
    if constexpr (dense) {
      auto* const data = reinterpret_cast<detail::element_of_dense<matrix>*>(out.data());
      constexpr bool by_rows = matrix::IsRowMajor;
      dequantize(view, data, by_rows ? out.outerStride() : out.innerStride(),
                 by_rows ? out.innerStride() : out.outerStride(), context);
    } else {
      for (index r = 0; r < w.rows(); ++r) {
        for (index c = 0; c < w.cols(); ++c) { put(r, c, view(r, c)); }
      }
    }
  } else {
    auto const view = w.view();
    index const pieces = context.pieces(w.rows());
    context.execute(pieces, [&view, &put, pieces](index i) noexcept {
      for (index r = view.rows() * i / pieces; r < view.rows() * (i + 1) / pieces; ++r) {
        for (index c = 0; c < view.cols(); ++c) { put(r, c, view(r, c)); }
      }
    });
  }
}
/// The same on the instruction set of this translation unit.
template <class W, class M, class Arch = default_arch>
void dequantize(W const& w, M&& out) {
  dequantize(w, out, on<Arch>());
}

}  // namespace v0
}  // namespace octavo
