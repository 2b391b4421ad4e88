// SPDX-License-Identifier: MIT
// How a scale is rounded into its stored type: float, bf16, f16, e8m0, ue4m3; options of the quantizers.
#pragma once

#include <cstdint>
#include <type_traits>

#include "octavo/core/round.hpp"
#include "octavo/core/scalar.hpp"
#include "octavo/format/concept.hpp"

namespace octavo {
inline namespace v0 {

/// Options of `symmetric`: what absmax maps to.
struct narrow {};  ///< the largest value: /127, /7, /6 ... (ggml q8, bitsandbytes, the default)
struct full {};    ///< half the distance between extremes: /127.5, /7.5 (compressed-tensors)

/// Option of `affine_min` whose scales are quantized: zeros are, in place of minima (quant/two_level.hpp).
struct real_zero {};

/// Which power of two a scale_as<e8m0> is, for numbers up to `extent` and a format whose largest value is `steps` and
/// the value below it less by `top_step`.
///
///     mx_floor    floor(log2 extent) - floor(log2 steps): OCP MX 2023, section 6.3. The largest numbers may saturate.
///     mx_ceil     ceil(log2(extent / steps)), the quotient rounded to f32: nothing saturates (NVIDIA's MXFP8 recipe)
///     mx_even     mx_floor of the extent as the format would round it: with e2m1, 7 counts as 8 (torchao's EVEN)
///     mx_nearest  the integer nearest to log2(extent / steps) (PackQViT)
struct mx_floor {
  [[gnu::always_inline]] static constexpr int exponent(float extent, float steps, float) noexcept {
    return detail::floor_log2(extent) - detail::floor_log2(steps);
  }
};
struct mx_ceil {
  [[gnu::always_inline]] static constexpr int exponent(float extent, float steps, float) noexcept {
    float const q = extent / steps;
    if (q == 0) { return -150; }
    int const e = detail::floor_log2(q);
    return e + (q == detail::power_of_two(e) ? 0 : 1);
  }
};
struct mx_even {
  [[gnu::always_inline]] static constexpr int exponent(float extent, float steps, float top_step) noexcept {
    int const e = mx_floor::exponent(extent, steps, top_step);
    // Half a step at the extent: both are multiples of one unit, so the sum reaches the next power of two or does not.
    float const half = e < -126 ? 0.0f : 0.5f * top_step * detail::power_of_two(e < 127 ? e : 127);
    return mx_floor::exponent(extent + half, steps, top_step);
  }
};
struct mx_nearest {
  [[gnu::always_inline]] static constexpr int exponent(float extent, float steps, float) noexcept {
    float const q = extent / steps;
    return q == 0 ? -150 : detail::floor_log2(q * 1.41421356f);
  }
};

template <class Quantizer, class Granularity>
struct scheme;

/// Option of the quantizers with a scale: it is stored as T, one of float, bf16, f16, e8m0, ue4m3. A power of two may
/// follow another rule than that of OCP: scale_as<e8m0, mx_ceil>. ue4m3 reaches from 2^-9 to 448: what is quantized
/// should have been divided by a number that brings it there, as scale_as<scheme<symmetric<e4m3>, per_tensor>> does: T
/// may also be a scheme, by which the scales are quantized themselves (quant/two_level.hpp).
template <class T, class Rule = mx_floor>
struct scale_as {
  using type = T;
  using rule = Rule;
  static_assert(std::is_same_v<T, e8m0> || std::is_same_v<Rule, mx_floor>,
                "Octavo: mx_ceil, mx_even and mx_nearest choose powers of two. Use scale_as<octavo::e8m0, rule>.");
};

namespace detail {

/// Those with a sign, which minima need.
template <class T>
concept signed_scale_type = std::is_same_v<T, float> || std::is_same_v<T, bf16> || std::is_same_v<T, f16>;
template <class T>
concept scale_type = signed_scale_type<T> || std::is_same_v<T, e8m0> || std::is_same_v<T, ue4m3>;

template <class... Options>
struct scale_option : scale_as<float> {};
template <class T, class Rule, class... Rest>
struct scale_option<scale_as<T, Rule>, Rest...> : scale_as<T, Rule> {};
template <class First, class... Rest>
struct scale_option<First, Rest...> : scale_option<Rest...> {};

template <class... Options>
inline constexpr bool has_full = (std::is_same_v<Options, full> || ...);

/// Whether scales are quantized themselves.
template <class T>
inline constexpr bool is_scheme = false;
template <class Q, class G>
inline constexpr bool is_scheme<scheme<Q, G>> = true;

template <class... Options>
concept quantized_scale = is_scheme<typename scale_option<Options...>::type>;

/// What a group shares: x is about scale * (code - zero), and a code is found by multiplying with the inverse.
struct scale_pair {
  float scale;
  float inverse;
};

/// What quantizers with one scale per group have in common: x is about scale * value(code), code = encode(x * inverse).
template <class Format, class... Options>
struct one_scale {
  using format = Format;
  using scale_type = typename scale_option<Options...>::type;
  using scale_rule = typename scale_option<Options...>::rule;
  using params = scale_pair;
  static_assert(
      detail::scale_type<scale_type>,
      "Octavo: scale_as<T> stores scales as float, octavo::bf16, octavo::f16, octavo::e8m0 or octavo::ue4m3. "
      "symmetric, signed_max and affine_min also take a scheme that quantizes scales.");

  [[gnu::always_inline]] static constexpr code encode(float x, params p) noexcept {
    return Format::encode(x * p.inverse);
  }
  [[gnu::always_inline]] static constexpr float decode(code c, params p) noexcept {
    return p.scale * Format::decode(c);
  }
  [[gnu::always_inline]] static constexpr float scale(params p) noexcept { return p.scale; }
};

inline constexpr float not_a_number = __builtin_nanf("");

/// The least and the largest of some values and of `begin`; infinite both ways if one of the values is not finite.
struct value_range {
  float low;
  float high;
  [[gnu::always_inline]] constexpr value_range(float const* first, float const* last, float begin) noexcept
      : low(begin), high(begin) {
    std::uint32_t bits = 0;  // as integers, NaN and infinity are above every number
    for (; first != last; ++first) {
      float const x = *first;
      auto const b = __builtin_bit_cast(std::uint32_t, x) & 0x7fffffffu;
      bits = b > bits ? b : bits;
      low = x < low ? x : low;
      high = x > high ? x : high;
    }
    if (bits >= 0x7f800000u) {
      low = -__builtin_inff();
      high = __builtin_inff();
    }
  }
};

/// The scale that maps `extent` (an absmax or a range, >= 0 or not finite) to `steps`.
///
/// - f32: scale = extent / steps, inverse = steps / extent.
/// - bf16, f16, ue4m3: the same scale rounded (to the largest finite one, never to infinity), inverse = 1 / scale.
/// - e8m0: the power of two of `Rule`, from 2^-127 to 2^127; inverse exact.
/// - extent 0, or an inverse that overflows: scale 0 (e8m0: 2^-127) and inverse 0, hence codes 0.
/// - extent not finite: scale NaN, so that everything computed from the group is NaN.
template <scale_type T, class Rule = mx_floor>
[[nodiscard, gnu::always_inline]] constexpr scale_pair fit_scale(float extent, float steps,
                                                                 float top_step = 1.0f) noexcept {
  if (!is_finite(extent)) { return {not_a_number, 0.0f}; }
  if constexpr (std::is_same_v<T, e8m0>) {
    if (extent == 0) { return {static_cast<float>(e8m0(0.0f)), 0.0f}; }
    int const e = Rule::exponent(extent, steps, top_step);
    float const scale = power_of_two(e < -127 ? -127 : e > 127 ? 127 : e);
    return {scale, 1.0f / scale};
  } else {
    if (extent == 0) { return {0.0f, 0.0f}; }
    float const exact = extent / steps;
    if constexpr (std::is_same_v<T, float>) {
      float const inverse = steps / extent;
      if (!is_finite(inverse)) { return {0.0f, 0.0f}; }
      return {exact, inverse};
    } else {
      constexpr float largest = std::is_same_v<T, f16> ? 65504.0f : std::is_same_v<T, ue4m3> ? 448.0f : 0x1.fep127f;
      float const rounded = static_cast<float>(T(exact < largest ? exact : largest));
      if (rounded == 0) { return {0.0f, 0.0f}; }
      float const inverse = 1.0f / rounded;
      if (!is_finite(inverse)) { return {0.0f, 0.0f}; }
      return {rounded, inverse};
    }
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace octavo
