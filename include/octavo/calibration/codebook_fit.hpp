// SPDX-License-Identifier: MIT
// codebook_fit: the table of a group that codebook<B> takes, by exact k-means (SqueezeLLM, KVQuant).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "octavo/calibration/k_means.hpp"
#include "octavo/quant/codebook.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// The values with the least squared error in the group, each value weighed by its column: `weights` are one for each
/// column of the matrix, such as the mean square of each feature of the activations (inputs.hpp), or none.
///
///     auto const w = calibration::quantize_with<scheme<codebook<4>, per_row>>(weights, calibration::codebook_fit{});
///
/// *Errors*: those of k_means; weights that are fewer than the columns. *Time*: for per_tensor that of k_means of all
/// elements; with millions of them take a weighted_histogram.
struct codebook_fit {
  std::span<float const> weights = {};

  template <quantizer Q>
  [[nodiscard]] typename Q::params fit(std::span<float const> xs, index column) const {
    static_assert(has_table<Q>,
                  "Octavo: codebook_fit finds the values of octavo::codebook<B>. Use clip_search for others.");
    std::vector<float> each;
    if (!weights.empty()) {
      auto const n = weights.size();
      auto const first = static_cast<std::size_t>(column);
      // A group lies within a row; a matrix is row after row.
      if (first + xs.size() > n && (column != 0 || xs.size() % n != 0)) {
        detail::fail_extents("codebook_fit", "the weights are", static_cast<index>(n), "the values end at",
                             column + static_cast<index>(xs.size()), "Pass one weight for each column.");
      }
      each.reserve(xs.size());
      for (std::size_t i = 0; i < xs.size(); ++i) { each.push_back(weights[(first + i) % n]); }
    }
    auto const found = k_means(xs, each, code_count<typename Q::format>);
    typename Q::params p{};
    for (std::size_t c = 0; c < found.centres.size(); ++c) { p.values[c] = static_cast<float>(found.centres[c]); }
    return p;
  }
};

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
