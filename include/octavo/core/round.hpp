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

/// Numbers with M mantissa bits, the least normal one 2^low, subnormals below it: code = exponent field, then mantissa,
/// with no end above. Value of code c, and code of the number nearest to a, ties to even. Pre: c >= 0, and its value is
/// a float; a >= 0 and finite.
template <int M>
[[nodiscard, gnu::always_inline]] constexpr float minifloat_value(int c, int low) noexcept {
  int const e = c >> M;
  int const m = c & ((1 << M) - 1);
  if (e == 0) { return static_cast<float>(m) * power_of_two(low - M); }
  return static_cast<float>((1 << M) + m) * power_of_two(low + e - 1 - M);
}
template <int M>
[[nodiscard, gnu::always_inline]] constexpr int minifloat_code(float a, int low) noexcept {
  if (a == 0) { return 0; }
  int const e = floor_log2(a) > low ? floor_log2(a) : low;
  // a / quantum is exact: the quantum is a power of two. A carry out of the mantissa is the next exponent.
  return static_cast<int>(round_even(a * power_of_two(M - e))) + ((e - low) << M);
}

}  // namespace detail
}  // namespace v0
}  // namespace octavo
