// SPDX-License-Identifier: MIT
// detail::fit_scale in lanes: the scales of as many groups as a register has lanes, and how they are stored.
#pragma once

#include <cstdint>
#include <type_traits>

#include "octavo/kernel/encode.hpp"
#include "octavo/quant/scale.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Rules for powers of two that vectors know; those of others are asked one by one.
template <class Rule>
inline constexpr bool vector_rule = std::is_same_v<Rule, mx_floor> || std::is_same_v<Rule, mx_ceil> ||
                                    std::is_same_v<Rule, mx_even> || std::is_same_v<Rule, mx_nearest>;

template <class A>
struct lane_scale {
  simd::floats<A> scale;
  simd::floats<A> inverse;
};

/// Stores scales that are numbers of T already (or NaN). Pre: of e8m0 and ue4m3, not negative.
template <class A, class T>
[[gnu::always_inline]] inline void store_scales(void* to, simd::floats<A> scale) noexcept {
  if constexpr (std::is_same_v<T, e8m0>) {
    simd::store_unsigned_bytes<A>(to, simd::shift_right<23, A>(simd::as_ints<A>(scale)));
  } else if constexpr (std::is_same_v<T, ue4m3>) {
    simd::store_unsigned_bytes<A>(to, encode_minifloat<A, e4m3, false>(scale));
  } else {
    simd::store_from_floats<A>(static_cast<T*>(to), scale);
  }
}

/// floor(log2 x) + 127 in each lane, and x with that exponent taken off, in [1, 2). Pre: x is finite, above 0.
template <class A>
struct lane_log2 {
  simd::ints<A> exponent;
  simd::ints<A> mantissa;  ///< the 23 bits
  [[gnu::always_inline]] explicit lane_log2(simd::floats<A> x) noexcept {
    using floats = simd::floats<A>;
    floats const least(0x1p-126f);
    auto const bits = simd::as_ints<A>(simd::where_less<A>(x, least, x * floats(0x1p24f), x));
    auto const taken = simd::where_less<A>(x, least, simd::ints<A>(24), simd::ints<A>(0));
    exponent = simd::shift_right<23, A>(bits) - taken;
    mantissa = simd::bit_and<A>(bits, 0x7fffffu);
  }
};

/// Rule::exponent + 127 in each lane.
template <class A, class Rule>
[[nodiscard, gnu::always_inline]] inline simd::ints<A> lane_exponent(simd::floats<A> extent, float steps,
                                                                     float top_step) noexcept {
  using ints = simd::ints<A>;
  using floats = simd::floats<A>;
  if constexpr (std::is_same_v<Rule, mx_floor>) {
    return lane_log2<A>(extent).exponent - ints(detail::floor_log2(steps));
  } else if constexpr (std::is_same_v<Rule, mx_even>) {
    auto const e = lane_exponent<A, mx_floor>(extent, steps, top_step);
    auto const bounded = simd::minimum<A>(simd::maximum<A>(e, ints(0)), ints(254));
    auto const half = simd::as_floats<A>(simd::shift_left<23, A>(bounded)) * floats(0.5f * top_step);
    return lane_exponent<A, mx_floor>(simd::opaque<A>(half) + extent, steps, top_step);
  } else {  // a quotient of 0 counts as 2^-150
    auto const q = simd::divide<A>(extent, floats(steps));
    if constexpr (std::is_same_v<Rule, mx_ceil>) {
      lane_log2<A> const log(q);
      auto const e = log.exponent + simd::minimum<A>(log.mantissa, ints(1));
      return simd::where_less<A>(floats(0.0f), q, e, ints(-23));
    } else {
      auto const e = lane_log2<A>(q * floats(1.41421356f)).exponent;
      return simd::where_less<A>(floats(0.0f), q, e, ints(-23));
    }
  }
}

/// detail::fit_scale<T, Rule> in each lane, the same bits. Pre: extent >= 0, or not finite.
template <class A, class T, class Rule>
[[nodiscard, gnu::always_inline]] inline lane_scale<A> fit_lanes(simd::floats<A> extent, float steps,
                                                                 float top_step = 1.0f) noexcept {
  using floats = simd::floats<A>;
  floats const zero(0.0f);
  floats const infinity(__builtin_inff());
  lane_scale<A> fit{zero, zero};
  if constexpr (std::is_same_v<T, e8m0>) {
    auto const e = lane_exponent<A, Rule>(extent, steps, top_step);
    auto const bounded = simd::minimum<A>(simd::maximum<A>(e, simd::ints<A>(0)), simd::ints<A>(254));
    auto const power = [](simd::ints<A> exponent) __attribute__((always_inline)) {  // 2^-127 is denormal
      return simd::as_floats<A>(simd::maximum<A>(simd::shift_left<23, A>(exponent), simd::ints<A>(0x00400000)));
    };
    fit.scale = simd::where_less<A>(zero, extent, power(bounded), floats(0x1p-127f));
    fit.inverse = simd::where_less<A>(zero, extent, power(simd::ints<A>(254) - bounded), zero);
  } else {
    auto scale = simd::divide<A>(extent, floats(steps));
    floats inverse = zero;
    if constexpr (std::is_same_v<T, float>) {
      inverse = simd::divide<A>(floats(steps), extent);
    } else {
      constexpr float largest = std::is_same_v<T, f16> ? 65504.0f : std::is_same_v<T, ue4m3> ? 448.0f : 0x1.fep127f;
      T rounded[static_cast<std::size_t>(simd::lanes<A>)];
      store_scales<A, T>(rounded, simd::minimum<A>(scale, floats(largest)));
      scale = simd::load_as_floats<A>(rounded);
      inverse = simd::divide<A>(floats(1.0f), scale);
    }
    // An extent of 0, or one whose inverse overflows.
    fit = {simd::where_less<A>(inverse, infinity, scale, zero),
           simd::where_less<A>(inverse, infinity, inverse, zero)};
  }
  return {simd::where_less<A>(extent, infinity, fit.scale, floats(detail::not_a_number)),
          simd::where_less<A>(extent, infinity, fit.inverse, zero)};
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
