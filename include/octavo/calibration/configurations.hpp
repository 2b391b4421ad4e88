// SPDX-License-Identifier: MIT
// What a layer loses, and how large it is, by each of several schemes: what allocate chooses from (LQ-LoRA, AdaQuant).
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "octavo/calibration/allocate.hpp"
#include "octavo/calibration/decompose.hpp"
#include "octavo/calibration/gram.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// LQ-LoRA's mixed configurations: for each scheme, in their order, W decomposed into a packed matrix and a term of
/// this rank; the loss is the squared error of the best round, weighted by options.fisher if that is given, the size
/// the bits of the packed matrix (the term has the same size in all).
///
///     std::vector<std::vector<configuration>> layers;
///     for (auto const& l : model) { layers.push_back(decomposed<w2, w3, w4>(l.w, 64, extremes{}, {.fisher = l.f})); }
///     auto const choice = allocate(layers, budget);
///
/// With Fisher information the losses of layers can be compared: they are what the loss of the model grows by, to
/// second order. *Errors*, *time*: those of decompose, once for each scheme.
template <class... Schemes, class M, class Fit = extremes>
[[nodiscard]] std::vector<configuration> decomposed(M const& weights, index rank, Fit const& fit = {},
                                                    decompose_options const& options = {}) {
  static_assert(sizeof...(Schemes) > 0,
                "Octavo: name the schemes to choose from, such as decomposed<w2, w4>(w, rank).");
  std::vector<configuration> result;
  auto const add = [&](auto const& d) {
    double const error = *std::min_element(d.errors.begin(), d.errors.end());
    result.push_back({error * error, 8 * std::int64_t{d.base.size_bytes()}});
  };
  (add(decompose<Schemes>(weights, rank, fit, options)), ...);
  return result;
}

/// The same without a term, by the error of the output: E ‖(W - q) x‖² from gram::mean(), as AdaQuant's light pipeline
/// estimates what a layer adds to the loss of the model.
template <class... Schemes, class M, class Fit = extremes>
[[nodiscard]] std::vector<configuration> quantized_outputs(M const& weights,
                                                           Eigen::Ref<Eigen::MatrixXd const> const& gram,
                                                           Fit const& fit = {}) {
  static_assert(sizeof...(Schemes) > 0, "Octavo: name the schemes to choose from, such as w2, w4, w8.");
  std::vector<configuration> result;
  auto const add = [&](auto const& q) {
    result.push_back({output_error(weights, q.view(), gram), 8 * std::int64_t{q.size_bytes()}});
  };
  (add(quantize_with<Schemes>(weights, fit)), ...);
  return result;
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
