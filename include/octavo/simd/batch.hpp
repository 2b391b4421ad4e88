// SPDX-License-Identifier: MIT
// Registers of floats and 32-bit integers for every instruction set; with arch.hpp the only file that names xsimd.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/core/index.hpp"
#include "octavo/core/round.hpp"
#include "octavo/core/scalar.hpp"
#include "octavo/simd/arch.hpp"
#include "octavo/simd/lanes.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace octavo {
inline namespace v0 {
namespace simd {

namespace detail {
template <class T, class A>
struct batch_of {
  using type = xsimd::batch<T, std::conditional_t<octavo::detail::is_avx512<A>, xsimd::avx512bw, A>>;
};
template <class T>
struct batch_of<T, scalar> {
  using type = octavo::detail::lanes16<T>;
};
}  // namespace detail

/// A register of floats, or of int32, of instruction set A. Bytes and bf16 pairs travel in `ints`.
template <class A>
using floats = typename detail::batch_of<float, A>::type;
template <class A>
using ints = typename detail::batch_of<std::int32_t, A>::type;

#if defined(__AVX512F__)
/// Mask of the zero-masking forms used below: g++ 12 warns of an uninitialized operand inside the plain ones.
inline constexpr __mmask16 every_lane = 0xffff;
#endif

/// 32-bit lanes of a register, and registers that hold the 64 rows of a panel.
template <class A>
inline constexpr int lanes = octavo::detail::is_avx2<A> ? 8 : 16;
template <class A>
inline constexpr int panel_registers = 64 / lanes<A>;

template <class A>
[[gnu::always_inline]] inline ints<A> load_ints(void const* p) noexcept {
  return ints<A>::load_unaligned(static_cast<std::int32_t const*>(p));
}
/// lanes<A> unsigned bytes, widened.
template <class A>
[[gnu::always_inline]] inline ints<A> load_bytes(void const* p) noexcept {
  if constexpr (octavo::detail::is_scalar<A>) {
    return ints<A>::generate([&](int i) { return std::int32_t{static_cast<std::uint8_t const*>(p)[i]}; });
  } else if constexpr (octavo::detail::is_avx2<A>) {
#if defined(__AVX2__)
    return ints<A>(_mm256_cvtepu8_epi32(_mm_loadl_epi64(static_cast<__m128i const*>(p))));
#endif
  } else {
#if defined(__AVX512F__)
    return ints<A>(_mm512_maskz_cvtepu8_epi32(every_lane, _mm_loadu_si128(static_cast<__m128i const*>(p))));
#endif
  }
}
/// Four bytes, in every lane.
template <class A>
[[gnu::always_inline]] inline ints<A> broadcast4(void const* p) noexcept {
  std::int32_t x;
  std::memcpy(&x, p, sizeof x);
  return ints<A>(x);
}
template <class A>
[[gnu::always_inline]] inline floats<A> load_floats(float const* p) noexcept {
  return floats<A>::load_unaligned(p);
}

/// The value of each lane, as a float: exact below 2^24, else to nearest even.
template <class A>
[[gnu::always_inline]] inline floats<A> to_floats(ints<A> x) noexcept {
  if constexpr (octavo::detail::is_scalar<A>) {
    return floats<A>::generate([&](int i) { return static_cast<float>(x.v[i]); });
  } else {
#if defined(__AVX512F__)
    if constexpr (octavo::detail::is_avx512<A>) { return floats<A>(_mm512_maskz_cvtepi32_ps(every_lane, x)); }
#endif
    return xsimd::to_float(x);
  }
}

/// The value rounded to an integer, ties to even. Pre: |x| < 2^31.
template <class A>
[[gnu::always_inline]] inline ints<A> to_ints(floats<A> x) noexcept {
  if constexpr (octavo::detail::is_scalar<A>) {
    return ints<A>::generate([&](int i) { return static_cast<std::int32_t>(octavo::detail::round_even(x.v[i])); });
  } else if constexpr (octavo::detail::is_avx2<A>) {
#if defined(__AVX2__)
    return ints<A>(_mm256_cvtps_epi32(x));
#endif
  } else {
#if defined(__AVX512F__)
    return ints<A>(_mm512_maskz_cvtps_epi32(every_lane, x));
#endif
  }
}

/// The bits of integers as floats, and back.
template <class A>
[[gnu::always_inline]] inline floats<A> as_floats(ints<A> x) noexcept {
  return std::bit_cast<floats<A>>(x);
}
template <class A>
[[gnu::always_inline]] inline ints<A> as_ints(floats<A> x) noexcept {
  return std::bit_cast<ints<A>>(x);
}

/// Bitwise and with a constant, shifts of each lane by a constant (to the right: zeros enter).
template <class A>
[[gnu::always_inline]] inline ints<A> bit_and(ints<A> x, std::uint32_t mask) noexcept {
  if constexpr (octavo::detail::is_scalar<A>) {
    return ints<A>::generate(
        [&](int i) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(x.v[i]) & mask); });
  } else {
    return x & ints<A>(static_cast<std::int32_t>(mask));
  }
}
template <class A>
[[gnu::always_inline]] inline ints<A> bit_or(ints<A> x, ints<A> y) noexcept {
  if constexpr (octavo::detail::is_scalar<A>) {
    return ints<A>::generate([&](int i) { return x.v[i] | y.v[i]; });
  } else {
    return x | y;
  }
}
template <int N, class A>
[[gnu::always_inline]] inline ints<A> shift_right(ints<A> x) noexcept {
  if constexpr (N == 0) {
    return x;
  } else if constexpr (octavo::detail::is_scalar<A>) {
    return ints<A>::generate(
        [&](int i) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(x.v[i]) >> N); });
  } else if constexpr (octavo::detail::is_avx2<A>) {
#if defined(__AVX2__)
    return ints<A>(_mm256_srli_epi32(x, N));
#endif
  } else {
#if defined(__AVX512F__)
    return ints<A>(_mm512_maskz_srli_epi32(every_lane, x, N));
#endif
  }
}
template <int N, class A>
[[gnu::always_inline]] inline ints<A> shift_left(ints<A> x) noexcept {
  if constexpr (N == 0) {
    return x;
  } else if constexpr (octavo::detail::is_scalar<A>) {
    return ints<A>::generate(
        [&](int i) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(x.v[i]) << N); });
  } else if constexpr (octavo::detail::is_avx2<A>) {
#if defined(__AVX2__)
    return ints<A>(_mm256_slli_epi32(x, N));
#endif
  } else {
#if defined(__AVX512F__)
    return ints<A>(_mm512_maskz_slli_epi32(every_lane, x, N));
#endif
  }
}

