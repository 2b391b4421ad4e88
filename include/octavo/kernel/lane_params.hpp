// SPDX-License-Identifier: MIT
// The built-in laws by vectors: ranges of values, parameters of them, codes. Lanes may be groups or elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/kernel/encode.hpp"
#include "octavo/kernel/lane_scale.hpp"
#include "octavo/kernel/lane_sums.hpp"
#include "octavo/quant/absmean.hpp"
#include "octavo/quant/affine.hpp"
#include "octavo/quant/affine_codebook.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/signed_max.hpp"
#include "octavo/quant/symmetric.hpp"
#include "octavo/simd/lanes_of_16.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Whether Q encodes by vector code: a built-in law over a format that has one. The codes are those of Q::encode.
/// (Scales that are quantized themselves need more than one group: pack_two_level.hpp.)
template <class Q>
inline constexpr bool vector_quantizer = (detail::is_symmetric<Q> || detail::is_affine<Q> ||
                                          detail::is_affine_min<Q> || detail::is_signed_max<Q> ||
                                          detail::is_absmean<Q>)&&!has_quantized_scales<Q> &&
                                         vector_format<typename Q::format>;
/// And its codes are consecutive integers, each its own value.
template <class Q>
inline constexpr bool integer_quantizer = vector_quantizer<Q>&& encoding_of<typename Q::format> ==
                                          encoding::integers&& lattice<typename Q::format>.step == 1.0f;
/// Whether range_tracker gives the params of Q from values in any order, all lanes together; and from values in their
/// order, lane by lane.
template <class Q>
inline constexpr bool tracks_range = (detail::is_symmetric<Q> || detail::is_affine<Q>)&&!has_quantized_scales<Q>;
template <class Q>
inline constexpr bool is_mean_in_lanes = [] {
  if constexpr (detail::is_absmean<Q>) { return vector_rule<typename Q::scale_rule>; }
  return false;
}();
template <class Q>
inline constexpr bool tracks_lanes = [] {
  if constexpr (tracks_range<Q>) {
    return vector_rule<typename Q::scale_rule>;
  } else {
    return (detail::is_affine_min<Q> || detail::is_affine_codebook<Q> || detail::is_signed_max<Q> ||
            is_mean_in_lanes<Q>)&&!has_quantized_scales<Q>;
  }
}();

template <class Q>
[[nodiscard, gnu::always_inline]] inline int zero_of(typename Q::params const& p) noexcept {
  if constexpr (has_zero_point<Q>) { return Q::zero(p); }
  return 0;
}
template <class Q>
[[nodiscard, gnu::always_inline]] inline float minimum_of(typename Q::params const& p) noexcept {
  if constexpr (has_minimum<Q>) { return Q::minimum(p); }
  return 0;
}

/// Params of a group in each lane. Zero points and minima are unused where Q has none.
template <class A, class Q>
struct lane_params {
  simd::floats<A> scale = simd::floats<A>(0.0f);
  simd::floats<A> inverse;
  simd::floats<A> minimum = simd::floats<A>(0.0f);
  simd::ints<A> zero = simd::ints<A>(0);
};

/// The params of one group in every lane.
template <class A, class Q>
[[nodiscard, gnu::always_inline]] inline lane_params<A, Q> in_all_lanes(typename Q::params const& p) noexcept {
  return {simd::floats<A>(p.scale), simd::floats<A>(p.inverse), simd::floats<A>(minimum_of<Q>(p)),
          simd::ints<A>(zero_of<Q>(p))};
}

/// What calibrate() of a built-in law needs of values seen so far: the largest bits, which also find NaN and infinity;
/// extremes if the law has a zero point or a minimum; the number farthest from 0 with its sign; or the sum of sizes.
template <class A, class Q>
class range_tracker {
  static constexpr bool from_middle = detail::is_affine_codebook<Q>;
  static constexpr bool from_minimum = detail::is_affine_min<Q> || from_middle;
  static constexpr bool extremes = detail::is_affine<Q> || from_minimum;
  static constexpr bool with_sign = detail::is_signed_max<Q>;
  static constexpr bool with_sum = detail::is_absmean<Q>;
  static constexpr auto n = static_cast<std::size_t>(simd::lanes<A>);
  using floats = simd::floats<A>;

