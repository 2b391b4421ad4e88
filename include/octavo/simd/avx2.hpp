// SPDX-License-Identifier: MIT
// The intrinsics of AVX2 with FMA and F16C.
#pragma once

#include <cstdint>
#include <type_traits>

#include "octavo/core/scalar.hpp"
#include "octavo/core/unroll.hpp"
#include "octavo/simd/native.hpp"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include <immintrin.h>

namespace octavo {
inline namespace v0 {
namespace simd {

template <>
struct native<avx2> {
  using ints = xsimd::batch<std::int32_t, avx2>;
  using floats = xsimd::batch<float, avx2>;
  using raw = __m256i;
  static constexpr int lanes = 8;

  [[gnu::always_inline]] static ints load_bytes(void const* p) noexcept {
    return ints(_mm256_cvtepu8_epi32(_mm_loadl_epi64(static_cast<__m128i const*>(p))));
  }
  [[gnu::always_inline]] static floats to_floats(ints x) noexcept { return floats(_mm256_cvtepi32_ps(x)); }
  [[gnu::always_inline]] static ints to_ints(floats x) noexcept { return ints(_mm256_cvtps_epi32(x)); }
  template <int N>
  [[gnu::always_inline]] static ints shift_right(ints x) noexcept {
    return ints(_mm256_srli_epi32(x, N));
  }
  template <int N>
  [[gnu::always_inline]] static ints shift_right_signed(ints x) noexcept {
    return ints(_mm256_srai_epi32(x, N));
  }
  [[gnu::always_inline]] static ints shift_right(ints x, int n) noexcept {
    return ints(_mm256_srl_epi32(x, _mm_cvtsi32_si128(n)));
  }
  template <int N>
  [[gnu::always_inline]] static ints shift_left(ints x) noexcept {
    return ints(_mm256_slli_epi32(x, N));
  }
  [[gnu::always_inline]] static floats fused(floats a, floats b, floats c) noexcept {
    return floats(_mm256_fmadd_ps(a, b, c));
  }
  [[gnu::always_inline]] static floats opaque(floats x) noexcept {
    __m256 r = x;
    asm("" : "+x"(r));
    return floats(r);
  }
  [[gnu::always_inline]] static floats floor(floats x) noexcept {
    return floats(_mm256_round_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC));
  }
  [[gnu::always_inline]] static std::int32_t sum(ints x) noexcept {
    __m128i v = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    v = _mm_add_epi32(v, _mm_shuffle_epi32(v, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(v, _mm_shuffle_epi32(v, 0xb1)));
  }
  [[gnu::always_inline]] static std::int32_t largest(ints x) noexcept {
    __m128i v = _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    v = _mm_max_epi32(v, _mm_shuffle_epi32(v, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(v, _mm_shuffle_epi32(v, 0xb1)));
  }
  [[gnu::always_inline]] static floats swap_pairs(floats x) noexcept { return floats(_mm256_permute_ps(x, 0xb1)); }
  [[gnu::always_inline]] static floats minimum(floats a, floats b) noexcept { return floats(_mm256_min_ps(a, b)); }
  [[gnu::always_inline]] static floats maximum(floats a, floats b) noexcept { return floats(_mm256_max_ps(a, b)); }
  [[gnu::always_inline]] static ints minimum(ints a, ints b) noexcept { return ints(_mm256_min_epi32(a, b)); }
  [[gnu::always_inline]] static ints maximum(ints a, ints b) noexcept { return ints(_mm256_max_epi32(a, b)); }
  [[gnu::always_inline]] static floats load_f16(f16 const* p) noexcept { return floats(_mm256_cvtph_ps(words(p))); }
  [[gnu::always_inline]] static floats load_bf16(bf16 const* p) noexcept {
    return as_floats(_mm256_slli_epi32(_mm256_cvtepu16_epi32(words(p)), 16));
  }
  [[gnu::always_inline]] static void store_f16(f16* p, floats x) noexcept {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
  }
  [[gnu::always_inline]] static void stream(float* p, floats x) noexcept { _mm256_stream_ps(p, x); }
  [[gnu::always_inline]] static void store_bytes(void* p, ints x) noexcept {
    __m128i const words = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    _mm_storel_epi64(static_cast<__m128i*>(p), _mm_packs_epi16(words, words));
  }
  template <class T>
  [[gnu::always_inline]] static void store_words(T* p, ints x) noexcept {
    auto const low = _mm256_castsi256_si128(x);
    auto const high = _mm256_extracti128_si256(x, 1);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     std::is_unsigned_v<T> ? _mm_packus_epi32(low, high) : _mm_packs_epi32(low, high));
  }
  [[gnu::always_inline]] static ints where_nan(floats x, ints a, ints b) noexcept {
    return ints(_mm256_blendv_epi8(b, a, _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q))));
  }
  [[gnu::always_inline]] static floats where_less(floats x, floats y, floats a, floats b) noexcept {
    return floats(_mm256_blendv_ps(b, a, _mm256_cmp_ps(x, y, _CMP_LT_OQ)));
  }
  [[gnu::always_inline]] static ints add_where_less(ints i, ints n, floats x, floats y) noexcept {
    return i + ints(_mm256_and_si256(n, _mm256_castps_si256(_mm256_cmp_ps(x, y, _CMP_LT_OQ))));
  }
  /// Pairs of 32 bits, of 64, then halves change places.
  [[gnu::always_inline]] static void transpose(floats* r) noexcept {
    __m256 a[8];
    __m256 b[8];
    octavo::detail::unroll<4>([&](int i) __attribute__((always_inline)) {
      a[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
      a[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    });
    octavo::detail::unroll<2>([&](int i) __attribute__((always_inline)) {
      b[4 * i] = _mm256_shuffle_ps(a[4 * i], a[4 * i + 2], 0x44);
      b[4 * i + 1] = _mm256_shuffle_ps(a[4 * i], a[4 * i + 2], 0xee);
      b[4 * i + 2] = _mm256_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0x44);
      b[4 * i + 3] = _mm256_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0xee);
    });
    octavo::detail::unroll<4>([&](int i) __attribute__((always_inline)) {
      r[i] = floats(_mm256_permute2f128_ps(b[i], b[i + 4], 0x20));
      r[i + 4] = floats(_mm256_permute2f128_ps(b[i], b[i + 4], 0x31));
    });
  }
  [[gnu::always_inline]] static ints load_table(std::uint8_t const* p) noexcept {
    return ints(_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<__m128i const*>(p))));
  }
  [[gnu::always_inline]] static ints shuffle(ints table, ints codes) noexcept {
    return ints(_mm256_shuffle_epi8(table, codes));
  }
  template <int Bytes>
  [[gnu::always_inline]] static ints interleave_low(ints a, ints b) noexcept {
    if constexpr (Bytes == 1) { return ints(_mm256_unpacklo_epi8(a, b)); }
    if constexpr (Bytes == 2) { return ints(_mm256_unpacklo_epi16(a, b)); }
    if constexpr (Bytes == 4) { return ints(_mm256_unpacklo_epi32(a, b)); }
    return ints(_mm256_unpacklo_epi64(a, b));
  }
  template <int Bytes>
  [[gnu::always_inline]] static ints interleave_high(ints a, ints b) noexcept {
    if constexpr (Bytes == 1) { return ints(_mm256_unpackhi_epi8(a, b)); }
    if constexpr (Bytes == 2) { return ints(_mm256_unpackhi_epi16(a, b)); }
    if constexpr (Bytes == 4) { return ints(_mm256_unpackhi_epi32(a, b)); }
    return ints(_mm256_unpackhi_epi64(a, b));
  }

  // For dot products: bytes and 16-bit words of a register. Sums are settled: g++ would reassociate them, hold two of
  // each accumulator, and spill.
  [[gnu::always_inline]] static raw multiply_bytes(raw w, raw a) noexcept { return _mm256_maddubs_epi16(w, a); }
  [[gnu::always_inline]] static raw multiply_words(raw w, raw a) noexcept { return _mm256_madd_epi16(w, a); }
  [[gnu::always_inline]] static raw add_words(raw a, raw b) noexcept { return settled(_mm256_add_epi16(a, b)); }
  [[gnu::always_inline]] static raw add_ints(raw a, raw b) noexcept { return settled(_mm256_add_epi32(a, b)); }
  [[gnu::always_inline]] static raw widen(raw words) noexcept {
    return _mm256_madd_epi16(words, _mm256_set1_epi16(1));
  }
  [[gnu::always_inline]] static raw even_bytes(raw x) noexcept {
    return _mm256_and_si256(x, _mm256_set1_epi16(0xff));
  }
  [[gnu::always_inline]] static raw odd_bytes(raw x) noexcept { return _mm256_srli_epi16(x, 8); }

 private:
  [[gnu::always_inline]] static floats as_floats(raw x) noexcept { return floats(_mm256_castsi256_ps(x)); }
  [[gnu::always_inline]] static __m128i words(void const* p) noexcept {
    return _mm_loadu_si128(static_cast<__m128i const*>(p));
  }
  [[gnu::always_inline]] static raw settled(raw x) noexcept {
    asm("" : "+x"(x));
    return x;
  }
};

}  // namespace simd
}  // namespace v0
}  // namespace octavo

#endif
