// SPDX-License-Identifier: MIT
// dequantize: the values that a packed matrix stands for, whole or row by row (embeddings).
#pragma once

#include "octavo/core/views.hpp"
#include "octavo/storage/quantized_matrix.hpp"

namespace octavo {
inline namespace v0 {

/// Writes row r, w.cols() floats, to `out`. Pre, checked: 0 <= r < w.rows().
template <class S>
[[gnu::always_inline]] inline void dequantize_row(quantized_matrix_view<S> const& w, index r, float* out) {
  if (r < 0 || r >= w.rows()) {
    detail::fail_extents("dequantize_row", "the row is", r, "rows are", w.rows(), "Rows count from 0.");
  }
  for (index c = 0; c < w.cols(); ++c) { out[c] = w(r, c); }
}
template <class S>
[[gnu::always_inline]] inline void dequantize_row(quantized_matrix<S> const& w, index r, float* out) {
  dequantize_row(w.view(), r, out);
}

/// Writes all of w into a dense matrix of the same extents that has operator()(row, column), such as Eigen's.
template <class W, class M>
  requires requires(M& m, index i) { m(i, i) = 0.0f; }
[[gnu::always_inline]] inline void dequantize(W const& w, M& out) {
  if (out.rows() != w.rows() || out.cols() != w.cols()) {
    detail::fail_extents("dequantize", "the output has elements", out.rows() * out.cols(), "W has",
                         w.rows() * w.cols(), "Rows and columns must be those of W.");
  }
  quantized_matrix_view<typename W::scheme> const view = w;
  for (index r = 0; r < w.rows(); ++r) {
    for (index c = 0; c < w.cols(); ++c) { out(r, c) = view(r, c); }
  }
}

}  // namespace v0
}  // namespace octavo
