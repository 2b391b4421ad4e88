// SPDX-License-Identifier: MIT
// Values of codes by vectors for quantizers without scale(): each lane is a row with params of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "octavo/quant/adalog.hpp"
#include "octavo/quant/sulq.hpp"
#include "octavo/quant/twin_uniform.hpp"
#include "octavo/simd/lookup.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Q::decode in lanes, to the bit, where Q is one that vectors know (`there`). It is made from the params of as many
/// rows as there are lanes, one after the other. Codes are integers from 0. exact() says whether these params are
/// among those that vectors take.
template <class A, class Q>
class lane_decoder {
 public:
  static constexpr bool there = false;
};

/// Field number `Field` of the params of each row, four bytes each.
template <class A, class Params, std::size_t Field>
[[nodiscard, gnu::always_inline]] inline simd::ints<A> load_field(std::byte const* params) noexcept {
  static_assert(sizeof(Params) > Field * 4);
  std::int32_t each[static_cast<std::size_t>(simd::lanes<A>)];
  for (std::size_t i = 0; i < static_cast<std::size_t>(simd::lanes<A>); ++i) {
    std::memcpy(&each[i], params + i * sizeof(Params) + Field * 4, 4);
  }
  return simd::load_ints<A>(each);
}

/// 2^-E(c) - eta: an fma rounds the exact product to an integer, ties to even, in the low bits of a float. Not of params
/// whose exponents are not those of normal numbers, nor exact in an fma.
template <class A, int B>
  requires has_fma<A>
class lane_decoder<A, sulq<B>> {
  using floats = simd::floats<A>;
  using ints = simd::ints<A>;

 public:
  static constexpr bool there = true;

  [[gnu::always_inline]] lane_decoder() noexcept = default;
  [[gnu::always_inline]] explicit lane_decoder(std::byte const* params) noexcept
      : eta_(simd::as_floats<A>(load_field<A, sulq_params, 0>(params))),
        step_(simd::as_floats<A>(load_field<A, sulq_params, 1>(params))),
        zero_(simd::to_floats<A>(load_field<A, sulq_params, 2>(params))) {
    auto plain = simd::add_where_less<A>(ints(0), 1, floats(0.0f), step_);
    plain = simd::add_where_less<A>(plain, 1, simd::absolute<A>(zero_), floats(0x1p23f));
    plain = simd::add_where_less<A>(plain, 1, step_ * zero_, floats(127.0f));
    constexpr auto highest = static_cast<float>(sulq<B>::format::highest);
    plain = simd::add_where_less<A>(plain, 1, step_ * (floats(highest) - zero_), floats(126.0f));
    exact_ = simd::sum<A>(plain) == 4 * simd::lanes<A>;
  }
  [[nodiscard, gnu::always_inline]] bool exact() const noexcept { return exact_; }
  [[nodiscard, gnu::always_inline]] floats operator()(ints codes) const noexcept {
    auto const e = simd::fused<A>(step_, zero_ - simd::to_floats<A>(codes), floats(0x1.8p23f));  // -E
    auto const exponents = simd::as_ints<A>(e) + ints(127 - 0x4b400000);  // less the bits of 1.5 * 2^23
    return simd::as_floats<A>(simd::shift_left<23, A>(exponents)) - eta_;
  }

 private:
  floats eta_;
  floats step_;
  floats zero_;
  bool exact_;
};

template <class A, int B, class Input>
class lane_decoder<A, twin_uniform<B, Input>> {
  using Q = twin_uniform<B, Input>;
  using floats = simd::floats<A>;
  using ints = simd::ints<A>;
  static_assert(sizeof(typename Q::params) == 8);

 public:
  static constexpr bool there = true;

  [[gnu::always_inline]] lane_decoder() noexcept = default;
  [[gnu::always_inline]] explicit lane_decoder(std::byte const* params) noexcept
      : scale_(simd::as_floats<A>(load_field<A, typename Q::params, 0>(params))) {
    auto const shift = simd::bit_and<A>(load_field<A, typename Q::params, 1>(params), 31);
    auto const exponent = Q::signed_ranges ? shift + ints(127) : ints(127) - shift;
    power_ = simd::as_floats<A>(simd::shift_left<23, A>(exponent));
  }
  [[nodiscard, gnu::always_inline]] static constexpr bool exact() noexcept { return true; }
  /// Products with powers of two are exact, so that one may stand where decode divides by it.
  [[nodiscard, gnu::always_inline]] floats operator()(ints codes) const noexcept {
    floats const count = simd::to_floats<A>(simd::bit_and<A>(codes, Q::n - 1));
    floats const below(static_cast<float>(Q::n) - 0.5f);
    floats const code = simd::to_floats<A>(codes);
    if constexpr (Q::signed_ranges) {
      constexpr float step = gelu_minimum / static_cast<float>(Q::n);
      return scale_ * ((count * floats(step)) * simd::where_less<A>(below, code, power_, floats(-1.0f)));
    } else {
      return scale_ * (part(count) * simd::where_less<A>(below, code, floats(1.0f), power_));
    }
  }

