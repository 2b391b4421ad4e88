// SPDX-License-Identifier: MIT
// quantize_with_outliers<S>(weights, share): all but the numbers of a row that stand out most, and those beside.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octavo/core/buffer.hpp"
#include "octavo/core/round.hpp"
#include "octavo/ops/quantize.hpp"
#include "octavo/quant/with_outliers.hpp"
#include "octavo/storage/outlier_matrix.hpp"

namespace octavo {
inline namespace v0 {

/// As quantize<S>, but for `share` of the numbers of each row, rounded to nearest: those that are farthest from its
/// mean, or from 0 if S has neither zero points nor minima; of equally far ones the first. They take no part in what S
/// finds its parameters by, and what S then leaves of them is kept as f16. Numbers that are not finite, and residuals
/// beyond 65504, are left to S.
///
/// *Errors*: a share outside of [0, 1]; more than 65536 columns. *Scratch*: the matrix as floats, on the heap.
template <class S, class M, class Arch, class Executor>
[[nodiscard]] outlier_matrix<S> quantize_with_outliers(M const& weights, double share,
                                                       context<Arch, Executor> const& context) {
  if (!(share >= 0 && share <= 1)) {
    detail::fail("quantize_with_outliers: the share of outliers must be from 0 to 1, such as 0.01.");
  }
  matrix_view const w(weights);
  index const rows = w.rows();
  index const cols = w.cols();
  auto const wanted = static_cast<index>(share * static_cast<double>(cols) + 0.5);
  aligned_buffer rest_bytes(product(rows, cols, sizeof(float)));
  aligned_buffer found_bytes(product(rows, wanted, sizeof(sparse_element)));
  auto* const rest = reinterpret_cast<float*>(rest_bytes.data());
  auto* const found = reinterpret_cast<sparse_element*>(found_bytes.data());
  index count = 0;
  for (index r = 0; r < rows; ++r) {
    float* const row = rest + r * cols;
    for (index c = 0; c < cols; ++c) { row[c] = static_cast<float>(w(r, c)); }
    float const centre = detail::outlier_centre<typename S::quantizer>(row, cols, 1);
    // Distances by their bits, which have their order; what is no outlier counts as 0.
    auto const distance = [&](index c) __attribute__((always_inline)) {
      float const d = __builtin_fabsf(row[c] - centre);
      return d <= 65504.0f ? __builtin_bit_cast(std::uint32_t, d) : 0u;
    };
    auto const beyond = [&](std::uint32_t bits) __attribute__((always_inline)) {
      index n = 0;
      for (index c = 0; c < cols; ++c) { n += distance(c) > bits ? 1 : 0; }
      return n;
    };
    // A share of a row has no bound that a list in registers could have (as outlier_list of a cache has, of up to 16 in
    // order): so no list, but the least limit that at most `wanted` numbers are beyond.
    std::uint32_t limit = 0;
    for (std::uint32_t bit = 1u << 30; bit != 0 && beyond(limit) > wanted; bit >>= 1) {
      if (beyond(limit | (bit - 1)) > wanted) { limit |= bit; }
    }
    index equal = limit == 0 ? 0 : wanted - beyond(limit);
    for (index c = 0; c < cols; ++c) {
      std::uint32_t const d = distance(c);
      if (d > limit || (d == limit && equal-- > 0)) { found[count++] = {r, c, row[c]}; }
    }
    for (index i = count - 1; i >= 0 && found[i].row == r; --i) { row[found[i].col] = centre; }
  }
  auto dense = quantize<S>(matrix_view<float>(rest, rows, cols, cols, 1), context);
  auto const view = dense.view();
  index kept = 0;
  for (index i = 0; i < count; ++i) {
    auto const e = found[i];
    float const left = e.value - detail::opaque(view(e.row, e.col));
    if (__builtin_fabsf(left) <= 65504.0f) { found[kept++] = {e.row, e.col, left}; }
  }
  return {static_cast<quantized_matrix<S>&&>(dense), sparse_matrix(rows, cols, found, kept)};
}
/// The same on the instruction set of this translation unit.
template <class S, class M, class Arch = default_arch>
[[nodiscard]] outlier_matrix<S> quantize_with_outliers(M const& weights, double share) {
  return quantize_with_outliers<S>(weights, share, on<Arch>());
}

}  // namespace v0
}  // namespace octavo
