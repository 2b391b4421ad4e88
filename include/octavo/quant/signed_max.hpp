// SPDX-License-Identifier: MIT
// signed_max<Format, Options...>: the number farthest from 0 becomes the lowest code, so the scale has a sign (ggml).
#pragma once

#include <span>
#include <type_traits>

#include "octavo/format/table.hpp"
#include "octavo/quant/concept.hpp"
#include "octavo/quant/scale.hpp"
#include "octavo/quant/two_level.hpp"

namespace octavo {
inline namespace v0 {

/// x is about scale * value(code), with scale = m / lowest for the m with the largest |m|, of several the first: the
/// law of Q4_0 and Q5_0 of ggml (d = max / -8). It uses the lowest code, which `symmetric` leaves out (narrow) or pays
/// for by cutting off the largest numbers (full); with few bits that is much. Options: scale_as<T>.
///
/// Codes are nearest, ties to even, by the inverse of the stored scale; ggml's are by that of the f32 scale, ties up.
template <number_format Format, class... Options>
struct signed_max : detail::one_scale<Format, Options...> {
  using scale_type = typename detail::one_scale<Format, Options...>::scale_type;
  using params = detail::scale_pair;
  static_assert(
      detail::signed_scale_type<scale_type>,
      "Octavo: signed_max stores scales as scale_as<T> with T one of float, octavo::bf16, octavo::f16; e8m0 and "
      "ue4m3 have no sign.");
  static_assert(lowest_value<Format> < 0,
                "Octavo: signed_max needs a format with negative values. Use symmetric, or affine.");

  [[gnu::always_inline]] static constexpr params from_extreme(float m) noexcept {
    auto const fit = detail::fit_scale<scale_type>(m < 0 ? -m : m, -lowest_value<Format>);
    return m > 0 ? params{-fit.scale, -fit.inverse} : fit;
  }
  [[gnu::always_inline]] static constexpr params calibrate(float const* first, float const* last) noexcept {
    float m = 0;
    bool finite = true;
    for (; first != last; ++first) {
      float const x = *first;
      finite = finite && detail::is_finite(x);
      m = (x < 0 ? -x : x) > (m < 0 ? -m : m) ? x : m;
    }
    return from_extreme(finite ? m : detail::not_a_number);
  }
  static constexpr params calibrate(std::span<float const> xs) noexcept {
    return calibrate(xs.data(), xs.data() + xs.size());
  }
};

/// The same with scales that are quantized themselves.
template <number_format Format, class... Options>
  requires detail::quantized_scale<Options...>
struct signed_max<Format, Options...>
    : detail::two_level<signed_max<Format>, typename detail::scale_option<Options...>::type> {
};

namespace detail {
template <class Q>
inline constexpr bool is_signed_max = false;
template <class F, class... Options>
inline constexpr bool is_signed_max<signed_max<F, Options...>> = true;
}  // namespace detail

}  // namespace v0
}  // namespace octavo
