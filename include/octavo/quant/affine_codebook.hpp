// SPDX-License-Identifier: MIT
// affine_codebook<Format, Options...>: values on [-1, 1] of any format, over the range of a group (KVQuant's nuq).
#pragma once

#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/scale.hpp"

namespace octavo {
inline namespace v0 {

/// x is about scale * value + minimum, rounded once: KVQuant's law, lut = codebook * range + offset (Hooper et al. 2024), with
/// the extremes of the group as its range. [min(x), max(x)] maps to [-1, 1], on which the values of the format lie where
/// numbers are many, such as the centres that calibration/k_means.hpp finds of numbers so mapped: scale = (max - min) / 2,
/// minimum = (max + min) / 2, which the value 0 stands for, code = encode((x - minimum) * inverse). Scale and middle are rounded
/// to the stored type first. Options: scale_as<T>, T one of float, bf16, f16.
///
/// At equal bits it errs less than affine_min, whose values are equally far apart and let products be integers.
template <number_format Format, class... Options>
struct affine_codebook : detail::scale_and_minimum<affine_codebook<Format, Options...>, Format, Options...> {
  using base = detail::scale_and_minimum<affine_codebook<Format, Options...>, Format, Options...>;
  using typename base::params;
  using typename base::scale_type;

  /// Pre: low <= high, or not finite.
  [[gnu::always_inline]] static constexpr params from_range(float low, float high) noexcept {
    float const half = detail::opaque(0.5f * high) - detail::opaque(0.5f * low);
    if (!detail::is_finite(half)) { return {detail::not_a_number, detail::not_a_number, 0.0f}; }
    auto const fit = detail::fit_scale<scale_type>(half, 1.0f);
    return {fit.scale, base::stored(detail::opaque(0.5f * high) + detail::opaque(0.5f * low)), fit.inverse};
  }
  [[gnu::always_inline]] static constexpr code encode(float x, params p) noexcept {
    return Format::encode(detail::opaque(x - p.minimum) * p.inverse);
  }
};

}  // namespace v0
}  // namespace octavo
