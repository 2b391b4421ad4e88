// SPDX-License-Identifier: MIT
// Logarithmic formats of numbers in [0, 1], such as probabilities: log2<B> and log_sqrt2<B>.
#pragma once

#include <cstdint>

#include "octavo/core/round.hpp"
#include "octavo/format/concept.hpp"

namespace octavo {
inline namespace v0 {

/// What a logarithmic format does with numbers below its last level, 0 among them.
enum class log_zero {
  none,  ///< they take the last level: 2^B levels, no zero
  last,  ///< the last code is 0: 2^B - 1 levels in B bits
  extra  ///< 2^B levels and then a code for 0, so B + 1 bits: the fake quantization that papers report
};

namespace detail {

/// Codes of B-bit logarithmic levels by the policy of 0.
template <int B, log_zero Z>
struct log_codes {
  static constexpr int bits = B + (Z == log_zero::extra ? 1 : 0);
  /// Levels, and the codes in use: the one of 0 is the last of them.
  static constexpr int levels = (1 << B) - (Z == log_zero::last ? 1 : 0);
  static constexpr int count = Z == log_zero::none ? levels : levels + 1;
  [[nodiscard, gnu::always_inline]] static constexpr code from_level(int level) noexcept {
    return static_cast<code>(level < count - 1 ? level : count - 1);
  }
  [[nodiscard, gnu::always_inline]] static constexpr bool is_zero(int c) noexcept { return c >= levels; }
};

/// Level of x: -log2(x) times Halves / 2 to the nearest integer, exactly. 1 and above give 0; 0 and below, and NaN, a
/// level beyond every code. No tie exists: 2^(j + 1/2) and 2^(j / 2 + 1/4) are no floats.
template <int Halves>
[[nodiscard, gnu::always_inline]] constexpr int log_level(float x) noexcept {
  static_assert(Halves == 1 || Halves == 2);
  if (!(x > 0x1p-60f)) { return 1000; }
  if (x >= 1) { return 0; }
  float const power = Halves == 2 ? x * x : x;  // the exponent field of this times sqrt 2 is rounded, not truncated
  return 127 - static_cast<int>(__builtin_bit_cast(std::uint32_t, power * 1.41421356f) >> 23);
}

}  // namespace detail

/// Code q means 2^-q. Encoding is nearest in the logarithm (the borders are 2^-(q + 1/2)) as in FQ-ViT (Lin 2022); 1
/// and above give code 0, negative numbers and NaN the last code.
///
///     log2_format<4>         q q q q    1 1/2 1/4 ... 2^-15
template <int B, log_zero Z = log_zero::none>
struct log2_format {
  static_assert(B >= 2 && B <= 5, "Octavo: log2_format has 2 to 5 bits, values down to 2^-31.");
  using all = detail::log_codes<B, Z>;
  static constexpr int bits = all::bits;
  static constexpr int codes = all::count;
  static constexpr int levels_per_octave = 1;
  [[gnu::always_inline]] static constexpr float decode(code c) noexcept {
    int const q = c & ((1 << bits) - 1);
    return all::is_zero(q) ? 0.0f : detail::power_of_two(-q);
  }
  [[gnu::always_inline]] static constexpr code encode(float x) noexcept {
    return all::from_level(detail::log_level<levels_per_octave>(x));
  }
};

/// Code q means 2^(-q/2): twice the levels of log2_format in half the range (RepQ-ViT, Li 2023). Its reparameterization
/// to log2: the same value is factor(q) 2^-exponent(q), powers of two with one of two factors, sqrt 2 for odd codes.
///
///     log_sqrt2_format<4>    q q q q    1 0.7071 1/2 ... 2^-7.5
template <int B, log_zero Z = log_zero::none>
struct log_sqrt2_format {
  static_assert(B >= 2 && B <= 6, "Octavo: log_sqrt2_format has 2 to 6 bits, values down to 2^-31.5.");
  using all = detail::log_codes<B, Z>;
  static constexpr int bits = all::bits;
  static constexpr int codes = all::count;
  static constexpr int levels_per_octave = 2;
  [[gnu::always_inline]] static constexpr int exponent(int q) noexcept { return (q + 1) / 2; }
  [[gnu::always_inline]] static constexpr float factor(int q) noexcept { return q % 2 == 0 ? 1.0f : 1.41421356f; }
  [[gnu::always_inline]] static constexpr float decode(code c) noexcept {
    int const q = c & ((1 << bits) - 1);
    return all::is_zero(q) ? 0.0f : factor(q) * detail::power_of_two(-exponent(q));
  }
  [[gnu::always_inline]] static constexpr code encode(float x) noexcept {
    return all::from_level(detail::log_level<levels_per_octave>(x));
  }
};

namespace detail {
template <class F>
inline constexpr bool is_logarithmic = false;
template <int B, log_zero Z>
inline constexpr bool is_logarithmic<log2_format<B, Z>> = true;
template <int B, log_zero Z>
inline constexpr bool is_logarithmic<log_sqrt2_format<B, Z>> = true;
}  // namespace detail

}  // namespace v0
}  // namespace octavo
