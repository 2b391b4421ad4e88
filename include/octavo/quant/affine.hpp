// SPDX-License-Identifier: MIT
// affine<Format, Options...>: a scale and an integer zero point per group (asymmetric quantization).
#pragma once

#include <span>

#include "octavo/format/table.hpp"
#include "octavo/quant/concept.hpp"
#include "octavo/quant/scale.hpp"

namespace octavo {
inline namespace v0 {

/// x is about scale * (code - zero). The range [min(x, 0), max(x, 0)] maps to [lowest, highest] of the format:
/// scale = (max - min) / (highest - lowest), zero = clamp(rne(lowest - min * inverse)),
/// code = clamp(rne(x * inverse) + zero). So 0 is exact. Options: scale_as<T, Rule>.
template <number_format Format, class... Options>
struct affine {
  using format = Format;
  using scale_type = typename detail::scale_option<Options...>::type;
  using scale_rule = typename detail::scale_option<Options...>::rule;
  static_assert(
      detail::scale_type<scale_type>,
      "Octavo: scale_as<T> stores scales as float, octavo::bf16, octavo::f16, octavo::e8m0 or octavo::ue4m3.");
  static_assert(lattice<Format>.exact && lattice<Format>.step == 1.0f && consecutive_flip<Format> >= 0,
                "Octavo: affine needs an integer format, since its zero point is one of the codes. Use uint4, int8 "
                "..., or symmetric.");
  static constexpr float lowest = lowest_value<Format>;
  static constexpr float highest = largest_value<Format>;

  struct params {
    float scale;
    float inverse;
    int zero_point;
  };

  /// Pre: low <= 0 <= high, or not finite.
  [[gnu::always_inline]] static constexpr params from_range(float low, float high) noexcept {
    auto const fit = detail::fit_scale<scale_type, scale_rule>(high - low, highest - lowest);
    float const zero = detail::clamp(detail::round_even(lowest - detail::opaque(low * fit.inverse)), lowest, highest);
    return {fit.scale, fit.inverse, static_cast<int>(fit.inverse == 0 ? detail::clamp(0.0f, lowest, highest) : zero)};
  }
  [[gnu::always_inline]] static constexpr params calibrate(float const* first, float const* last) noexcept {
    detail::value_range const range(first, last, 0.0f);
    return from_range(range.low, range.high);
  }
  static constexpr params calibrate(std::span<float const> xs) noexcept {
    return calibrate(xs.data(), xs.data() + xs.size());
  }
  [[gnu::always_inline]] static constexpr code encode(float x, params p) noexcept {
    // The first clamp keeps the sum exact; the second is the format's own.
    float const q = detail::round_even(detail::clamp(x * p.inverse, -1024.0f, 1024.0f));
    return Format::encode(detail::clamp(q + static_cast<float>(p.zero_point), lowest, highest));
  }
  [[gnu::always_inline]] static constexpr float decode(code c, params p) noexcept {
    return p.scale * (Format::decode(c) - static_cast<float>(p.zero_point));
  }
  [[gnu::always_inline]] static constexpr float scale(params p) noexcept { return p.scale; }
  [[gnu::always_inline]] static constexpr int zero(params p) noexcept { return p.zero_point; }
};

namespace detail {
template <class Q>
inline constexpr bool is_affine = false;
template <class F, class... Options>
inline constexpr bool is_affine<affine<F, Options...>> = true;
}  // namespace detail

}  // namespace v0
}  // namespace octavo
