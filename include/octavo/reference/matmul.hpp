// SPDX-License-Identifier: MIT
// Matmul in double precision, written as the formula: what errors are measured against.
#pragma once

#include <vector>

#include "octavo/core/views.hpp"
#include "octavo/storage/quantized_matrix.hpp"

namespace octavo {
inline namespace v0 {
namespace reference {

/// y[r] = sum over c of W(r, c) x[c] for one token, W as stored, x as it is.
template <class S>
[[nodiscard]] std::vector<double> matmul(quantized_matrix_view<S> const& w, std::vector<double> const& x) {
  std::vector<double> y(static_cast<std::size_t>(w.rows()), 0.0);
  for (index r = 0; r < w.rows(); ++r) {
    for (index c = 0; c < w.cols(); ++c) {
      y[static_cast<std::size_t>(r)] += static_cast<double>(w(r, c)) * x[static_cast<std::size_t>(c)];
    }
  }
  return y;
}

/// The values that scheme A leaves of one token (per_token).
template <class A>
[[nodiscard]] std::vector<double> requantize(std::vector<float> const& x) {
  using Q = typename A::quantizer;
  auto const p = Q::calibrate(x);
  std::vector<double> y;
  for (float const v : x) { y.push_back(static_cast<double>(Q::decode(Q::encode(v, p), p))); }
  return y;
}

}  // namespace reference
}  // namespace v0
}  // namespace octavo