 public:
  [[gnu::always_inline]] void add(floats x) noexcept {
    if constexpr (with_sum) {
      sums_.add(simd::absolute<A>(x));
      return;
    }
    auto const bits = simd::bit_and<A>(simd::as_ints<A>(x), 0x7fffffffu);
    if constexpr (with_sign) {
      farthest_ = simd::where_less<A>(simd::as_floats<A>(bits_), simd::as_floats<A>(bits), x, farthest_);
    }
    bits_ = simd::maximum<A>(bits_, bits);
    if constexpr (extremes) {
      low_ = simd::minimum<A>(x, low_);  // x first: NaN leaves the second operand
      high_ = simd::maximum<A>(x, high_);
    }
  }
  /// What another one has seen, lane by lane; its lanes together, into one lane. (Not where order counts.)
  [[gnu::always_inline]] void add(range_tracker const& other) noexcept {
    static_assert(tracks_range<Q>);
    bits_ = simd::maximum<A>(bits_, other.bits_);
    if constexpr (extremes) {
      low_ = simd::minimum<A>(other.low_, low_);
      high_ = simd::maximum<A>(other.high_, high_);
    }
  }
  void add_lanes(int lane, range_tracker const& other) noexcept {
    each const all = other.together();
    std::int32_t bits[n];
    bits_.store_unaligned(bits);
    bits[lane] = all.bits > bits[lane] ? all.bits : bits[lane];
    bits_ = simd::load_ints<A>(bits);
    if constexpr (extremes) {
      float values[n];
      low_.store_unaligned(values);
      values[lane] = all.low < values[lane] ? all.low : values[lane];
      low_ = simd::load_floats<A>(values);
      high_.store_unaligned(values);
      values[lane] = all.high > values[lane] ? all.high : values[lane];
      high_ = simd::load_floats<A>(values);
    }
  }
  /// What each lane has seen, `bits` always and what else Q asks for, one array after the other.
  struct seen {
    alignas(64) std::uint32_t bits[n];
    alignas(64) float low[n];
    alignas(64) float high[n];
    alignas(64) float farthest[n];
  };
  [[gnu::always_inline]] void store(seen& to) const noexcept {
    bits_.store_unaligned(reinterpret_cast<std::int32_t*>(to.bits));
    if constexpr (extremes) {
      low_.store_unaligned(to.low);
      high_.store_unaligned(to.high);
    }
    if constexpr (with_sign) { farthest_.store_unaligned(to.farthest); }
  }
  /// Of all lanes together.
  [[nodiscard]] typename Q::params params() const noexcept {
    if constexpr (!extremes) {
      return Q::from_absmax(__builtin_bit_cast(float, simd::largest<A>(bits_)));
    } else {
      each const all = together();
      constexpr float inf = __builtin_inff();
      return all.bits >= 0x7f800000 ? Q::from_range(-inf, inf) : Q::from_range(all.low, all.high);
    }
  }
  /// Lane by lane, those of calibrate() to the bit.
  [[nodiscard, gnu::always_inline]] lane_params<A, Q> lanes() const noexcept {
    static_assert(tracks_lanes<Q>);
    using F = typename Q::format;
    using T = typename Q::scale_type;
    floats const zero(0.0f);
    floats const infinity(__builtin_inff());
    auto const size = simd::as_floats<A>(bits_);
    if constexpr (with_sum) {
      float means[n];
      for (std::size_t i = 0; i < n; ++i) { means[i] = Q::mean(sums_.of(i), sums_.count()); }
      auto const fit = fit_lanes<A, T, typename Q::scale_rule>(simd::load_floats<A>(means), 1.0f);
      return {fit.scale, fit.inverse};
    } else if constexpr (detail::is_symmetric<Q>) {
      auto fit = fit_lanes<A, T, typename Q::scale_rule>(size, Q::largest, top_step<F>);
      if constexpr (Q::divides) { fit.inverse = simd::where_less<A>(zero, fit.inverse, fit.scale, infinity); }
      return {fit.scale, fit.inverse};
    } else if constexpr (with_sign) {
      auto const fit = fit_lanes<A, T, mx_floor>(size, -lowest_value<F>);
      auto const finite = simd::where_less<A>(size, infinity, farthest_, zero);
      auto const sign = simd::where_less<A>(zero, finite, simd::ints<A>(-0x7fffffff - 1), simd::ints<A>(0));
      auto const flip = [&](floats x) __attribute__((always_inline)) {
        return simd::as_floats<A>(simd::as_ints<A>(x) ^ sign);
      };
      return {flip(fit.scale), flip(fit.inverse)};
    } else {
      auto const extent = simd::where_less<A>(size, infinity, range_of_lanes(), infinity);
      if constexpr (from_minimum) {
        auto const fit = [&] {
          if constexpr (from_middle) {
            return fit_lanes<A, T, mx_floor>(extent, 1.0f);
          } else {
            return fit_lanes<A, T, mx_floor>(extent, Q::highest);
          }
        }();
        auto const exact = from_middle ? half(high_) + half(low_) : low_;
        T minima[n];
        simd::store_from_floats<A>(minima, clamp<A>(exact, -Q::largest_minimum, Q::largest_minimum));
        auto const minimum =
            simd::where_less<A>(extent, infinity, simd::load_as_floats<A>(minima), floats(detail::not_a_number));
        return {fit.scale, fit.inverse, minimum};
      } else {
        constexpr float lowest = Q::lowest;
        constexpr float highest = Q::highest;
        auto const fit = fit_lanes<A, T, typename Q::scale_rule>(extent, highest - lowest);
        auto const exact = floats(lowest) - simd::opaque<A>(low_ * fit.inverse);
        auto const point = simd::to_ints<A>(clamp<A>(exact, lowest, highest));
        constexpr auto middle = static_cast<std::int32_t>(detail::clamp(0.0f, lowest, highest));
        return {fit.scale, fit.inverse, zero, simd::where_less<A>(zero, fit.inverse, point, simd::ints<A>(middle))};
      }
    }
  }

