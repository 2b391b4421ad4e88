// SPDX-License-Identifier: MIT
// The element and scale types bf16, f16, e8m0, ue4m3 and byte_integer: bits, and conversions.
#pragma once

#include <cstdint>
#include <type_traits>

#include "octavo/core/round.hpp"

namespace octavo {
inline namespace v0 {

namespace detail {

/// f32 -> bf16, ties to even; NaN stays NaN (quiet).
[[gnu::always_inline]] constexpr std::uint16_t to_bf16_bits(float x) noexcept {
  auto const u = __builtin_bit_cast(std::uint32_t, x);
  if ((u & 0x7fffffffu) > 0x7f800000u) { return static_cast<std::uint16_t>((u >> 16) | 0x40u); }
  return static_cast<std::uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}

/// f32 -> IEEE binary16, ties to even; overflow to infinity, subnormals kept, NaN stays NaN (quiet).
[[gnu::always_inline]] constexpr std::uint16_t to_f16_bits(float x) noexcept {
  auto const u = __builtin_bit_cast(std::uint32_t, x);
  std::uint32_t const sign = (u >> 16) & 0x8000u;
  std::uint32_t const mag = u & 0x7fffffffu;
  if (mag > 0x7f800000u) { return static_cast<std::uint16_t>(sign | 0x7e00u | ((mag >> 13) & 0x3ffu)); }
  if (mag >= 0x477ff000u) { return static_cast<std::uint16_t>(sign | 0x7c00u); }  // rounds to 65536 or more
  if (mag < 0x38800000u) {  // subnormal: adding 0.5 aligns the last kept bit with the last bit of the sum
    float const aligned = __builtin_bit_cast(float, mag) + 0.5f;
    return static_cast<std::uint16_t>(sign | (__builtin_bit_cast(std::uint32_t, aligned) - 0x3f000000u));
  }
  std::uint32_t const rounded = mag + 0xfffu + ((mag >> 13) & 1u);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

[[gnu::always_inline]] constexpr float from_bf16_bits(std::uint16_t b) noexcept {
  return __builtin_bit_cast(float, static_cast<std::uint32_t>(b) << 16);
}

[[gnu::always_inline]] constexpr float from_f16_bits(std::uint16_t h) noexcept {
  std::uint32_t const sign = (static_cast<std::uint32_t>(h) & 0x8000u) << 16;
  std::uint32_t const mag = h & 0x7fffu;
  if (mag >= 0x7c00u) { return __builtin_bit_cast(float, sign | 0x7f800000u | ((mag & 0x3ffu) << 13)); }
  if (mag >= 0x0400u) { return __builtin_bit_cast(float, sign | ((mag << 13) + 0x38000000u)); }
  float const small = static_cast<float>(mag) * 0x1p-24f;
  return __builtin_bit_cast(float, sign | __builtin_bit_cast(std::uint32_t, small));
}

}  // namespace detail

/// bfloat16: sign, 8 exponent bits, 7 mantissa bits.
struct bf16 {
  std::uint16_t bits;
  bf16() = default;
  [[gnu::always_inline]] constexpr explicit bf16(float x) noexcept : bits(detail::to_bf16_bits(x)) {}
  [[gnu::always_inline]] constexpr operator float() const noexcept { return detail::from_bf16_bits(bits); }
};

/// IEEE binary16: sign, 5 exponent bits, 10 mantissa bits.
struct f16 {
  std::uint16_t bits;
  f16() = default;
  [[gnu::always_inline]] constexpr explicit f16(float x) noexcept : bits(detail::to_f16_bits(x)) {}
  [[gnu::always_inline]] constexpr operator float() const noexcept { return detail::from_f16_bits(bits); }
};

/// A power of two, unsigned: 2^(c - 127); 0xff is NaN; there is no zero. The scale of the OCP MX formats.
///
///     e8m0  e e e e e e e e
struct e8m0 {
  std::uint8_t bits;
  e8m0() = default;
  /// 2^floor(log2 x), saturating; NaN and infinity give NaN; 0 and below give 2^-127.
  [[gnu::always_inline]] constexpr explicit e8m0(float x) noexcept : bits(0) {
    if (!detail::is_finite(x)) {
      bits = 0xff;
    } else if (x > 0) {
      int const e = detail::floor_log2(x) + 127;
      bits = static_cast<std::uint8_t>(e < 0 ? 0 : e);
    }
  }
  [[gnu::always_inline]] constexpr operator float() const noexcept {
    if (bits == 0xff) { return __builtin_nanf(""); }
    return __builtin_bit_cast(float, bits == 0 ? 0x00400000u : static_cast<std::uint32_t>(bits) << 23);
  }
};

/// E4M3 without its sign: the scale of a block of NVFP4.
///
///     ue4m3  0 e e e e m m m     0, 2^-9 ... 448, 0x7f is NaN
struct ue4m3 {
  std::uint8_t bits;
  ue4m3() = default;
  /// The nearest, ties to even, saturating at 448; 0 and below give 0; NaN and infinity give NaN.
  [[gnu::always_inline]] constexpr explicit ue4m3(float x) noexcept : bits(0) {
    if (!detail::is_finite(x)) {
      bits = 0x7f;
    } else if (x > 0) {
      int const c = detail::minifloat_code<3>(x, -6);
      bits = static_cast<std::uint8_t>(c < 0x7e ? c : 0x7e);
    }
  }
  [[gnu::always_inline]] constexpr operator float() const noexcept {
    return (bits & 0x7f) == 0x7f ? __builtin_nanf("") : detail::minifloat_value<3>(bits & 0x7f, -6);
  }
};

/// An integer of Lowest to Lowest + 255 as a byte, which holds its distance from Lowest: the scale of a group that
/// shares a larger one with others (quant/two_level.hpp).
template <int Lowest>
struct byte_integer {
  static constexpr int lowest = Lowest;
  std::uint8_t bits;
  byte_integer() = default;
  /// Pre: x is such an integer.
  [[gnu::always_inline]] constexpr explicit byte_integer(float x) noexcept
      : bits(static_cast<std::uint8_t>(static_cast<int>(x) - Lowest)) {}
  [[gnu::always_inline]] constexpr operator float() const noexcept { return static_cast<float>(bits + Lowest); }
};

/// What dense operands are made of.
template <class T>
concept element = std::is_same_v<T, float> || std::is_same_v<T, bf16> || std::is_same_v<T, f16>;

/// Maps a foreign element type of the same bits to ours (Eigen's in octavo/eigen.hpp).
template <class T>
struct element_of {
  using type = T;
};

}  // namespace v0
}  // namespace octavo
