// SPDX-License-Identifier: MIT
// scale_as<scheme<...>>: the scales of groups are quantized themselves and share a scale with those beside them.
#pragma once

#include <cstdint>
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
/// With offsets of the scales, and of the minima.
template <class Params>
struct two_level_offset_params : Params {
  float offset;
  float minimum_offset;
};

/// The quantizer Base, whose scales (and minima, times -1) are numbers that the scheme Scales quantizes: a tree of
/// schemes.
///
///     symmetric<e2m1, scale_as<scheme<symmetric<e4m3>, per_tensor>>>                      NVFP4, in per_group<16>
///     affine_min<uint4, scale_as<scheme<symmetric<uint6, scale_as<f16>>, per_group<8>>>>  Q4_K, in per_group<32>
///     signed_max<int6, scale_as<scheme<signed_max<int8, scale_as<f16>>, per_group<16>>>>  Q6_K, in per_group<16>
///     symmetric<nf4, scale_as<scheme<symmetric<uint8>, per_group<256>>>>                  as QLoRA, in per_group<64>
///
///     symmetric<nf4, scale_as<scheme<affine_min<uint8, scale_as<bf16>>, per_group<256>>>> as LQ-LoRA, in per_group<64>
///     affine_min<uint3, real_zero, scale_as<scheme<affine_min<uint3, scale_as<f16>>, per_tile<16, 1>>>>
///                                                                                         SpQR, in per_group<16>
///
/// scale = super * value(sub), rounded to f32 once; minimum = super_minimum * value(sub_minimum) likewise, with a
/// shared scale of its own. Where Scales is an affine_min, scale = fma(super, value(sub), offset), and so is the
/// minimum. In Scales, per_group<N> means N neighbouring groups of a row, of which the last may be fewer, per_row
/// all groups of a row, per_tensor all of the matrix: what is shared is stored for each row. per_tile<R, N> means N
/// neighbouring groups of R neighbouring rows, and what is shared is stored once for them.
///
/// With `real_zero` not the minimum is quantized by Scales but the zero, -minimum / scale, a real number of steps:
/// value = scale * (code - zero), minimum = -(scale * zero), rounded once. A group of equal values spans the range to
/// 0.
///
/// quantize first gives every group the float scale of Base, then quantizes those that share by Scales, then codes by
/// what is stored. Where minima become unsigned, the range of a group is extended to 0, so none is above 0. A group
/// with a value that is not finite makes all groups of its row that share with it NaN, and no other row.
template <class Base, class Scales, bool RealZero = false>
struct two_level {
  using format = typename Base::format;
  using base_quantizer = Base;
  using scale_scheme = Scales;
  using scale_quantizer = typename Scales::quantizer;
  using scale_format = typename scale_quantizer::format;
  using scale_granularity = typename Scales::granularity;
  using super_type = typename scale_type_of<scale_quantizer>::type;
  using plain_params = std::conditional_t<has_minimum<Base>, two_level_min_params, two_level_params>;
  /// Whether scales are codes above an offset, and whether zeros are quantized in place of minima.
  static constexpr bool offsets = has_minimum<scale_quantizer>;
  static constexpr bool real_zeros = RealZero;
  /// Whether ranges are extended to 0, since codes of minima have no sign.
  static constexpr bool from_zero = has_minimum<Base> && !RealZero && lowest_value<scale_format> >= 0 && !offsets;
  using params = std::conditional_t<offsets, two_level_offset_params<plain_params>, plain_params>;

  /// Whether scales are integers; else they are e4m3, not negative.
  static constexpr bool integer_scales = lattice<scale_format>.exact && lattice<scale_format>.step == 1.0f;

  static_assert(linear_quantizer<scale_quantizer> && !has_zero_point<scale_quantizer> &&
                    !has_quantized_scales<scale_quantizer>,
                "Octavo: scales are quantized by symmetric, signed_max or absmean, codes times a shared scale, or by "
                "affine_min, with an offset.");
  static_assert(integer_scales || (std::is_same_v<scale_format, e4m3> && requires { Base::from_absmax(1.0f); }),
                "Octavo: scales are quantized to integers, or those of symmetric to octavo::e4m3.");
  static_assert(signed_scale_type<super_type>,
                "Octavo: the scale that groups share is stored as float, octavo::bf16 or octavo::f16.");
  static_assert(
      is_per_group<scale_granularity> || is_per_tensor<scale_granularity> || is_per_tile<scale_granularity> ||
          std::is_same_v<scale_granularity, per_row>,
      "Octavo: scales are quantized per_group<N> (N groups of a row), per_tile<R, N> (those of R rows), per_row "
      "or per_tensor.");

