// SPDX-License-Identifier: MIT
// affine_min<Format, Options...>: a scale and a minimum per group, both floats (Q4_1 and Q5_1 of ggml).
#pragma once

#include <span>
#include <type_traits>

#include "octavo/format/table.hpp"
#include "octavo/quant/concept.hpp"
#include "octavo/quant/scale.hpp"
#include "octavo/quant/two_level.hpp"

namespace octavo {
inline namespace v0 {

namespace detail {

/// What laws with a float minimum have in common: x is about scale * value(code) + minimum, rounded once.
/// Law::from_range says how a range maps to the codes.
template <class Law, number_format Format, class... Options>
struct scale_and_minimum {
  using format = Format;
  using scale_type = typename scale_option<Options...>::type;
  static_assert(signed_scale_type<scale_type>,
                "Octavo: affine_min and affine_codebook store scales and minima as scale_as<T> with T one of float, "
                "octavo::bf16, octavo::f16; e8m0 and ue4m3 have no sign, which a minimum needs.");
  static_assert(
      !(std::is_same_v<Options, real_zero> || ...),
      "Octavo: real_zero says that zeros are quantized with the scales. Add scale_as<scheme<...>>, or leave it "
      "away: minima are stored.");
  static constexpr float largest_minimum = std::is_same_v<scale_type, f16>    ? 65504.0f
                                           : std::is_same_v<scale_type, bf16> ? 0x1.fep127f
                                                                              : 0x1.fffffep127f;

  struct params {
    float scale;
    float minimum;
    float inverse;  ///< for encode only, not stored
  };

  [[gnu::always_inline]] static constexpr params calibrate(float const* first, float const* last) noexcept {
    value_range const range(first, last, first == last ? 0.0f : *first);
    return Law::from_range(range.low, range.high);
  }
  static constexpr params calibrate(std::span<float const> xs) noexcept {
    return calibrate(xs.data(), xs.data() + xs.size());
  }
  [[gnu::always_inline]] static constexpr float decode(code c, params p) noexcept {
    return __builtin_fmaf(p.scale, Format::decode(c), p.minimum);
  }
  [[gnu::always_inline]] static constexpr float scale(params p) noexcept { return p.scale; }
  [[gnu::always_inline]] static constexpr float minimum(params p) noexcept { return p.minimum; }

 protected:
  /// A minimum as it is stored: rounded, never to infinity.
  [[nodiscard, gnu::always_inline]] static constexpr float stored(float minimum) noexcept {
    return static_cast<float>(scale_type(clamp(minimum, -largest_minimum, largest_minimum)));
  }
};

}  // namespace detail

/// x is about scale * code + minimum, rounded once. The range [min(x), max(x)] maps to [0, highest] of the format:
/// scale = (max - min) / highest, code = clamp(rne((x - minimum) * inverse)). Scale and minimum are rounded to the
/// stored type first. Options: scale_as<T>, T one of float, bf16, f16.
///
/// A product costs one sum of activations per group and token more than `symmetric`. 0 is not exact; affine has that.
template <number_format Format, class... Options>
struct affine_min : detail::scale_and_minimum<affine_min<Format, Options...>, Format, Options...> {
  using base = detail::scale_and_minimum<affine_min<Format, Options...>, Format, Options...>;
  using typename base::params;
  using typename base::scale_type;
  static_assert(lattice<Format>.exact && lattice<Format>.step == 1.0f && lattice<Format>.lowest == 0,
                "Octavo: affine_min counts codes from the minimum, so its format is one of unsigned integers. Use "
                "uint4, uint8 ..., or affine.");
  static constexpr float highest = largest_value<Format>;

  /// Pre: low <= high, or not finite.
  [[gnu::always_inline]] static constexpr params from_range(float low, float high) noexcept {
    if (!detail::is_finite(high - low)) { return {detail::not_a_number, detail::not_a_number, 0.0f}; }
    auto const fit = detail::fit_scale<scale_type>(high - low, highest);
    return {fit.scale, base::stored(low), fit.inverse};
  }
  [[gnu::always_inline]] static constexpr code encode(float x, params p) noexcept {
    return Format::encode(detail::clamp(detail::opaque(x - p.minimum) * p.inverse, 0.0f, highest));
  }
};

/// The same with scales and minima that are quantized themselves; with `real_zero`, scales and zeros.
template <number_format Format, class... Options>
  requires detail::quantized_scale<Options...>
struct affine_min<Format, Options...>
    : detail::two_level<affine_min<Format>, typename detail::scale_option<Options...>::type,
                        (std::is_same_v<Options, real_zero> || ...)> {
};

namespace detail {
template <class Q>
inline constexpr bool is_affine_min = false;
template <class F, class... Options>
inline constexpr bool is_affine_min<affine_min<F, Options...>> = true;
}  // namespace detail

}  // namespace v0
}  // namespace octavo
