// SPDX-License-Identifier: MIT
// Rounding to nearest even, constexpr and the same on every instruction set.
#pragma once

#include <cstdint>

namespace octavo {
inline namespace v0 {
namespace detail {

/// Keeps the optimiser from seeing through a value, so that a + b - b is not simplified and a * b + c not fused.
template <class T>
[[gnu::always_inline]] constexpr T opaque(T x) noexcept {
  if (!__builtin_is_constant_evaluated()) {
#if defined(__x86_64__)
    asm("" : "+x"(x));
#elif defined(__aarch64__)
    asm("" : "+w"(x));
#else
    asm("" : "+m"(x));
#endif
  }
  return x;
}
/// A pointer that the optimiser knows nothing about: what it points to stays in memory.
template <class T>
[[gnu::always_inline]] inline T* opaque(T* p) noexcept {
  asm("" : "+r"(p) : : "memory");
  return p;
}
/// A pointer whose origin the optimiser forgets: it loads anew what was stored by the pointer before.
template <class T>
[[gnu::always_inline]] inline T* forgotten(T* p) noexcept {
  asm("" : "+r"(p));
  return p;
}

/// Neither NaN nor infinity; by bits, so that it is a constant expression everywhere.
[[nodiscard, gnu::always_inline]] constexpr bool is_finite(float x) noexcept {
  return (__builtin_bit_cast(std::uint32_t, x) & 0x7f800000u) != 0x7f800000u;
}

/// x rounded to an integer, ties to even. Pre: not NaN. Values of 2^23 and more are integers already.
[[gnu::always_inline]] constexpr float round_even(float x) noexcept {
  if (!(x < 0x1p23f && x > -0x1p23f)) { return x; }
  float const magic = x < 0 ? -0x1p23f : 0x1p23f;
  // x may be a product, which must not be fused into the sum.
  return opaque(opaque(x) + magic) - magic;
}

/// x clamped to [low, high]; NaN becomes low. The order of operands is that of maxps and minps.
[[gnu::always_inline]] constexpr float clamp(float x, float low, float high) noexcept {
  float const a = x > low ? x : low;
  return a < high ? a : high;
}

/// floor(log2 |x|), from the exponent field. Pre: x is finite and not zero.
[[nodiscard, gnu::always_inline]] constexpr int floor_log2(float x) noexcept {
  auto const mag = __builtin_bit_cast(std::uint32_t, x) & 0x7fffffffu;
  if (mag >= 0x00800000u) { return static_cast<int>(mag >> 23) - 127; }
  return static_cast<int>(31 - __builtin_clz(mag)) - 149;
}

/// 2^e as a float, denormals included. Pre: -149 <= e <= 127.
[[nodiscard, gnu::always_inline]] constexpr float power_of_two(int e) noexcept {
  if (e >= -126) { return __builtin_bit_cast(float, static_cast<std::uint32_t>(e + 127) << 23); }
  return __builtin_bit_cast(float, 1u << (e + 149));
}

}  // namespace detail
}  // namespace v0
}  // namespace octavo