/// Lane-wise product of 32-bit integers, low half.
template <class A>
[[gnu::always_inline]] inline ints<A> multiply(ints<A> x, ints<A> y) noexcept {
  return x * y;
}

/// a * b + c with one rounding. (xsimd 8.1 rounds twice for AVX-512.)
template <class A>
[[gnu::always_inline]] inline floats<A> fused(floats<A> a, floats<A> b, floats<A> c) noexcept {
  if constexpr (octavo::detail::is_scalar<A>) {
    return fma(a, b, c);
  } else if constexpr (octavo::detail::is_avx2<A>) {
#if defined(__FMA__)
    return floats<A>(_mm256_fmadd_ps(a, b, c));
#endif
  } else {
#if defined(__AVX512F__)
    return floats<A>(_mm512_fmadd_ps(a, b, c));
#endif
  }
}

/// A value that the compiler may not fuse into a following sum (g++ contracts products of intrinsics).
template <class A>
[[gnu::always_inline]] inline floats<A> opaque(floats<A> x) noexcept {
  if constexpr (octavo::detail::is_scalar<A>) {
    return floats<A>::generate([&](int i) { return octavo::detail::opaque(x.v[i]); });
  } else {
#if defined(__x86_64__)
    auto r = static_cast<typename floats<A>::register_type>(x);
    asm("" : "+v"(r));
    return floats<A>(r);
#else
    return x;
#endif
  }
}

