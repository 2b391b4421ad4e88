// SPDX-License-Identifier: MIT
// affine_codebook<Format, Options...>: values on [-1, 1] of any format, over the range of a group (KVQuant's nuq).
#pragma once

#include <span>

#include "octavo/format/integer.hpp"
#include "octavo/format/table.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/concept.hpp"
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
struct affine_codebook {
  using format = Format;
  using scale_type = typename detail::scale_option<Options...>::type;
  static_assert(detail::signed_scale_type<scale_type>,
                "Octavo: affine_codebook stores scales and minima as scale_as<T> with T one of float, octavo::bf16, "
                "octavo::f16; e8m0 and ue4m3 have no sign, which a minimum needs.");
  static constexpr float largest_minimum = affine_min<uint8, scale_as<scale_type>>::largest_minimum;

  struct params {
    float scale;
    float minimum;  ///< what the value 0 stands for
    float inverse;  ///< for encode only, not stored
  };

  /// Pre: low <= high, or not finite.
  [[gnu::always_inline]] static constexpr params from_range(float low, float high) noexcept {
    float const half = detail::opaque(0.5f * high) - detail::opaque(0.5f * low);
    if (!detail::is_finite(half)) { return {detail::not_a_number, detail::not_a_number, 0.0f}; }
    auto const fit = detail::fit_scale<scale_type>(half, 1.0f);
    float const middle = detail::opaque(0.5f * high) + detail::opaque(0.5f * low);
    return {fit.scale, static_cast<float>(scale_type(detail::clamp(middle, -largest_minimum, largest_minimum))),
            fit.inverse};
  }
  [[gnu::always_inline]] static constexpr params calibrate(float const* first, float const* last) noexcept {
    detail::value_range const range(first, last, first == last ? 0.0f : *first);
    return from_range(range.low, range.high);
  }
  static constexpr params calibrate(std::span<float const> xs) noexcept {
    return calibrate(xs.data(), xs.data() + xs.size());
  }
  [[gnu::always_inline]] static constexpr code encode(float x, params p) noexcept {
    return Format::encode(detail::opaque(x - p.minimum) * p.inverse);
  }
  [[gnu::always_inline]] static constexpr float decode(code c, params p) noexcept {
    return __builtin_fmaf(p.scale, Format::decode(c), p.minimum);
  }
  [[gnu::always_inline]] static constexpr float scale(params p) noexcept { return p.scale; }
  [[gnu::always_inline]] static constexpr float minimum(params p) noexcept { return p.minimum; }
};

}  // namespace v0
}  // namespace octavo
