// SPDX-License-Identifier: MIT
// quantize_with<Scheme>(weights, fit): a packed matrix whose params any fit has chosen.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "octavo/calibration/fit.hpp"
#include "octavo/storage/pack_codes.hpp"

namespace octavo {
inline namespace v0 {

namespace detail {

/// Quantizes the groups of a rows x cols matrix one by one: its params by Fit, per_tensor once for all.
template <class Scheme, class Fit>
class group_quantizer {
 public:
  using quantizer = typename Scheme::quantizer;
  using params = typename quantizer::params;
  using layout_type = panel_layout<Scheme>;
  static_assert(
      !layout_type::by_column,
      "Octavo: calibration works row by row, but the scales of per_column belong to columns. Use per_tensor, "
      "per_row or per_group<G>.");
  static_assert(
      !has_quantized_scales<quantizer>,
      "Octavo: calibration fits group by group, but these groups share what their scales are quantized with. "
      "Use quantize, or calibrate with float scales.");

  /// value(r, c) is the weight in row r, column c. Refers to `fit`.
  template <class Value>
  group_quantizer(index rows, index cols, Fit const& fit, Value const& value) : fit_(fit), layout_{rows, cols} {
    if constexpr (is_per_tensor<typename Scheme::granularity>) {
      std::vector<float> all;
      all.reserve(static_cast<std::size_t>(product(rows, cols)));
      for (index r = 0; r < rows; ++r) {
        for (index c = 0; c < cols; ++c) { all.push_back(static_cast<float>(value(r, c))); }
      }
      if (!all.empty()) { shared_ = fit_group<quantizer>(fit_, all, 0); }
    }
  }

  [[nodiscard]] layout_type const& layout() const noexcept { return layout_; }
  /// The params of group g, given its values.
  [[nodiscard]] params fit(std::span<float const> xs, index g) const {
    if constexpr (is_per_tensor<typename Scheme::granularity>) { return shared_; }
    return fit_group<quantizer>(fit_, xs, g * layout_.group());
  }
  /// The same, and the codes of the group.
  params encode(std::span<float const> xs, index g, code* codes) const {
    params const p = fit(xs, g);
    for (float const x : xs) { *codes++ = quantizer::encode(x, p); }
    return p;
  }

 private:
  Fit const& fit_;
  layout_type layout_;
  params shared_{};
};

}  // namespace detail

namespace calibration {

/// Packs a dense matrix, any strides, elements float, bf16 or f16: the params of each group by `fit`, codes by the quantizer.
///
///     auto const w = calibration::quantize_with<schemes::w4_g128>(weights, calibration::clip_search{});
///
/// With `extremes` the result is that of quantize<Scheme>. A fit is extremes, percentile, clip_search, entropy, output_clip, or
/// a callable of a group's values. Serial. *Errors*: an element that is NaN or infinite, by row and column.
/// *Scratch*: the values of a group, of all groups for per_tensor.
template <class Scheme, class M, class Fit = extremes>
[[nodiscard]] quantized_matrix<Scheme> quantize_with(M const& weights, Fit const& fit = {}) {
  matrix_view const w(weights);
  detail::check_finite("quantize_with", w.rows(), w.cols(), w);
  detail::group_quantizer<Scheme, Fit> const quantize_group(w.rows(), w.cols(), fit, w);
  std::vector<float> xs;
  return pack_codes<Scheme>(w.rows(), w.cols(), [&](index r, index g, code* codes) {
    index const first = g * quantize_group.layout().group();
    xs.clear();
    for (index k = 0; k < quantize_group.layout().group_length(g); ++k) { xs.push_back(w(r, first + k)); }
    return quantize_group.encode(xs, g, codes);
  });
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