/// A register of any kind from memory. (g++ 12 copies a class as two halves.)
template <class V>
[[gnu::always_inline]] inline V load_register(std::byte const* p) noexcept {
  if constexpr (requires { typename V::value_type; }) {
    return V::load_unaligned(reinterpret_cast<typename V::value_type const*>(p));
  } else {
    V v;
    std::memcpy(&v, p, sizeof v);
    return v;
  }
}

/// The same register, which the compiler now keeps in one: g++ 12 otherwise loads it again at every use.
template <class V>
[[gnu::always_inline]] inline V in_register(V x) noexcept {
#if defined(__x86_64__)
  if constexpr (requires { typename V::register_type; }) {
    auto r = static_cast<typename V::register_type>(x);
    asm("" : "+v"(r));
    return V(r);
  } else if constexpr (!std::is_class_v<V>) {
    asm("" : "+v"(x));
  }
#endif
  return x;
}

/// Sum of all lanes. Pre: it fits. (Integers only: the order of a float sum would matter.)
template <class A>
[[nodiscard, gnu::always_inline]] inline std::int32_t sum(ints<A> x) noexcept {
  if constexpr (octavo::detail::is_avx512<A>) {
#if defined(__AVX512F__)
    __m256i const half =
        _mm256_add_epi32(_mm512_maskz_extracti64x4_epi64(0xff, x, 0), _mm512_maskz_extracti64x4_epi64(0xff, x, 1));
    __m128i v = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    v = _mm_add_epi32(v, _mm_shuffle_epi32(v, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(v, _mm_shuffle_epi32(v, 0xb1)));
#endif
  } else {
    std::int32_t values[static_cast<std::size_t>(lanes<A>)];
    x.store_unaligned(values);
    std::int32_t total = 0;
    for (std::int32_t const v : values) { total += v; }
    return total;
  }
}

/// lanes<A> consecutive elements of a scale or operand type, widened to float (exact).
template <class A, class T>
[[gnu::always_inline]] inline floats<A> load_as_floats(T const* p) noexcept {
  if constexpr (std::is_same_v<T, float>) {
    return floats<A>::load_unaligned(p);
  } else if constexpr (octavo::detail::is_scalar<A>) {
    return floats<A>::generate([&](int i) { return static_cast<float>(p[i]); });
  } else if constexpr (octavo::detail::is_avx2<A>) {
#if defined(__AVX2__) && defined(__F16C__)
    if constexpr (std::is_same_v<T, f16>) {
      return floats<A>(_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<__m128i const*>(p))));
    } else if constexpr (std::is_same_v<T, bf16>) {
      auto const wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<__m128i const*>(p)));
      return floats<A>(_mm256_castsi256_ps(_mm256_slli_epi32(wide, 16)));
    } else {
      static_assert(std::is_same_v<T, e8m0>);
      auto const e = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<__m128i const*>(p)));
      // 0 is the denormal 2^-127; 255 is NaN.
      auto bits = _mm256_max_epi32(_mm256_slli_epi32(e, 23), _mm256_set1_epi32(0x00400000));
      auto const nan = _mm256_cmpeq_epi32(e, _mm256_set1_epi32(255));
      bits = _mm256_or_si256(bits, _mm256_and_si256(nan, _mm256_set1_epi32(0x7fc00000)));
      return floats<A>(_mm256_castsi256_ps(bits));
    }
