// SPDX-License-Identifier: MIT
// symmetric<Format, Options...>: one scale per group, absmax maps to the largest value.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>

#include "octavo/format/table.hpp"
#include "octavo/quant/concept.hpp"
#include "octavo/quant/scale.hpp"
#include "octavo/quant/two_level.hpp"

namespace octavo {
inline namespace v0 {

/// x is about scale * value(code), with scale = absmax / largest and code = encode(x * (largest / absmax)); with `full`
/// code = encode(x / scale).
/// Rounding, zero and non-finite groups: detail::fit_scale. Options: narrow or full, scale_as<T, Rule>.
///
///     symmetric<int4>                     scale f32, codes -7 ... 7
///     symmetric<int8, full>               absmax / 127.5, codes -128 ... 127
///     symmetric<e2m1, scale_as<e8m0>>     the elements of MXFP4
///     symmetric<e2m1, scale_as<e8m0, mx_ceil>>    the same without saturation
template <number_format Format, class... Options>
struct symmetric : detail::one_scale<Format, Options...> {
  using scale_type = typename detail::one_scale<Format, Options...>::scale_type;
  using scale_rule = typename detail::one_scale<Format, Options...>::scale_rule;
  using params = detail::scale_pair;

  /// What absmax maps to.
  static constexpr float largest =
      detail::has_full<Options...> ? (largest_value<Format> - lowest_value<Format>)*0.5f : largest_value<Format>;
  /// Codes are confined to [-limit, limit] before they are rounded.
  static constexpr float limit = detail::has_full<Options...> ? -lowest_value<Format> : largest;

  /// `full` divides by the scale, as compressed-tensors does: `inverse` holds the divisor.
  static constexpr bool divides = detail::has_full<Options...>;

  [[gnu::always_inline]] static constexpr params from_absmax(float absmax) noexcept {
    auto fit = detail::fit_scale<scale_type, scale_rule>(absmax, largest, top_step<Format>);
    if constexpr (divides) { fit.inverse = fit.inverse == 0 ? __builtin_inff() : fit.scale; }
    return fit;
  }
  [[gnu::always_inline]] static constexpr params calibrate(float const* first, float const* last) noexcept {
    std::uint32_t bits = 0;  // as integers, NaN and infinity are above every number
    for (; first != last; ++first) {
      auto const b = __builtin_bit_cast(std::uint32_t, *first) & 0x7fffffffu;
      bits = b > bits ? b : bits;
    }
    return from_absmax(__builtin_bit_cast(float, bits));
  }
  static constexpr params calibrate(std::span<float const> xs) noexcept {
    return calibrate(xs.data(), xs.data() + xs.size());
  }
  [[gnu::always_inline]] static constexpr code encode(float x, params p) noexcept {
    return Format::encode(detail::clamp(divides ? x / p.inverse : x * p.inverse, -limit, limit));
  }
};

/// The same with scales that are quantized themselves.
template <number_format Format, class... Options>
  requires detail::quantized_scale<Options...>
struct symmetric<Format, Options...>
    : detail::two_level<std::conditional_t<detail::has_full<Options...>, symmetric<Format, full>, symmetric<Format>>,
                        typename detail::scale_option<Options...>::type> {
};

namespace detail {
template <class Q>
inline constexpr bool is_symmetric = false;
template <class F, class... Options>
inline constexpr bool is_symmetric<symmetric<F, Options...>> = true;
}  // namespace detail

}  // namespace v0
}  // namespace octavo
