// SPDX-License-Identifier: MIT
// adalog<B>: logarithmic codes whose base is found in calibration (AdaLog, Wu 2024).
#pragma once

#include <cstdint>
#include <span>

#include "octavo/core/error.hpp"
#include "octavo/core/log2.hpp"
#include "octavo/core/table.hpp"
#include "octavo/core/views.hpp"
#include "octavo/format/integer.hpp"
#include "octavo/format/log2.hpp"
#include "octavo/quant/concept.hpp"
#include "octavo/quant/scale.hpp"
#include "octavo/quant/search.hpp"
#include "octavo/quant/vit_input.hpp"

namespace octavo {
inline namespace v0 {

namespace detail {

/// 2^(i/74).
inline constexpr table<double, 75> roots_of_two = [] {
  table<double, 75> t{};
  for (std::size_t i = 0; i < 75; ++i) { t[i] = exp2_of(static_cast<double>(i) / 74.0); }
  return t;
}();
/// The least float above 2^(i/74), i = 0 ... 73.
inline constexpr table<float, 74> floats_above_roots = [] {
  table<float, 74> t{};
  for (std::size_t i = 0; i < 74; ++i) {
    auto const near = static_cast<float>(roots_of_two[i]);
    bool const above = static_cast<double>(near) > roots_of_two[i];
    t[i] = above ? near : __builtin_bit_cast(float, __builtin_bit_cast(std::uint32_t, near) + 1u);
  }
  return t;
}();

/// -74 log2 t, rounded down, and whether that was exact. Pre: 0 < t <= 1.
struct log_in_74ths {
  int floor;
  bool exact;
  [[gnu::always_inline]] constexpr explicit log_in_74ths(float t) noexcept : floor(0), exact(false) {
    bool const denormal = t < 0x1p-126f;
    float const normal = denormal ? t * 0x1p24f : t;
    auto const u = __builtin_bit_cast(std::uint32_t, normal);
    int const e = static_cast<int>(u >> 23) - 127 - (denormal ? 24 : 0);
    auto const m = __builtin_bit_cast(float, (u & 0x7fffffu) | 0x3f800000u);
    int above = 0;  // the number of roots below m
    for (int step = 64; step > 0; step /= 2) {
      if (above + step <= 74 && m >= floats_above_roots[static_cast<std::size_t>(above + step - 1)]) {
        above += step;
      }
    }
    floor = -74 * e - above;
    exact = above == 0;
  }
};

}  // namespace detail

struct adalog_params {
  float scale;        ///< what code 0 means
  std::int32_t base;  ///< q
};

/// Code c means scale * 2^(-c q / 37), with q from 10 to 137 found in calibration: the base 2^(q/37) is 2 for q = 37,
/// 1.206 to
/// 13. As in the paper's tables for integer hardware the power is rounded:
///
///     value(c) = scale * M / D * 2^-S,   S = floor(c q / 37),   M = rne(D 2^-(c q mod 37)/37),   D = 2^(B+1) - 2
///     code     = rne(-log2(x / scale) * 37 / q), exactly (ties, which only q = 74 and such have, go to the even code)
///
/// Numbers below the last level follow `Zero`. No `scale(params)`: kernels ask decode for each value.
/// Input: probabilities, gelu_outputs (shifted to be positive before, back after), folded_gelu_outputs.
template <int B, log_zero Zero = log_zero::none, class Input = probabilities>
struct adalog {
  static_assert(B >= 3 && B <= 6, "Octavo: adalog has 3 to 6 bits.");
  using levels = detail::log_codes<B, Zero>;
  using format = uint<levels::bits>;
  /// For files: it says how codes decode.
  static constexpr char const* name = Zero == log_zero::none ? (Input::subtracted == 0 ? "adalog" : "adalog_gelu")
                                      : Zero == log_zero::last
                                          ? (Input::subtracted == 0 ? "adalog_last_zero" : "adalog_gelu_last_zero")
                                          : (Input::subtracted == 0 ? "adalog_extra_zero" : "adalog_gelu_extra_zero");
  static constexpr int lowest_base = 10;
  static constexpr int highest_base = 137;
  static constexpr int denominator = (2 << B) - 2;  ///< D

  using params = adalog_params;

  /// S and M of a level: what integer kernels shift by and multiply with.
  [[nodiscard, gnu::always_inline]] static constexpr int shift(int level, int q) noexcept { return level * q / 37; }
  [[nodiscard, gnu::always_inline]] static constexpr int mantissa(int level, int q) noexcept {
    return mantissa_of(level * q % 37);
  }
  /// M by c q mod 37.
  [[nodiscard, gnu::always_inline]] static constexpr int mantissa_of(int place) noexcept {
    return mantissas[static_cast<std::size_t>(place)];
  }
  /// M / D 2^-S, 0 below 2^-149.
  [[nodiscard, gnu::always_inline]] static constexpr float unit_value(int level, int q) noexcept {
    int const s = shift(level, q);
    if (s > 149) { return 0.0f; }
    return static_cast<float>(mantissa(level, q)) / static_cast<float>(denominator) * detail::power_of_two(-s);
  }

  /// The scale is the largest number, the base that of the least squared error (of several the smallest q); its cost is
  /// 128 encodings per number. Not finite: scale NaN. Nothing positive: scale 0.
  [[gnu::always_inline]] static constexpr params calibrate(float const* first, float const* last) noexcept {
    detail::value_range const range(first, last, -Input::added);
    float const largest = range.high + Input::added;
    if (!detail::is_finite(largest)) { return {detail::not_a_number, 37}; }
    return with_scale(first, last, largest);
  }
  static constexpr params calibrate(std::span<float const> xs) noexcept {
    return calibrate(xs.data(), xs.data() + xs.size());
  }
  /// The same with a scale that is known, such as 1 for probabilities.
  [[gnu::always_inline]] static constexpr params with_scale(float const* first, float const* last,
                                                            float scale) noexcept {
    auto const of_base = [scale](int i) __attribute__((always_inline)) { return params{scale, lowest_base + i}; };
    constexpr int bases = highest_base - lowest_base + 1;
    return of_base(detail::least_squared_error<adalog>(first, last, bases, of_base));
  }

  [[gnu::always_inline]] static constexpr code encode(float x, params p) noexcept {
    float const t = (x + Input::added) / p.scale;
    if (!(t > 0) || !(p.scale > 0)) { return levels::from_level(1000); }
    if (t >= 1) { return 0; }
    detail::log_in_74ths const log(t);
    // The code is the number of borders (2 j + 1) q, in 74ths of an octave, that lie before t.
    int const before = log.exact ? log.floor - 1 : log.floor;
    int const c = (before + p.base) / (2 * p.base);
    bool const tie = log.exact && (2 * c + 1) * p.base == log.floor;
    return levels::from_level(c + (tie && c % 2 == 1 ? 1 : 0));
  }
  [[gnu::always_inline]] static constexpr float decode(code c, params p) noexcept {
    int const level = c & ((1 << format::bits) - 1);
    int const q = p.base < lowest_base ? lowest_base : p.base > highest_base ? highest_base : p.base;  // from a file?
    float const value = levels::is_zero(level) ? 0.0f * p.scale : p.scale * unit_value(level, q);
    return detail::opaque(value) - Input::subtracted;
  }

 private:
  static constexpr detail::table<std::uint8_t, 37> mantissas = [] {
    detail::table<std::uint8_t, 37> t{};
    for (std::size_t i = 0; i < 37; ++i) {
      t[i] = static_cast<std::uint8_t>(denominator * detail::roots_of_two[74 - 2 * i] * 0.5 + 0.5);
    }
    return t;
  }();
};

/// Takes the shift of GELU outputs into the bias of the layer they enter, once: bias[o] -= gelu_minimum * sum over i of
/// W(o, i), W as its codes decode. Then folded_gelu_outputs give what gelu_outputs did, without a subtraction each.
/// Sums are of doubles, i ascending. Throws when the extents differ.
template <class M>
[[gnu::always_inline]] inline void fold_gelu_shift(M const& weights, std::span<float> bias) {
  matrix_view const w(weights);
  if (w.rows() != static_cast<index>(bias.size())) {
    detail::fail_extents("fold_gelu_shift", "the bias has", static_cast<index>(bias.size()), "the weights have rows",
                         w.rows(), "Pass one bias for each output feature.");
  }
  for (index o = 0; o < w.rows(); ++o) {
    double sum = 0;
    for (index i = 0; i < w.cols(); ++i) { sum += static_cast<double>(w(o, i)); }
    auto& b = bias[static_cast<std::size_t>(o)];
    b = static_cast<float>(static_cast<double>(b) - detail::opaque(static_cast<double>(gelu_minimum) * sum));
  }
}

}  // namespace v0
}  // namespace octavo
