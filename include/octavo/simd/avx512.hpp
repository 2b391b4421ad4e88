// SPDX-License-Identifier: MIT
// The intrinsics of AVX-512 with BW, DQ and VL.
#pragma once

#include <cstdint>
#include <type_traits>

#include "octavo/core/scalar.hpp"
#include "octavo/core/unroll.hpp"
#include "octavo/simd/native.hpp"

#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include <immintrin.h>

namespace octavo {
inline namespace v0 {
namespace simd {

template <>
struct native<avx512bw> {
  using ints = xsimd::batch<std::int32_t, avx512bw>;
  using floats = xsimd::batch<float, avx512bw>;
  using raw = __m512i;
  static constexpr int lanes = 16;
  /// Mask of the zero-masking forms below: g++ 12 warns of an uninitialized operand inside the plain ones.
  static constexpr __mmask16 all = 0xffff;

  [[gnu::always_inline]] static ints load_bytes(void const* p) noexcept {
    return ints(_mm512_maskz_cvtepu8_epi32(all, _mm_loadu_si128(static_cast<__m128i const*>(p))));
  }
  [[gnu::always_inline]] static floats to_floats(ints x) noexcept { return floats(_mm512_maskz_cvtepi32_ps(all, x)); }
  [[gnu::always_inline]] static ints to_ints(floats x) noexcept { return ints(_mm512_maskz_cvtps_epi32(all, x)); }
  template <int N>
  [[gnu::always_inline]] static ints shift_right(ints x) noexcept {
    return ints(_mm512_maskz_srli_epi32(all, x, N));
  }
  template <int N>
  [[gnu::always_inline]] static ints shift_right_signed(ints x) noexcept {
    return ints(_mm512_maskz_srai_epi32(all, x, N));
  }
  [[gnu::always_inline]] static ints shift_right(ints x, int n) noexcept {
    return ints(_mm512_maskz_srl_epi32(all, x, _mm_cvtsi32_si128(n)));
  }
  template <int N>
  [[gnu::always_inline]] static ints shift_left(ints x) noexcept {
    return ints(_mm512_maskz_slli_epi32(all, x, N));
  }
  [[gnu::always_inline]] static ints choose_bits(ints mask, ints x, ints y) noexcept {
    return ints(_mm512_ternarylogic_epi32(x, mask, y, 0xe2));
  }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"  // with -O0, g++ 12 has a macro that converts masks
  [[gnu::always_inline]] static floats smaller_size(floats x, floats most) noexcept {
    return floats(_mm512_maskz_range_ps(all, x, most, 0xa));
  }
#pragma GCC diagnostic pop
  /// xsimd 8.1 rounds twice.
  [[gnu::always_inline]] static floats fused(floats a, floats b, floats c) noexcept {
    return floats(_mm512_fmadd_ps(a, b, c));
  }
  [[gnu::always_inline]] static floats opaque(floats x) noexcept {
    __m512 r = x;
    asm("" : "+v"(r));
    return floats(r);
  }
  [[gnu::always_inline]] static floats floor(floats x) noexcept { return floats(_mm512_floor_ps(x)); }
  /// x * 2^n for an n that is an integer, +0 where n < lowest. (One instruction, which also knows overflow.)
  [[gnu::always_inline]] static floats times_power(floats x, floats n, float lowest) noexcept {
    return floats(_mm512_maskz_scalef_ps(_mm512_cmp_ps_mask(n, _mm512_set1_ps(lowest), _CMP_NLT_UQ), x, n));
  }
  [[gnu::always_inline]] static std::int32_t sum(ints x) noexcept {
    __m256i const half =
        _mm256_add_epi32(_mm512_maskz_extracti64x4_epi64(0xff, x, 0), _mm512_maskz_extracti64x4_epi64(0xff, x, 1));
    __m128i v = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    v = _mm_add_epi32(v, _mm_shuffle_epi32(v, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(v, _mm_shuffle_epi32(v, 0xb1)));
  }
  [[gnu::always_inline]] static std::int32_t largest(ints x) noexcept {
    __m256i const half =
        _mm256_max_epi32(_mm512_maskz_extracti64x4_epi64(0xff, x, 0), _mm512_maskz_extracti64x4_epi64(0xff, x, 1));
    __m128i v = _mm_max_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    v = _mm_max_epi32(v, _mm_shuffle_epi32(v, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(v, _mm_shuffle_epi32(v, 0xb1)));
  }
  [[gnu::always_inline]] static floats swap_pairs(floats x) noexcept {
    return floats(_mm512_maskz_permute_ps(all, x, 0xb1));
  }
  [[gnu::always_inline]] static floats minimum(floats a, floats b) noexcept {
    return floats(_mm512_maskz_min_ps(all, a, b));
  }
  [[gnu::always_inline]] static floats maximum(floats a, floats b) noexcept {
    return floats(_mm512_maskz_max_ps(all, a, b));
  }
  [[gnu::always_inline]] static ints minimum(ints a, ints b) noexcept {
    return ints(_mm512_maskz_min_epi32(all, a, b));
  }
  [[gnu::always_inline]] static ints maximum(ints a, ints b) noexcept {
    return ints(_mm512_maskz_max_epi32(all, a, b));
  }
  [[gnu::always_inline]] static floats load_f16(f16 const* p) noexcept {
    return floats(_mm512_maskz_cvtph_ps(all, words(p)));
  }
  [[gnu::always_inline]] static floats load_bf16(bf16 const* p) noexcept {
    return as_floats(_mm512_maskz_slli_epi32(all, _mm512_maskz_cvtepu16_epi32(all, words(p)), 16));
  }
  /// 8 elements from each of two places (simd/lanes_of_16.hpp).
  [[gnu::always_inline]] static floats load_two(f16 const* low, f16 const* high) noexcept {
    auto const half = [](f16 const* p) __attribute__((always_inline)) {
      return _mm_loadu_si128(reinterpret_cast<__m128i const*>(p));
    };
    return floats(_mm512_maskz_cvtph_ps(all, _mm256_set_m128i(half(high), half(low))));
  }
  [[gnu::always_inline]] static floats load_two(float const* low, float const* high) noexcept {
    return floats(
        _mm512_maskz_insertf32x8(all, _mm512_castps256_ps512(_mm256_loadu_ps(low)), _mm256_loadu_ps(high), 1));
  }
  [[gnu::always_inline]] static void store_f16(f16* p, floats x) noexcept {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_maskz_cvtps_ph(all, x, _MM_FROUND_TO_NEAREST_INT));
  }
  [[gnu::always_inline]] static void stream(float* p, floats x) noexcept { _mm512_stream_ps(p, x); }
  [[gnu::always_inline]] static void store_bytes(void* p, ints x) noexcept {
    _mm_storeu_si128(static_cast<__m128i*>(p), _mm512_maskz_cvtepi32_epi8(all, x));
  }
  [[gnu::always_inline]] static ints pack_bytes(ints a, ints b, ints c, ints d) noexcept {
    return in_order(_mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d)));
  }
  [[gnu::always_inline]] static ints pack_signed(ints a, ints b, ints c, ints d) noexcept {
    return in_order(_mm512_packs_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d)));
  }
  /// Which lanes have their sign set; bytes with the sign changed where `mask` says so; the sums of quads of signed
  /// bytes.
  [[gnu::always_inline]] static std::uint16_t signs(floats x) noexcept {
    return _mm512_movepi32_mask(_mm512_castps_si512(x));
  }
  [[gnu::always_inline]] static ints negate_bytes(ints x, std::uint64_t mask) noexcept {
    return ints(_mm512_mask_sub_epi8(x, mask, _mm512_setzero_si512(), x));
  }
  [[gnu::always_inline]] static ints sum_of_quads(ints bytes) noexcept {
    return ints(widen(multiply_bytes(_mm512_set1_epi8(1), bytes)));
  }
  template <class T>
  [[gnu::always_inline]] static void store_words(T* p, ints x) noexcept {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_maskz_cvtepi32_epi16(all, x));
  }
  [[gnu::always_inline]] static ints high_words(ints a, ints b) noexcept {
    auto const order = _mm512_set_epi16(63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33, 31, 29, 27,
                                        25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
    return ints(_mm512_permutex2var_epi16(a, order, b));
  }
  [[gnu::always_inline]] static ints where_nan(floats x, ints a, ints b) noexcept {
    return ints(_mm512_mask_mov_epi32(b, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), a));
  }
  [[gnu::always_inline]] static floats where_less(floats x, floats y, floats a, floats b) noexcept {
    return floats(_mm512_mask_mov_ps(b, _mm512_cmp_ps_mask(x, y, _CMP_LT_OQ), a));
  }
  [[gnu::always_inline]] static ints add_where_less(ints i, ints n, floats x, floats y) noexcept {
    return ints(_mm512_mask_add_epi32(i, _mm512_cmp_ps_mask(x, y, _CMP_LT_OQ), i, n));
  }
  /// Pairs of 32 bits, of 64, then quarters change places.
  [[gnu::always_inline]] static void transpose(floats* r) noexcept {
    __m512 a[16];
    __m512 b[16];
    octavo::detail::unroll<8>([&](int i) __attribute__((always_inline)) {
      a[2 * i] = _mm512_maskz_unpacklo_ps(all, r[2 * i], r[2 * i + 1]);
      a[2 * i + 1] = _mm512_maskz_unpackhi_ps(all, r[2 * i], r[2 * i + 1]);
    });
    octavo::detail::unroll<4>([&](int i) __attribute__((always_inline)) {
      b[4 * i] = pair<0x44>(a[4 * i], a[4 * i + 2]);
      b[4 * i + 1] = pair<0xee>(a[4 * i], a[4 * i + 2]);
      b[4 * i + 2] = pair<0x44>(a[4 * i + 1], a[4 * i + 3]);
      b[4 * i + 3] = pair<0xee>(a[4 * i + 1], a[4 * i + 3]);
    });
    octavo::detail::unroll<4>([&](int i) __attribute__((always_inline)) {
      __m512 const low0 = quarters<0x88>(b[i], b[i + 4]);
      __m512 const low1 = quarters<0x88>(b[i + 8], b[i + 12]);
      __m512 const high0 = quarters<0xdd>(b[i], b[i + 4]);
      __m512 const high1 = quarters<0xdd>(b[i + 8], b[i + 12]);
      r[i] = floats(quarters<0x88>(low0, low1));
      r[i + 4] = floats(quarters<0x88>(high0, high1));
      r[i + 8] = floats(quarters<0xdd>(low0, low1));
      r[i + 12] = floats(quarters<0xdd>(high0, high1));
    });
  }
  /// Lane i of the result: all lanes of r[i], of 16 registers, by op: halves of 8, 4, 2, 1.
  template <class V, class Op>
  [[gnu::always_inline]] static V fold(V const* r, Op const& op) noexcept {
    V t[8];
    octavo::detail::unroll<8>([&](int i) __attribute__((always_inline)) {  // rows i % 4 + 8 (i / 4) and 4 more
      int const a = i % 4 + i / 4 * 8;
      t[i] = op(quarters_of<0x44>(r[a], r[a + 4]), quarters_of<0xee>(r[a], r[a + 4]));
    });
    octavo::detail::unroll<4>([&](int i) __attribute__((always_inline)) {
      t[i] = op(quarters_of<0x88>(t[i], t[i + 4]), quarters_of<0xdd>(t[i], t[i + 4]));
    });
    octavo::detail::unroll<2>([&](int i) __attribute__((always_inline)) {
      t[i] = op(pair_of<0x44>(t[2 * i], t[2 * i + 1]), pair_of<0xee>(t[2 * i], t[2 * i + 1]));
    });
    return op(pair_of<0x88>(t[0], t[1]), pair_of<0xdd>(t[0], t[1]));
  }
  /// The same of N registers, 4 at most, in whole parts of the result: lanes 4 i to 4 i + 3 are those of r[i], or, of two
  /// registers and one, 8 lanes each and all.
  template <int N, class V, class Op>
  [[gnu::always_inline]] static V fold_parts(V const* r, Op const& op) noexcept {
    static_assert(N >= 1 && N <= 4);
    V x = r[0];
    if constexpr (N == 1) {
      x = op(x, quarters_of<0x4e>(x, x));
    } else {
      x = op(quarters_of<0x44>(r[0], r[1]), quarters_of<0xee>(r[0], r[1]));
    }
    if constexpr (N <= 2) {
      x = op(x, quarters_of<0xb1>(x, x));
    } else {
      V const y = op(quarters_of<0x44>(r[2], r[N - 1]), quarters_of<0xee>(r[2], r[N - 1]));
      x = op(quarters_of<0x88>(x, y), quarters_of<0xdd>(x, y));
    }
    x = op(x, pair_of<0x4e>(x, x));
    return op(x, pair_of<0xb1>(x, x));
  }
  [[gnu::always_inline]] static ints maximum_unsigned(ints a, ints b) noexcept {
    return ints(_mm512_maskz_max_epu32(all, a, b));
  }
  /// Whether some lane is at least n, unsigned.
  [[gnu::always_inline]] static bool reaches(ints x, std::uint32_t n) noexcept {
    return _mm512_cmpge_epu32_mask(x, _mm512_set1_epi32(static_cast<int>(n))) != 0;
  }
  [[gnu::always_inline]] static ints load_table(std::uint8_t const* p) noexcept {
    return ints(_mm512_maskz_broadcast_i32x4(all, _mm_loadu_si128(reinterpret_cast<__m128i const*>(p))));
  }
  [[gnu::always_inline]] static ints shuffle(ints table, ints codes) noexcept {
    return ints(_mm512_shuffle_epi8(table, codes));
  }
  /// Elements of so many bytes of a and b in turns, from the low and from the high half of each 128 bits.
  template <int Bytes>
  [[gnu::always_inline]] static ints interleave_low(ints a, ints b) noexcept {
    if constexpr (Bytes == 1) { return ints(_mm512_unpacklo_epi8(a, b)); }
    if constexpr (Bytes == 2) { return ints(_mm512_unpacklo_epi16(a, b)); }
    if constexpr (Bytes == 4) { return ints(_mm512_maskz_unpacklo_epi32(all, a, b)); }
    return ints(_mm512_maskz_unpacklo_epi64(0xff, a, b));
  }
  template <int Bytes>
  [[gnu::always_inline]] static ints interleave_high(ints a, ints b) noexcept {
    if constexpr (Bytes == 1) { return ints(_mm512_unpackhi_epi8(a, b)); }
    if constexpr (Bytes == 2) { return ints(_mm512_unpackhi_epi16(a, b)); }
    if constexpr (Bytes == 4) { return ints(_mm512_maskz_unpackhi_epi32(all, a, b)); }
    return ints(_mm512_maskz_unpackhi_epi64(0xff, a, b));
  }

  // For dot products: bytes and 16-bit words of a register.
  [[gnu::always_inline]] static raw multiply_bytes(raw w, raw a) noexcept { return _mm512_maddubs_epi16(w, a); }
  [[gnu::always_inline]] static raw multiply_words(raw w, raw a) noexcept { return _mm512_madd_epi16(w, a); }
  [[gnu::always_inline]] static raw add_words(raw a, raw b) noexcept { return settled(_mm512_add_epi16(a, b)); }
  [[gnu::always_inline]] static raw add_ints(raw a, raw b) noexcept { return settled(_mm512_add_epi32(a, b)); }
  [[gnu::always_inline]] static raw widen(raw words) noexcept {
    return _mm512_madd_epi16(words, _mm512_set1_epi16(1));
  }
  [[gnu::always_inline]] static raw even_bytes(raw x) noexcept {
    return _mm512_and_si512(x, _mm512_set1_epi16(0xff));
  }
  [[gnu::always_inline]] static raw odd_bytes(raw x) noexcept { return _mm512_srli_epi16(x, 8); }

 private:
  /// Quads that were packed within 128 bits, as they came.
  [[gnu::always_inline]] static ints in_order(raw x) noexcept {
    return ints(_mm512_maskz_permutexvar_epi32(
        all, _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), x));
  }
  template <int I>
  [[gnu::always_inline]] static __m512 pair(__m512 a, __m512 b) noexcept {
    return _mm512_maskz_shuffle_ps(all, a, b, I);
  }
  template <int I>
  [[gnu::always_inline]] static __m512 quarters(__m512 a, __m512 b) noexcept {
    return _mm512_maskz_shuffle_f32x4(all, a, b, I);
  }
  template <int I, class V>
  [[gnu::always_inline]] static V quarters_of(V a, V b) noexcept {
    if constexpr (std::is_same_v<V, floats>) {
      return floats(quarters<I>(a, b));
    } else {
      return ints(_mm512_maskz_shuffle_i32x4(all, a, b, I));
    }
  }
  template <int I, class V>
  [[gnu::always_inline]] static V pair_of(V a, V b) noexcept {
    if constexpr (std::is_same_v<V, floats>) {
      return floats(pair<I>(a, b));
    } else {
      return ints(_mm512_castps_si512(pair<I>(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b))));
    }
  }
  [[gnu::always_inline]] static floats as_floats(raw x) noexcept { return floats(_mm512_castsi512_ps(x)); }
  [[gnu::always_inline]] static __m256i words(void const* p) noexcept {
    return _mm256_loadu_si256(static_cast<__m256i const*>(p));
  }
  [[gnu::always_inline]] static raw settled(raw x) noexcept {
    asm("" : "+v"(x));
    return x;
  }
};

}  // namespace simd
}  // namespace v0
}  // namespace octavo

#endif
