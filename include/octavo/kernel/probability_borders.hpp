// SPDX-License-Identifier: MIT
// Weights of attention as codes that a search among borders finds: shifted logarithms (SULQ), in planes of bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octavo/core/log2.hpp"
#include "octavo/kernel/probability_planes.hpp"
#include "octavo/quant/sulq.hpp"
#include "octavo/simd/lookup.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// What at most 16 codes of weights mean, as weight_levels has it, where the code of a weight 2^x is the number of
/// borders above x. These descend; steps[k] are those that step k of a binary search compares x with, by the code so
/// far.
struct border_levels {
  float unit;
  float ratio;
  simd::byte_table planes[2];
  float steps[4][16];
};

/// Scores to codes: where fma(factor, score, -largest) lies, 16 and more for -infinity. Exact.
template <class A>
class border_encoder {
 public:
  [[gnu::always_inline]] border_encoder(border_levels const& levels, float factor, float shift) noexcept
      : factors_(factor),
        shifts_(shift),
        middle_(levels.steps[0][0]),
        second_(levels.steps[1]),
        third_(levels.steps[2]),
        fourth_(levels.steps[3]) {}
  [[nodiscard, gnu::always_inline]] simd::ints<A> operator()(simd::floats<A> score) const noexcept {
    auto const x = simd::fused<A>(score, factors_, shifts_);
    auto code = simd::add_where_less<A>(simd::ints<A>(0), 8, x, middle_);
    code = simd::add_where_less<A>(code, 4, x, second_(code));
    code = simd::add_where_less<A>(code, 2, x, third_(code));
    code = simd::add_where_less<A>(code, 1, x, fourth_(code));
    return simd::add_where_less<A>(code, 16, x, simd::floats<A>(-0x1.fffffep127f));
  }

 private:
  simd::floats<A> factors_, shifts_, middle_;
  simd::float_lookup<A> second_, third_, fourth_;
};
template <class A, class F>
[[nodiscard, gnu::always_inline]] inline bool encode_weights(border_levels const& levels, float factor, float largest,
                                                             F const& f) noexcept {
  if (!(detail::is_finite(factor) && detail::is_finite(largest))) { return false; }
  f(border_encoder<A>(levels, factor, -largest));
  return true;
}

/// 2^x, for x from -1000 to 1000.
[[nodiscard, gnu::always_inline]] constexpr double power_of(double x) noexcept {
  double const bounded = detail::opaque(x > -1000 ? (x < 1000 ? x : 1000.0) : -1000.0);
  int n = static_cast<int>(bounded);
  n -= static_cast<double>(n) > bounded ? 1 : 0;
  return detail::exp2_of(bounded - n) * __builtin_bit_cast(double, static_cast<std::uint64_t>(1023 + n) << 52);
}

/// Codes of sulq<B>: the border behind code c is log2(2^(-step (c - zero + 1/2)) - eta), as float, and the code means
/// 2^-E(c) - eta, or 0 where that is below, which is nearer to any weight. Planes are the high and the low byte of that
/// as rne(65535 / largest level), with an error of 7.6e-6 of the largest level. `unit` is 0 where all levels are.
template <int B>
[[nodiscard, gnu::always_inline]] constexpr border_levels shifted_levels(sulq_params const& p) noexcept {
  static_assert(B <= 4);
  constexpr int last = (1 << B) - 1;
  float borders[16] = {};
  double values[16] = {};
  double largest = 0;
  for (int c = 0; c < 16; ++c) {
    double const from_zero = static_cast<double>(c) - p.zero_point;
    double const border =
        power_of(detail::opaque(static_cast<double>(p.step) * -(from_zero + 0.5))) - static_cast<double>(p.eta);
    borders[c] = c < last && border > 0 ? static_cast<float>(detail::log2_of(border)) : -__builtin_inff();
    if (c > last || borders[c] > 1) { continue; }  // no weight has this code
    double const value = static_cast<double>(detail::power_of_two(-sulq<B>::exponent(static_cast<code>(c), p))) -
                         static_cast<double>(p.eta);
    values[c] = value > 0 ? value : 0;
    largest = values[c] > largest ? values[c] : largest;
  }
  border_levels l{};
  l.ratio = 1.0f / 256;
  l.unit = largest > 0x1p-100 ? static_cast<float>(65535 / 256.0 / largest) : 0;
  for (int c = 0; c < 16; ++c) {
    auto const word = l.unit > 0 ? static_cast<int>(65535 * values[c] / largest + 0.5) : 0;
    l.planes[0][static_cast<std::size_t>(c)] = static_cast<std::uint8_t>(word >> 8);
    l.planes[1][static_cast<std::size_t>(c)] = static_cast<std::uint8_t>(word & 255);
    for (int k = 0; k < 4; ++k) {
      int const at = c + (8 >> k) - 1;
      l.steps[k][c] = borders[at < 15 ? at : 15];
    }
  }
  return l;
}

template <int B>
struct weight_quantizer<sulq<B>> {
  static constexpr bool is = B <= 4;
  static constexpr bool has_base = false;
  using levels_type = border_levels;
  [[nodiscard, gnu::always_inline]] static constexpr border_levels levels(sulq_params const& p) noexcept {
    return shifted_levels<B>(p);
  }
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