 private:
  struct each {
    std::int32_t bits;
    float low;
    float high;
  };
  /// op of all lanes, none of which is NaN.
  template <class Op>
  [[nodiscard, gnu::always_inline]] static float of_all(floats x, Op const& op) noexcept {
    simd::lanes_of_16<A> lanes(0.0f);
    for (auto& part : lanes.part) { part = x; }
    return lanes.reduce(op);
  }
  [[nodiscard]] each together() const noexcept {
    static_assert(tracks_range<Q>);
    each all{simd::largest<A>(bits_), 0.0f, 0.0f};
    if constexpr (extremes) {
      all.low = of_all(low_, simd::smaller_of<A>());
      all.high = of_all(high_, simd::larger_of<A>());
    }
    return all;
  }
  [[nodiscard, gnu::always_inline]] static floats half(floats x) noexcept {
    return simd::opaque<A>(floats(0.5f) * x);
  }
  /// What the scale is a part of.
  [[nodiscard, gnu::always_inline]] floats range_of_lanes() const noexcept {
    return from_middle ? half(high_) - half(low_) : high_ - low_;
  }
  struct nothing {};
  template <bool There>
  using member = std::conditional_t<There, floats, nothing>;
  template <bool There>
  static member<There> begin(float x) noexcept {
    if constexpr (There) {
      return floats(x);
    } else {
      return {};
    }
  }

  struct no_sums {};
  simd::ints<A> bits_ = simd::ints<A>(0);
  [[no_unique_address]] std::conditional_t<with_sum, lane_sums<A>, no_sums> sums_;
  [[no_unique_address]] member<extremes> low_ = begin<extremes>(from_minimum ? __builtin_inff() : 0.0f);
  [[no_unique_address]] member<extremes> high_ = begin<extremes>(from_minimum ? -__builtin_inff() : 0.0f);
  [[no_unique_address]] member<with_sign> farthest_ = begin<with_sign>(0.0f);
};

/// Whether numbers beyond [-limit, limit], and NaN, have the codes of its ends anyway.
template <class F>
[[nodiscard]] consteval bool clamps_itself(float limit) {
  if constexpr (encoding_of<F> == encoding::steps) {
    return F::steps.distinct < 2 ||
           (-limit <= F::steps.middles[0] && limit > F::steps.middles[F::steps.distinct - 2]);
  } else {
    return false;
  }
}

/// x by the inverse scale of a symmetric law, and the same within its values.
template <class A, class Q>
[[nodiscard, gnu::always_inline]] inline simd::floats<A> scaled_lanes(simd::floats<A> x,
                                                                      lane_params<A, Q> const& p) noexcept {
  if constexpr (Q::divides) { return simd::divide<A>(x, p.inverse); }
  return x * p.inverse;
}
template <class A, class Q>
[[nodiscard, gnu::always_inline]] inline simd::floats<A> bounded_lanes(simd::floats<A> x,
                                                                       lane_params<A, Q> const& p) noexcept {
  using F = typename Q::format;
  constexpr float low = -Q::limit > lowest_value<F> ? -Q::limit : lowest_value<F>;
  constexpr float high = Q::limit < largest_value<F> ? Q::limit : largest_value<F>;
  return clamp<A>(scaled_lanes<A, Q>(x, p), low, high);
}

/// The codes of Q::encode as encode_numbers gives them. Parameters may differ from lane to lane.
template <class A, class Q>
[[nodiscard, gnu::always_inline]] inline simd::ints<A> encode_lanes(simd::floats<A> x,
                                                                    lane_params<A, Q> const& p) noexcept {
  using F = typename Q::format;
  using ints = simd::ints<A>;
  if constexpr (detail::is_symmetric<Q>) {
    if constexpr (clamps_itself<F>(Q::limit)) { return encode_numbers<A, F>(scaled_lanes<A, Q>(x, p)); }
    if constexpr (encoding_of<F> == encoding::minifloat) {
      constexpr float limit = Q::limit < largest_value<F> ? Q::limit : largest_value<F>;
      return encode_minifloat<A, F, true>(simd::maximum<A>(scaled_lanes<A, Q>(x, p), simd::floats<A>(-limit)), limit);
    }
    return encode_numbers<A, F, true>(bounded_lanes<A, Q>(x, p));
  } else if constexpr (detail::is_affine<Q>) {
    auto const q = simd::to_ints<A>(clamp<A>(x * p.inverse, -1024.0f, 1024.0f)) + p.zero;
    return simd::minimum<A>(simd::maximum<A>(q, ints(static_cast<int>(Q::lowest))),
                            ints(static_cast<int>(Q::highest)));
  } else if constexpr (detail::is_affine_min<Q>) {
    return encode_numbers<A, F, true>(clamp<A>((x - p.minimum) * p.inverse, 0.0f, Q::highest));
  } else {
    return encode_numbers<A, F>(x * p.inverse);
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