#endif
  } else {
#if defined(__AVX512BW__)
    if constexpr (std::is_same_v<T, f16>) {
      return floats<A>(_mm512_maskz_cvtph_ps(every_lane, _mm256_loadu_si256(reinterpret_cast<__m256i const*>(p))));
    } else if constexpr (std::is_same_v<T, bf16>) {
      auto const wide =
          _mm512_maskz_cvtepu16_epi32(every_lane, _mm256_loadu_si256(reinterpret_cast<__m256i const*>(p)));
      return floats<A>(_mm512_castsi512_ps(_mm512_maskz_slli_epi32(every_lane, wide, 16)));
    } else {
      static_assert(std::is_same_v<T, e8m0>);
      auto const e = _mm512_maskz_cvtepu8_epi32(every_lane, _mm_loadu_si128(reinterpret_cast<__m128i const*>(p)));
      auto const bits = _mm512_maskz_max_epi32(every_lane, _mm512_maskz_slli_epi32(every_lane, e, 23),
                                               _mm512_set1_epi32(0x00400000));
      auto const nan = _mm512_cmpeq_epi32_mask(e, _mm512_set1_epi32(255));
      return floats<A>(_mm512_castsi512_ps(_mm512_mask_mov_epi32(bits, nan, _mm512_set1_epi32(0x7fc00000))));
    }
#endif
  }
}

/// The bf16 numbers nearest to x, ties to even, in the low half of each lane; NaN stays NaN.
template <class A>
[[gnu::always_inline]] inline ints<A> to_bf16(floats<A> x) noexcept {
  if constexpr (octavo::detail::is_scalar<A>) {
    return ints<A>::generate([&](int i) { return octavo::detail::to_bf16_bits(x.v[i]); });
  } else {
    auto const bits = as_ints<A>(x);
    auto const half = shift_right<16, A>(bits);
    auto const rounded = shift_right<16, A>(bits + ints<A>(0x7fff) + bit_and<A>(half, 1u));
    auto const quiet = bit_or<A>(half, ints<A>(0x40));
    if constexpr (octavo::detail::is_avx2<A>) {
#if defined(__AVX2__)
      auto const nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
      return ints<A>(_mm256_blendv_epi8(rounded, quiet, nan));
#endif
    } else {
#if defined(__AVX512F__)
      return ints<A>(_mm512_mask_mov_epi32(rounded, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), quiet));
#endif
    }
  }
}

/// +0 where |x| < limit, x elsewhere, NaN included.
template <class A>
[[gnu::always_inline]] inline floats<A> zero_below(floats<A> x, float limit) noexcept {
  if constexpr (octavo::detail::is_scalar<A>) {
    return floats<A>::generate([&](int i) { return x.v[i] > -limit && x.v[i] < limit ? 0.0f : x.v[i]; });
  } else {
    auto const size = as_floats<A>(bit_and<A>(as_ints<A>(x), 0x7fffffffu));
    if constexpr (octavo::detail::is_avx2<A>) {
#if defined(__AVX2__)
      return floats<A>(_mm256_and_ps(x, _mm256_cmp_ps(size, _mm256_set1_ps(limit), _CMP_NLT_UQ)));
#endif
    } else {
#if defined(__AVX512F__)
      return floats<A>(_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(size, _mm512_set1_ps(limit), _CMP_NLT_UQ), x));
#endif
    }
  }
}

/// Lanes 1 0 3 2 5 4 ...
template <class A>
[[gnu::always_inline]] inline floats<A> swap_pairs(floats<A> x) noexcept {
  if constexpr (octavo::detail::is_scalar<A>) {
    return floats<A>::generate([&](int i) { return x.v[i ^ 1]; });
  } else if constexpr (octavo::detail::is_avx2<A>) {
#if defined(__AVX2__)
    return floats<A>(_mm256_permute_ps(x, 0xb1));
#endif
  } else {
#if defined(__AVX512F__)
    return floats<A>(_mm512_maskz_permute_ps(every_lane, x, 0xb1));
#endif
  }
}

/// Stores lanes<A> int32 as T, 8 or 16 bits. Pre: the values fit.
template <class A, class T>
[[gnu::always_inline]] inline void store_narrow(T* p, ints<A> x) noexcept {
  if constexpr (octavo::detail::is_avx512<A>) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 1) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_maskz_cvtepi32_epi8(every_lane, x));
    } else {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_maskz_cvtepi32_epi16(every_lane, x));
    }
