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

/// Params of all groups, row after row, given what each has by itself (ends_of): those that share are quantized together.
template <class Scheme>
[[nodiscard]] std::vector<typename Scheme::quantizer::params> settle_groups(panel_layout<Scheme> const& layout,
                                                                            std::vector<float> const& scales,
                                                                            std::vector<float> const& drops) {
  using quantizer = typename Scheme::quantizer;
  using layout_type = panel_layout<Scheme>;
  std::vector<typename quantizer::params> settled(scales.size());
  constexpr bool all = is_per_tensor<typename quantizer::scale_granularity>;
  index const groups = layout.groups();
  index const run = layout_type::sharing_groups != 0 ? index{layout_type::sharing_groups} : larger(groups, 1);
  index const rows = all ? larger(layout.rows, 1) : layout_type::sharing_rows;
  std::vector<float> own_scales, own_drops;
  std::vector<std::size_t> places;
  for (index r = 0; r < layout.rows; r += rows) {
    for (index g = 0; g < groups; g += run) {
      own_scales.clear();
      own_drops.clear();
      places.clear();
      for (index i = r; i < smaller(r + rows, layout.rows); ++i) {
        for (index h = g; h < smaller(g + run, groups); ++h) {
          places.push_back(static_cast<std::size_t>(i * groups + h));
          own_scales.push_back(scales[places.back()]);
          own_drops.push_back(drops[places.back()]);
        }
      }
      auto const shared =
          quantizer::share(own_scales.data(), own_drops.data(), static_cast<index>(own_scales.size()));
      for (std::size_t const p : places) { settled[p] = quantizer::settle({scales[p], drops[p]}, shared); }
    }
  }
  return settled;
}

/// Quantizes the groups of a rows x cols matrix one by one: its params by Fit, per_tensor once for all. Scales that are
/// quantized themselves: Fit for all groups first, then those that share are quantized together.
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
    if constexpr (has_quantized_scales<quantizer>) { fit_all(value); }
  }

  [[nodiscard]] layout_type const& layout() const noexcept { return layout_; }
  /// The params of group g of row r, given its values (not those where scales are quantized, which were fitted at
  /// first).
  [[nodiscard]] params fit(std::span<float const> xs, [[maybe_unused]] index r, index g) const {
    if constexpr (has_quantized_scales<quantizer>) {
      return settled_[static_cast<std::size_t>(r * layout_.groups() + g)];
    }
    if constexpr (is_per_tensor<typename Scheme::granularity>) { return shared_; }
    return fit_group<quantizer>(fit_, xs, g * layout_.group());
  }
  /// The same, and the codes of the group.
  params encode(std::span<float const> xs, index r, index g, code* codes) const {
    params const p = fit(xs, r, g);
    for (float const x : xs) { *codes++ = quantizer::encode(x, p); }
    return p;
  }

 private:
  template <class Value>
  void fit_all(Value const& value) {
    index const groups = layout_.groups();
    std::vector<float> scales, drops, xs;
    for (index r = 0; r < layout_.rows; ++r) {
      for (index g = 0; g < groups; ++g) {
        index const first = g * layout_.group();
        xs.clear();
        for (index k = 0; k < layout_.group_length(g); ++k) { xs.push_back(static_cast<float>(value(r, first + k))); }
        auto const ends = quantizer::ends_of(fit_group<typename quantizer::group_law>(fit_, xs, first));
        scales.push_back(ends.scale);
        drops.push_back(ends.drop);
      }
    }
    settled_ = settle_groups<Scheme>(layout_, scales, drops);
  }

  Fit const& fit_;
  layout_type layout_;
  params shared_{};
  std::vector<params> settled_;  // where scales are quantized, of all groups
};

}  // namespace detail

namespace calibration {

/// Packs a dense matrix, any strides, elements float, bf16 or f16: the params of each group by `fit`, codes by the
/// quantizer.
///
///     auto const w = calibration::quantize_with<schemes::w4_g128>(weights, calibration::clip_search{});
///
/// With `extremes` the result is that of quantize<Scheme>. A fit is extremes, percentile, clip_search, entropy,
/// output_clip, or a callable of a group's values. Serial. *Errors*: an element that is NaN or infinite, by row and
/// column.
/// *Scratch*: the values of a group, of all groups for per_tensor; the params of all groups, where scales are
/// quantized.
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
    return quantize_group.encode(xs, r, g, codes);
  });
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