 private:
  /// count / (n - 1), rounded once: an fma has what is left of the count.
  [[nodiscard, gnu::always_inline]] static floats part(floats count) noexcept {
    constexpr float steps = Q::n - 1;
    if constexpr (has_fma<A>) {
      floats const inverse(1.0f / steps);
      auto const quotient = count * inverse;
      return simd::fused<A>(simd::fused<A>(quotient, floats(-steps), count), inverse, quotient);
    } else {
      return simd::divide<A>(count, floats(steps));
    }
  }

  floats scale_;
  floats power_;  ///< of one of the ranges
};

template <class A, int B, log_zero Zero, class Input>
class lane_decoder<A, adalog<B, Zero, Input>> {
  using Q = adalog<B, Zero, Input>;
  using floats = simd::floats<A>;
  using ints = simd::ints<A>;
  static_assert(sizeof(adalog_params) == 8);

 public:
  static constexpr bool there = true;

  [[gnu::always_inline]] lane_decoder() noexcept = default;
  [[gnu::always_inline]] explicit lane_decoder(std::byte const* params) noexcept
      : scale_(simd::as_floats<A>(load_field<A, adalog_params, 0>(params))) {
    auto const least = simd::maximum<A>(load_field<A, adalog_params, 1>(params), ints(Q::lowest_base));
    base_ = simd::to_floats<A>(simd::minimum<A>(least, ints(Q::highest_base)));
    shifts_ = base_ * floats(1.0f / 37.0f);
    auto const wide = simd::add_where_less<A>(ints(0), 1, floats(widest), base_);
    exact_ = Q::highest_base <= widest || simd::sum<A>(wide) == 0;
  }
  [[nodiscard, gnu::always_inline]] bool exact() const noexcept { return exact_; }
  /// c q / 37 rounded down is (c q - 18) / 37 to the nearest, never a tie, which floats find for numbers so small.
  [[nodiscard, gnu::always_inline]] floats operator()(ints codes) const noexcept {
    auto const level = simd::to_floats<A>(codes);
    auto const shift = simd::to_ints<A>(simd::fused<A>(level, shifts_, floats(-18.0f / 37.0f)));
    auto const place = simd::fused<A>(level, base_, simd::opaque<A>(simd::to_floats<A>(shift) * floats(-37.0f)));
    auto unit = simd::as_floats<A>(simd::as_ints<A>(mantissa(place)) - simd::shift_left<23, A>(shift));
    if constexpr (Zero != log_zero::none) {
      constexpr auto last = static_cast<float>(Q::levels::levels) - 0.5f;
      unit = simd::where_less<A>(floats(last), level, floats(0.0f), unit);
    }
    auto const value = scale_ * unit;
    if constexpr (Input::subtracted == 0) { return value; }
    return simd::opaque<A>(value) - floats(Input::subtracted);
  }

 private:
  /// M / D by c q mod 37.
  static constexpr simd::float_table mantissas = [] {
    simd::float_table t{};
    for (int i = 0; i < 37; ++i) {
      t[static_cast<std::size_t>(i)] = static_cast<float>(Q::mantissa_of(i)) / static_cast<float>(Q::denominator);
    }
    return t;
  }();
  static constexpr simd::float_table last_mantissas = [] {
    simd::float_table t{};
    for (std::size_t i = 0; i < 16; ++i) { t[i] = mantissas[32 + i]; }
    return t;
  }();
  [[nodiscard, gnu::always_inline]] static floats mantissa(floats place) noexcept {
    auto const at = simd::to_ints<A>(place);
    if constexpr (simd::has_wide_float_lookup<A>) {
      auto const low = simd::wide_float_lookup<A>(mantissas)(at);
      auto const high = simd::float_lookup<A>(last_mantissas)(at);
      return simd::where_less<A>(floats(31.5f), place, high, low);
    } else {
      return simd::gather<A>(mantissas.data(), at);
    }
  }
  /// The largest base whose levels are all of normal numbers.
  static constexpr auto widest = static_cast<float>(125 * 37 / (Q::levels::levels - 1));

  floats scale_;
  floats base_;
  floats shifts_;  ///< q / 37
  bool exact_;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
