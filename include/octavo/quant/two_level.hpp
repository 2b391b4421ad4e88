// SPDX-License-Identifier: MIT
// scale_as<scheme<...>>: the scales of groups are quantized themselves and share a scale with those beside them.
#pragma once

#include <span>
#include <type_traits>

#include "octavo/format/minifloat.hpp"
#include "octavo/format/table.hpp"
#include "octavo/quant/concept.hpp"
#include "octavo/quant/granularity.hpp"
#include "octavo/quant/scale.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

/// What a group has: codes of its own and scales that it shares.
struct two_level_params {
  float super;    ///< shared with other groups
  code sub;       ///< the code of this group's scale
  float inverse;  ///< for encode only, not stored
};
struct two_level_min_params {
  float super;
  float super_minimum;
  code sub;
  code sub_minimum;
  float inverse;
};

/// The quantizer Base, whose scales (and minima, times -1) are numbers that the scheme Scales quantizes: a tree of schemes.
///
///     symmetric<e2m1, scale_as<scheme<symmetric<e4m3>, per_tensor>>>                          NVFP4, in per_group<16>
///     affine_min<uint4, scale_as<scheme<symmetric<uint6, scale_as<f16>>, per_group<8>>>>      Q4_K, in per_group<32>
///     signed_max<int6, scale_as<scheme<signed_max<int8, scale_as<f16>>, per_group<16>>>>      Q6_K, in per_group<16>
///     symmetric<nf4, scale_as<scheme<symmetric<uint8>, per_group<256>>>>                      as QLoRA, in per_group<64>
///
/// scale = super * value(sub), rounded to f32 once; minimum = super_minimum * value(sub_minimum) likewise, with a shared
/// scale of its own. In Scales, per_group<N> means N neighbouring groups of a row, of which the last may be fewer, per_row
/// all groups of a row, per_tensor all of the matrix. What is shared is stored for each row.
///
/// quantize first gives every group the float scale of Base, then quantizes those that share by Scales, then codes by
/// what is stored. Where minima become unsigned, the range of a group is extended to 0, so none is above 0. A group
/// with a value that is not finite makes all groups of its row that share with it NaN, and no other row.
template <class Base, class Scales>
struct two_level {
  using format = typename Base::format;
  using scale_scheme = Scales;
  using scale_quantizer = typename Scales::quantizer;
  using scale_format = typename scale_quantizer::format;
  using scale_granularity = typename Scales::granularity;
  using super_type = typename scale_type_of<scale_quantizer>::type;
  using params = std::conditional_t<has_minimum<Base>, two_level_min_params, two_level_params>;

  /// Whether scales are integers; else they are e4m3, not negative.
  static constexpr bool integer_scales = lattice<scale_format>.exact && lattice<scale_format>.step == 1.0f;

  static_assert(linear_quantizer<scale_quantizer> && !has_zero_point<scale_quantizer> &&
                    !has_minimum<scale_quantizer>,
                "Octavo: scales are quantized by symmetric, signed_max or absmean: codes times a shared scale.");
  static_assert(integer_scales || (std::is_same_v<scale_format, e4m3> && requires { Base::from_absmax(1.0f); }),
                "Octavo: scales are quantized to integers, or those of symmetric to octavo::e4m3.");
  static_assert(signed_scale_type<super_type>,
                "Octavo: the scale that groups share is stored as float, octavo::bf16 or octavo::f16.");
  static_assert(is_per_group<scale_granularity> || is_per_tensor<scale_granularity> ||
                    std::is_same_v<scale_granularity, per_row>,
                "Octavo: scales are quantized per_group<N> (N groups of a row), per_row or per_tensor.");

  /// The unrounded scale of a group, and its minimum times -1 (0 without).
  struct ends {
    float scale;
    float drop;
  };
  /// What groups share.
  struct shared {
    typename scale_quantizer::params scale;
    typename scale_quantizer::params drop;
  };

  [[gnu::always_inline]] static constexpr ends fit(float const* first, float const* last) noexcept {
    if constexpr (!has_minimum<Base>) {
      return {Base::scale(calibrate_base(first, last)), 0.0f};
    } else {
      auto const p = calibrate_base(first, last);
      return {Base::scale(p), -Base::minimum(p)};
    }
  }
  /// Of n groups; NaN if one of them is.
  [[gnu::always_inline]] static constexpr shared share(float const* scales, float const* drops, index n) noexcept {
    shared s{};
    s.scale = detail::calibrate<scale_quantizer>(scales, n);
    if constexpr (has_minimum<Base>) { s.drop = detail::calibrate<scale_quantizer>(drops, n); }
    return s;
  }
  [[gnu::always_inline]] static constexpr params settle(ends group, shared const& s) noexcept {
    params p{};
    p.super = scale_quantizer::scale(s.scale);
    p.sub = scale_quantizer::encode(group.scale, s.scale);
    if constexpr (has_minimum<Base>) {
      p.super_minimum = -scale_quantizer::scale(s.drop);
      p.sub_minimum = scale_quantizer::encode(group.drop, s.drop);
    }
    float const stored = scale(p);
    if constexpr (requires { requires Base::divides; }) {
      p.inverse = stored < 0 || stored > 0 ? stored : __builtin_inff();
    } else if (is_finite(stored) && stored != 0) {
      p.inverse = 1.0f / stored;
      if (!is_finite(p.inverse)) {
        p.inverse = 0;
        p.sub = zero_code<scale_format>;
      }
    }
    return p;
  }

  /// A group that shares with none.
  [[gnu::always_inline]] static constexpr params calibrate(float const* first, float const* last) noexcept {
    auto const group = fit(first, last);
    return settle(group, share(&group.scale, &group.drop, 1));
  }
  static constexpr params calibrate(std::span<float const> xs) noexcept {
    return calibrate(xs.data(), xs.data() + xs.size());
  }
  [[gnu::always_inline]] static constexpr code encode(float x, params p) noexcept { return Base::encode(x, base(p)); }
  [[gnu::always_inline]] static constexpr float decode(code c, params p) noexcept { return Base::decode(c, base(p)); }
  [[gnu::always_inline]] static constexpr float scale(params p) noexcept {
    return p.super * scale_format::decode(p.sub);
  }
  [[gnu::always_inline]] static constexpr float minimum(params p) noexcept requires has_minimum<Base> {
    return opaque(p.super_minimum * scale_format::decode(p.sub_minimum));
  }

 private:
  [[gnu::always_inline]] static constexpr auto calibrate_base(float const* first, float const* last) noexcept {
    if constexpr (has_minimum<Base> && lowest_value<scale_format> >= 0) {
      value_range const range(first, last, 0.0f);
      return Base::from_range(range.low, range.high);
    } else {
      return detail::calibrate<Base>(first, last - first);
    }
  }
  [[gnu::always_inline]] static constexpr typename Base::params base(params p) noexcept {
    if constexpr (has_minimum<Base>) {
      return {scale(p), minimum(p), p.inverse};
    } else {
      return {scale(p), p.inverse};
    }
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace octavo
