// SPDX-License-Identifier: MIT
// Eigen's 16-bit scalars, dense copies of packed matrices: beside calibration/ the only header with Eigen.
#pragma once

#include <Eigen/Core>

#include "octavo/core/views.hpp"
#include "octavo/ops/dequantize.hpp"

namespace octavo {
inline namespace v0 {

/// Matrices of Eigen::bfloat16 and Eigen::half are operands like matrices of float: the bits are the same.
template <>
struct element_of<Eigen::bfloat16> {
  using type = bf16;
};
template <>
struct element_of<Eigen::half> {
  using type = f16;
};
static_assert(sizeof(Eigen::bfloat16) == sizeof(bf16) && sizeof(Eigen::half) == sizeof(f16));

/// The values that a quantized_matrix, or a view of one, stands for, as an Eigen matrix.
template <class W, class Arch = default_arch>
[[nodiscard]] Eigen::MatrixXf to_eigen(W const& w) {
  Eigen::MatrixXf m(w.rows(), w.cols());
  dequantize(w, m, on<Arch>());
  return m;
}

}  // namespace v0
}  // namespace octavo
