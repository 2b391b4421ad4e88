// SPDX-License-Identifier: MIT
// twin_uniform<B>: two uniform ranges, the steps of one a power of two times those of the other (PTQ4ViT, Yuan 2022).
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>

#include "octavo/format/integer.hpp"
#include "octavo/quant/concept.hpp"
#include "octavo/quant/scale.hpp"
#include "octavo/quant/search.hpp"
#include "octavo/quant/vit_input.hpp"

namespace octavo {
inline namespace v0 {

/// The high bit of a code says which range it is of, the others count n = 2^(B-1) steps there. For probabilities
///
///     code  f c c c    f = 1: c / (n - 1)   f = 0: c / (n - 1) 2^-shift, for x below 2^-shift
///
/// and for outputs of GELU, with the step d = gelu_minimum / n,
///
///     code  f c c c    f = 1: c d 2^shift   f = 0: -c d, for x below 0
///
/// Steps are counted to the nearest, ties to even, as the paper selects ranges (its code adds both); both are times
/// `scale`, 1 by calibrate. No `scale(params)`: kernels ask decode for each value.
template <int B, class Input = probabilities>
struct twin_uniform {
  static_assert(B >= 3 && B <= 8, "Octavo: twin_uniform has 3 to 8 bits.");
  static_assert(std::is_same_v<Input, probabilities> || std::is_same_v<Input, gelu_outputs>,
                "Octavo: twin_uniform takes probabilities or gelu_outputs.");
  using format = uint<B>;
  static constexpr char const* name = std::is_same_v<Input, probabilities> ? "twin_uniform" : "twin_uniform_gelu";
  static constexpr bool signed_ranges = std::is_same_v<Input, gelu_outputs>;
  static constexpr int n = 1 << (B - 1);

  struct params {
    float scale;
    std::int32_t shift;
  };

  /// The shift of the least squared error, of several the smallest: 0 to 19, or to 2 B for GELU. Not finite: scale NaN.
  [[gnu::always_inline]] static constexpr params calibrate(float const* first, float const* last) noexcept {
    detail::value_range const range(first, last, 0.0f);
    if (!detail::is_finite(range.high)) { return {detail::not_a_number, 0}; }
    auto const of_shift = [](int i) __attribute__((always_inline)) { return params{1.0f, i}; };
    return of_shift(detail::least_squared_error<twin_uniform>(first, last, signed_ranges ? 2 * B + 1 : 20, of_shift));
  }
  static constexpr params calibrate(std::span<float const> xs) noexcept {
    return calibrate(xs.data(), xs.data() + xs.size());
  }

  [[gnu::always_inline]] static constexpr code encode(float x, params p) noexcept {
    float const y = x / p.scale;
    if constexpr (signed_ranges) {
      constexpr float step = gelu_minimum / n;
      return y < 0 ? uint<B - 1>::encode(-y / step) : from_high(y / (step * power(p)));
    } else {
      constexpr float steps = n - 1;
      return y * power(p) < 1 ? uint<B - 1>::encode(y * steps * power(p)) : from_high(y * steps);
    }
  }
  [[gnu::always_inline]] static constexpr float decode(code c, params p) noexcept {
    bool const high = (c & n) != 0;
    auto const count = static_cast<float>(c & (n - 1));
    if constexpr (signed_ranges) {
      constexpr float step = gelu_minimum / n;
      return p.scale * (high ? count * step * power(p) : -count * step);
    } else {
      constexpr float steps = n - 1;
      return p.scale * (count / steps * (high ? 1.0f : 1.0f / power(p)));
    }
  }

 private:
  /// 2^shift; of a shift that no calibration gives, from a file, some power.
  [[gnu::always_inline]] static constexpr float power(params p) noexcept {
    return detail::power_of_two(p.shift & 31);
  }
  [[gnu::always_inline]] static constexpr code from_high(float steps) noexcept {
    return static_cast<code>(uint<B - 1>::encode(steps) | n);
  }
};

}  // namespace v0
}  // namespace octavo