  /// The unrounded scale of a group, and its minimum times -1 (0 without), or its zero.
  struct ends {
    float scale;
    float drop;
  };
  /// What groups share.
  struct shared {
    typename scale_quantizer::params scale;
    typename scale_quantizer::params drop;
  };

  /// Base by the ranges that scales and minima allow: what calibrations search params of.
  struct group_law : Base {
    [[gnu::always_inline]] static constexpr typename Base::params calibrate(float const* first,
                                                                            float const* last) noexcept {
      return calibrate_base(first, last);
    }
    static constexpr typename Base::params calibrate(std::span<float const> xs) noexcept {
      return calibrate_base(xs.data(), xs.data() + xs.size());
    }
  };

  [[gnu::always_inline]] static constexpr ends fit(float const* first, float const* last) noexcept {
    return ends_of(calibrate_base(first, last));
  }
  /// The same of values of which the least and the largest are known, or the bits of the largest size and the value that
  /// has it, the first: what the base is fitted to.
  struct extremes {
    std::uint32_t bits;  ///< of what is not finite 0x7f800000 or more
    float low;
    float high;
    float farthest;
  };
  [[gnu::always_inline]] static constexpr ends fit(extremes const& x) noexcept {
    bool const finite = x.bits < 0x7f800000u;
    if constexpr (has_minimum<Base>) {
      constexpr float inf = __builtin_inff();
      return ends_of(finite ? base_of_range(x.low, x.high) : base_of_range(-inf, inf));
    } else if constexpr (requires { Base::from_extreme(0.0f); }) {
      return ends_of(Base::from_extreme(finite ? x.farthest : not_a_number));
    } else {
      return ends_of(Base::from_absmax(__builtin_bit_cast(float, x.bits)));
    }
  }
  [[gnu::always_inline]] static constexpr ends ends_of(typename Base::params const& p) noexcept {
    if constexpr (!has_minimum<Base>) {
      return {Base::scale(p), 0.0f};
    } else {
      if constexpr (RealZero) {
        return {Base::scale(p), Base::scale(p) == 0 ? 0.0f : -Base::minimum(p) / Base::scale(p)};
      }
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
    if constexpr (offsets) { p.offset = scale_quantizer::minimum(s.scale); }
    if constexpr (has_minimum<Base>) {
      p.super_minimum = -scale_quantizer::scale(s.drop);
      p.sub_minimum = scale_quantizer::encode(group.drop, s.drop);
      if constexpr (offsets) { p.minimum_offset = -scale_quantizer::minimum(s.drop); }
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
    if constexpr (offsets) { return __builtin_fmaf(p.super, scale_format::decode(p.sub), p.offset); }
    return p.super * scale_format::decode(p.sub);
  }
  [[gnu::always_inline]] static constexpr float minimum(params p) noexcept requires has_minimum<Base> {
    float const drop = shared_minimum(p);
    return RealZero ? opaque(scale(p) * drop) : drop;
  }

 private:
  /// The minimum, or the zero times -1.
  [[gnu::always_inline]] static constexpr float shared_minimum(params p) noexcept {
    if constexpr (offsets) {
      return __builtin_fmaf(p.super_minimum, scale_format::decode(p.sub_minimum), p.minimum_offset);
    }
    return opaque(p.super_minimum * scale_format::decode(p.sub_minimum));
  }
  /// Of the least and the largest value, both infinite where one is not finite.
  [[gnu::always_inline]] static constexpr auto base_of_range(float low, float high) noexcept {
    if (RealZero ? low == high : from_zero) {
      low = low < 0 ? low : 0.0f;
      high = high > 0 ? high : 0.0f;
    }
    return Base::from_range(low, high);
  }
  [[gnu::always_inline]] static constexpr auto calibrate_base(float const* first, float const* last) noexcept {
    if constexpr (has_minimum<Base>) {
      value_range const own(first, last, first == last ? 0.0f : *first);
      return base_of_range(own.low, own.high);
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
