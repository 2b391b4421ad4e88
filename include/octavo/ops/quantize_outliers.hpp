// SPDX-License-Identifier: MIT
// quantize_with_outliers<S>(weights, share): all but the numbers of a row that stand out most, and those beside.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "octavo/core/round.hpp"
#include "octavo/ops/quantize.hpp"
#include "octavo/quant/concept.hpp"
#include "octavo/storage/outlier_matrix.hpp"

namespace octavo {
inline namespace v0 {

/// As quantize<S>, but for `share` of the numbers of each row, rounded to nearest: those that are farthest from its mean, or from
/// 0 if S has neither zero points nor minima; of equally far ones the first. They take no part in what S finds its parameters
/// by, and what S then leaves of them is kept as f16. Numbers that are not finite, and residuals beyond 65504, are left to S.
///
/// *Errors*: a share outside of [0, 1]; more than 65536 columns. *Scratch*: the matrix as floats, on the heap.
template <class S, class M, class Arch, class Executor>
[[nodiscard]] outlier_matrix<S> quantize_with_outliers(M const& weights, double share,
                                                       context<Arch, Executor> const& context) {
  if (!(share >= 0 && share <= 1)) {
    detail::fail("quantize_with_outliers: the share of outliers must be from 0 to 1, such as 0.01.");
  }
  constexpr bool centred = has_zero_point<typename S::quantizer> || has_minimum<typename S::quantizer>;
  matrix_view const w(weights);
  index const rows = w.rows();
  index const cols = w.cols();
  auto const wanted = static_cast<index>(share * static_cast<double>(cols) + 0.5);
  std::vector<float> rest(static_cast<std::size_t>(product(rows, cols)));
  std::vector<sparse_element> found;
  std::vector<index> order(static_cast<std::size_t>(cols));
  for (index r = 0; r < rows; ++r) {
    float* const row = rest.data() + r * cols;
    float sum = 0;
    for (index c = 0; c < cols; ++c) {
      row[c] = static_cast<float>(w(r, c));
      order[static_cast<std::size_t>(c)] = c;
      sum += row[c];
    }
    float const centre = centred ? detail::opaque(sum / static_cast<float>(cols)) : 0.0f;
    auto const distance = [&](index c) {
      float const d = __builtin_fabsf(row[c] - centre);
      return d <= 65504.0f ? d : -1.0f;
    };
    auto const last = order.begin() + wanted;
    std::partial_sort(order.begin(), last, order.end(), [&](index a, index b) {
      float const x = distance(a);
      float const y = distance(b);
      return x != y ? x > y : a < b;
    });
    for (auto i = order.begin(); i != last && distance(*i) > 0; ++i) { found.push_back({r, *i, row[*i]}); }
    for (auto i = found.rbegin(); i != found.rend() && i->row == r; ++i) { row[i->col] = centre; }
  }
  auto dense = quantize<S>(matrix_view<float>(rest.data(), rows, cols, cols, 1), context);
  auto const view = dense.view();
  std::size_t kept = 0;
  for (auto const& e : found) {
    float const left = e.value - detail::opaque(view(e.row, e.col));
    if (__builtin_fabsf(left) <= 65504.0f) { found[kept++] = {e.row, e.col, left}; }
  }
  found.resize(kept);
  return {std::move(dense), sparse_matrix(rows, cols, found)};
}
/// The same on the instruction set of this translation unit.
template <class S, class M, class Arch = default_arch>
[[nodiscard]] outlier_matrix<S> quantize_with_outliers(M const& weights, double share) {
  return quantize_with_outliers<S>(weights, share, on<Arch>());
}

}  // namespace v0
}  // namespace octavo
