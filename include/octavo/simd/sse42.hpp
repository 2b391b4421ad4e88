// SPDX-License-Identifier: MIT
// The intrinsics of SSE4.2. It has neither fma nor conversions of f16.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/core/scalar.hpp"
#include "octavo/simd/native.hpp"

#if defined(__SSE4_2__)
#include <immintrin.h>

namespace octavo {
inline namespace v0 {
namespace simd {

template <>
struct native<sse42> {
  using ints = xsimd::batch<std::int32_t, sse42>;
  using floats = xsimd::batch<float, sse42>;
  using raw = __m128i;
  static constexpr int lanes = 4;

  [[gnu::always_inline]] static ints load_bytes(void const* p) noexcept {
    std::int32_t four;
    std::memcpy(&four, p, sizeof four);
    return ints(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(four)));
  }
  [[gnu::always_inline]] static floats to_floats(ints x) noexcept { return floats(_mm_cvtepi32_ps(x)); }
  [[gnu::always_inline]] static ints to_ints(floats x) noexcept { return ints(_mm_cvtps_epi32(x)); }
  template <int N>
  [[gnu::always_inline]] static ints shift_right(ints x) noexcept {
    return ints(_mm_srli_epi32(x, N));
  }
  [[gnu::always_inline]] static ints shift_right(ints x, int n) noexcept {
    return ints(_mm_srl_epi32(x, _mm_cvtsi32_si128(n)));
  }
  template <int N>
  [[gnu::always_inline]] static ints shift_left(ints x) noexcept {
    return ints(_mm_slli_epi32(x, N));
  }
  /// Two roundings.
  [[gnu::always_inline]] static floats fused(floats a, floats b, floats c) noexcept {
    return floats(_mm_add_ps(opaque(floats(_mm_mul_ps(a, b))), c));
  }
  [[gnu::always_inline]] static floats opaque(floats x) noexcept {
    __m128 r = x;
    asm("" : "+x"(r));
    return floats(r);
  }
  [[gnu::always_inline]] static floats floor(floats x) noexcept {
    return floats(_mm_round_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC));
  }
  [[gnu::always_inline]] static std::int32_t sum(ints x) noexcept {
    __m128i const v = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(v, _mm_shuffle_epi32(v, 0xb1)));
  }
  [[gnu::always_inline]] static std::int32_t largest(ints x) noexcept {
    __m128i const v = _mm_max_epi32(x, _mm_shuffle_epi32(x, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(v, _mm_shuffle_epi32(v, 0xb1)));
  }
  [[gnu::always_inline]] static floats swap_pairs(floats x) noexcept { return floats(_mm_shuffle_ps(x, x, 0xb1)); }
  [[gnu::always_inline]] static floats minimum(floats a, floats b) noexcept { return floats(_mm_min_ps(a, b)); }
  [[gnu::always_inline]] static floats maximum(floats a, floats b) noexcept { return floats(_mm_max_ps(a, b)); }
  [[gnu::always_inline]] static ints minimum(ints a, ints b) noexcept { return ints(_mm_min_epi32(a, b)); }
  [[gnu::always_inline]] static ints maximum(ints a, ints b) noexcept { return ints(_mm_max_epi32(a, b)); }
  [[gnu::always_inline]] static floats load_f16(f16 const* p) noexcept {
    return floats(_mm_setr_ps(static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2]),
                              static_cast<float>(p[3])));
  }
  [[gnu::always_inline]] static floats load_bf16(bf16 const* p) noexcept {
    raw const words = _mm_loadl_epi64(reinterpret_cast<__m128i const*>(p));
    return as_floats(_mm_unpacklo_epi16(_mm_setzero_si128(), words));
  }
  [[gnu::always_inline]] static void store_f16(f16* p, floats x) noexcept {
    float values[4];
    x.store_unaligned(values);
    for (int i = 0; i < 4; ++i) { p[i] = f16(values[i]); }
  }
  [[gnu::always_inline]] static void store_bytes(void* p, ints x) noexcept {
    raw const words = _mm_packs_epi32(x, x);
    std::int32_t const four = _mm_cvtsi128_si32(_mm_packs_epi16(words, words));
    std::memcpy(p, &four, sizeof four);
  }
  template <class T>
  [[gnu::always_inline]] static void store_words(T* p, ints x) noexcept {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p),
                     std::is_unsigned_v<T> ? _mm_packus_epi32(x, x) : _mm_packs_epi32(x, x));
  }
  [[gnu::always_inline]] static ints where_nan(floats x, ints a, ints b) noexcept {
    return ints(_mm_blendv_epi8(b, a, _mm_castps_si128(_mm_cmpunord_ps(x, x))));
  }
  [[gnu::always_inline]] static floats where_less(floats x, floats y, floats a, floats b) noexcept {
    return floats(_mm_blendv_ps(b, a, _mm_cmplt_ps(x, y)));
  }
  [[gnu::always_inline]] static ints add_where_less(ints i, ints n, floats x, floats y) noexcept {
    return i + ints(_mm_and_si128(n, _mm_castps_si128(_mm_cmplt_ps(x, y))));
  }
  [[gnu::always_inline]] static void transpose(floats* r) noexcept {
    __m128 const low01 = _mm_unpacklo_ps(r[0], r[1]);
    __m128 const high01 = _mm_unpackhi_ps(r[0], r[1]);
    __m128 const low23 = _mm_unpacklo_ps(r[2], r[3]);
    __m128 const high23 = _mm_unpackhi_ps(r[2], r[3]);
    r[0] = floats(_mm_movelh_ps(low01, low23));
    r[1] = floats(_mm_movehl_ps(low23, low01));
    r[2] = floats(_mm_movelh_ps(high01, high23));
    r[3] = floats(_mm_movehl_ps(high23, high01));
  }
  [[gnu::always_inline]] static ints load_table(std::uint8_t const* p) noexcept {
    return ints(_mm_loadu_si128(reinterpret_cast<__m128i const*>(p)));
  }
  [[gnu::always_inline]] static ints shuffle(ints table, ints codes) noexcept {
    return ints(_mm_shuffle_epi8(table, codes));
  }
  template <int Bytes>
  [[gnu::always_inline]] static ints interleave_low(ints a, ints b) noexcept {
    if constexpr (Bytes == 1) { return ints(_mm_unpacklo_epi8(a, b)); }
    if constexpr (Bytes == 2) { return ints(_mm_unpacklo_epi16(a, b)); }
    if constexpr (Bytes == 4) { return ints(_mm_unpacklo_epi32(a, b)); }
    return ints(_mm_unpacklo_epi64(a, b));
  }
  template <int Bytes>
  [[gnu::always_inline]] static ints interleave_high(ints a, ints b) noexcept {
    if constexpr (Bytes == 1) { return ints(_mm_unpackhi_epi8(a, b)); }
    if constexpr (Bytes == 2) { return ints(_mm_unpackhi_epi16(a, b)); }
    if constexpr (Bytes == 4) { return ints(_mm_unpackhi_epi32(a, b)); }
    return ints(_mm_unpackhi_epi64(a, b));
  }

  // For dot products: bytes and 16-bit words of a register.
  [[gnu::always_inline]] static raw multiply_bytes(raw w, raw a) noexcept { return _mm_maddubs_epi16(w, a); }
  [[gnu::always_inline]] static raw multiply_words(raw w, raw a) noexcept { return _mm_madd_epi16(w, a); }
  [[gnu::always_inline]] static raw add_words(raw a, raw b) noexcept { return settled(_mm_add_epi16(a, b)); }
  [[gnu::always_inline]] static raw add_ints(raw a, raw b) noexcept { return settled(_mm_add_epi32(a, b)); }
  [[gnu::always_inline]] static raw widen(raw words) noexcept { return _mm_madd_epi16(words, _mm_set1_epi16(1)); }
  [[gnu::always_inline]] static raw even_bytes(raw x) noexcept { return _mm_and_si128(x, _mm_set1_epi16(0xff)); }
  [[gnu::always_inline]] static raw odd_bytes(raw x) noexcept { return _mm_srli_epi16(x, 8); }

 private:
  [[gnu::always_inline]] static floats as_floats(raw x) noexcept { return floats(_mm_castsi128_ps(x)); }
  [[gnu::always_inline]] static raw settled(raw x) noexcept {
    asm("" : "+x"(x));
    return x;
  }
};

}  // namespace simd
}  // namespace v0
}  // namespace octavo

#endif