#endif
  } else if constexpr (octavo::detail::is_avx2<A>) {
#if defined(__AVX2__)
    auto const low = _mm256_castsi256_si128(x);
    auto const high = _mm256_extracti128_si256(x, 1);
    auto const words = std::is_unsigned_v<T> ? _mm_packus_epi32(low, high) : _mm_packs_epi32(low, high);
    if constexpr (sizeof(T) == 2) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(p), words);
    } else {
      static_assert(std::is_signed_v<T>);
      _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
    }
#endif
  } else {
    std::int32_t values[static_cast<std::size_t>(lanes<A>)];
    x.store_unaligned(values);
    for (int i = 0; i < lanes<A>; ++i) { p[i] = static_cast<T>(values[i]); }
  }
}

/// Stores lanes<A> floats as T, rounded to nearest even.
template <class A, class T>
[[gnu::always_inline]] inline void store_from_floats(T* p, floats<A> x) noexcept {
  if constexpr (std::is_same_v<T, float>) {
    x.store_unaligned(p);
  } else if constexpr (std::is_same_v<T, bf16>) {
    store_narrow<A>(&p->bits, to_bf16<A>(x));
  } else if constexpr (octavo::detail::is_avx512<A> && std::is_same_v<T, f16>) {
#if defined(__AVX512F__)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_maskz_cvtps_ph(every_lane, x, _MM_FROUND_TO_NEAREST_INT));
#endif
  } else if constexpr (octavo::detail::is_avx2<A> && std::is_same_v<T, f16>) {
#if defined(__F16C__)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
#endif
  } else {
    float values[static_cast<std::size_t>(lanes<A>)];
    x.store_unaligned(values);
    for (int i = 0; i < lanes<A>; ++i) { p[i] = T(values[i]); }
  }
}

template <class A>
[[gnu::always_inline]] inline floats<A> minimum(floats<A> a, floats<A> b) noexcept {
#if defined(__AVX512F__)
  if constexpr (octavo::detail::is_avx512<A>) { return floats<A>(_mm512_maskz_min_ps(every_lane, a, b)); }
#endif
  return min(a, b);
}
template <class A>
[[gnu::always_inline]] inline floats<A> maximum(floats<A> a, floats<A> b) noexcept {
#if defined(__AVX512F__)
  if constexpr (octavo::detail::is_avx512<A>) { return floats<A>(_mm512_maskz_max_ps(every_lane, a, b)); }
#endif
  return max(a, b);
}
template <class A>
[[gnu::always_inline]] inline ints<A> minimum(ints<A> a, ints<A> b) noexcept {
#if defined(__AVX512F__)
  if constexpr (octavo::detail::is_avx512<A>) { return ints<A>(_mm512_maskz_min_epi32(every_lane, a, b)); }
#endif
  return min(a, b);
}
template <class A>
[[gnu::always_inline]] inline ints<A> maximum(ints<A> a, ints<A> b) noexcept {
#if defined(__AVX512F__)
  if constexpr (octavo::detail::is_avx512<A>) { return ints<A>(_mm512_maskz_max_epi32(every_lane, a, b)); }
#endif
  return max(a, b);
}

/// As above for the first n lanes only; nothing else is touched.
template <class A, class T>
inline void store_first(T* p, floats<A> x, index n) noexcept {
  float values[static_cast<std::size_t>(lanes<A>)];
  x.store_unaligned(values);
  for (index i = 0; i < n; ++i) { p[i] = T(values[i]); }
}
template <class A, class T>
[[nodiscard]] inline floats<A> load_first(T const* p, index n) noexcept {
  float values[static_cast<std::size_t>(lanes<A>)] = {};
  for (index i = 0; i < n; ++i) { values[i] = static_cast<float>(p[i]); }
  return floats<A>::load_unaligned(values);
}

}  // namespace simd
}  // namespace v0
}  // namespace octavo
