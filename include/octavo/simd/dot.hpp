// SPDX-License-Identifier: MIT
// Exact dot products of unsigned weight bytes with signed activation bytes, quads of k, one int32 lane per row.
#pragma once

#include <cstdint>

#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace simd {

namespace detail {
using octavo::detail::has;
template <class A>
inline constexpr bool is_x86 = requires {
  &native_of<A>::multiply_bytes;
};
}  // namespace detail

/// acc += sum over the four bytes of each lane of (w - offset) * a, a signed, exact.
///
/// `dot<A, Highest>` for weights w up to Highest (255, 24, 15, 3 ...):
/// - `activation`: what an activation is stored as; int8_t, or int16_t where quads are kept as (k0 k2)(k1 k3).
/// - `weight`: a quad register as the multiplies want it; `prepare(bytes)` makes it once per quad.
/// - `offset`: what the multiplies subtract from a weight; 0, or 128 where they want it signed.
/// - `operand`: one quad of one token in every lane; `load(p)`.
/// - `accumulator`, `add(acc, w, a)`; `burst` additions at most before `flush(sum, acc)` moves it into int32.
///
/// The scalar meaning, and the test of all others, is dot<scalar, Highest>.
template <class A, int Highest>
struct dot {
  static_assert(octavo::detail::is_scalar<A>, "Octavo: simd/dot.hpp has no dot product for this instruction set.");
  using activation = std::int8_t;
  using weight = ints<A>;
  using operand = ints<A>;
  using accumulator = ints<A>;
  static constexpr int burst = 0;  // never needed
  static constexpr int offset = 0;

  static weight prepare(ints<A> bytes) noexcept { return bytes; }
  static operand load(activation const* p) noexcept { return broadcast4<A>(p); }
  static accumulator add(accumulator acc, weight const& w, operand const& a) noexcept {
    return accumulator::generate([&](int i) {
      auto sum = static_cast<std::uint32_t>(acc.v[i]);  // wraps, as registers do
      for (int j = 0; j < 4; ++j) {
        auto const wj = static_cast<std::uint8_t>(static_cast<std::uint32_t>(w.v[i]) >> (8 * j));
        auto const aj = static_cast<std::int8_t>(static_cast<std::uint32_t>(a.v[i]) >> (8 * j));
        sum += static_cast<std::uint32_t>(wj * aj);
      }
      return static_cast<std::int32_t>(sum);
    });
  }
};

/// x86 without VNNI, small weights: vpmaddubsw into int16, at most `burst` of them before vpmaddwd widens:
/// burst * 2 * Highest * 128 stays below 2^15, so nothing saturates.
template <class A, int Highest>
  requires(detail::is_x86<A> && !detail::has<vnni, A> && Highest * 256 <= 32767)
struct dot<A, Highest> {
  using native = native_of<A>;
  using activation = std::int8_t;
  using weight = typename native::raw;
  using operand = weight;
  using accumulator = weight;
  static constexpr int burst = 32767 / (Highest * 256);
  static constexpr int offset = 0;

  [[gnu::always_inline]] static weight prepare(ints<A> bytes) noexcept { return bytes; }
  [[gnu::always_inline]] static operand load(activation const* p) noexcept { return broadcast4<A>(p); }
  [[gnu::always_inline]] static accumulator add(accumulator acc, weight w, operand a) noexcept {
    return native::add_words(acc, native::multiply_bytes(w, a));
  }
  /// Both, if they are of one burst.
  [[gnu::always_inline]] static accumulator sum_of(accumulator a, accumulator b) noexcept {
    return native::add_words(a, b);
  }
  [[gnu::always_inline]] static ints<A> flush(ints<A> sum, accumulator acc) noexcept {
    return ints<A>(native::add_ints(sum, native::widen(acc)));
  }
};

/// x86 without VNNI, large weights: 255 * 127 * 2 does not fit int16, so even and odd bytes go through vpmaddwd as
/// int16. Activations are stored widened, a quad as the words (k0, k2), (k1, k3).
template <class A, int Highest>
  requires(detail::is_x86<A> && !detail::has<vnni, A> && Highest * 256 > 32767)
struct dot<A, Highest> {
  using native = native_of<A>;
  using activation = std::int16_t;
  struct weight {
    typename native::raw even;
    typename native::raw odd;
  };
  using operand = weight;
  using accumulator = typename native::raw;
  static constexpr int burst = 0;
  static constexpr int offset = 0;

  [[gnu::always_inline]] static weight prepare(ints<A> bytes) noexcept {
    return {native::even_bytes(bytes), native::odd_bytes(bytes)};
  }
  [[gnu::always_inline]] static operand load(activation const* p) noexcept {
    return {broadcast4<A>(p), broadcast4<A>(p + 2)};
  }
  [[gnu::always_inline]] static accumulator add(accumulator acc, weight const& w, operand const& a) noexcept {
    acc = native::add_ints(acc, native::multiply_words(w.even, a.even));
    return native::add_ints(acc, native::multiply_words(w.odd, a.odd));
  }
};

/// vpdpbusd: no intermediate saturation. g++ 12 copies accumulators around the intrinsic, so the instruction is
/// written out; register operands only, since a sanitizer does not see memory operands.
template <class A, int Highest>
  requires(detail::has<vnni, A>)
struct dot<A, Highest> {
  using activation = std::int8_t;
  using weight = typename native_of<A>::raw;
  using operand = weight;
  using accumulator = weight;
  static constexpr int burst = 0;
  static constexpr int offset = 0;

  [[gnu::always_inline]] static weight prepare(ints<A> bytes) noexcept { return bytes; }
  [[gnu::always_inline]] static operand load(activation const* p) noexcept { return broadcast4<A>(p); }
#if defined(__AVX512VNNI__)
  [[gnu::always_inline]] static __m512i add(__m512i acc, __m512i w, __m512i a) noexcept {
#if defined(__clang__) || defined(__SANITIZE_ADDRESS__)
    return _mm512_dpbusd_epi32(acc, w, a);
#else
    asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(w), "v"(a));
    return acc;
#endif
  }
#endif
#if defined(__AVXVNNI__)
  [[gnu::always_inline]] static __m256i add(__m256i acc, __m256i w, __m256i a) noexcept {
#if defined(__clang__) || defined(__SANITIZE_ADDRESS__)
    return _mm256_dpbusd_avx_epi32(acc, w, a);
#else
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(w), "x"(a));
    return acc;
#endif
  }
#endif
};

#if defined(__aarch64__)

/// Arm: signed by signed, but for usdot. Products of a quad are summed pairwise where there is no instruction for four.
template <class A, int Highest>
  requires octavo::detail::is_neon<A>
struct dot<A, Highest> {
  using activation = std::int8_t;
  using weight = int32x4_t;
  using operand = int32x4_t;
  using accumulator = int32x4_t;
  static constexpr int burst = 0;
  static constexpr int offset = Highest > 127 && !detail::has<i8mm, A> ? 128 : 0;

  [[gnu::always_inline]] static weight prepare(ints<A> bytes) noexcept {
    if constexpr (offset != 0) {
      return veorq_s32(bytes, vdupq_n_s32(static_cast<std::int32_t>(0x80808080u)));
    } else {
      return bytes;
    }
  }
  [[gnu::always_inline]] static operand load(activation const* p) noexcept { return broadcast4<A>(p); }
  [[gnu::always_inline]] static accumulator add(accumulator acc, weight w, operand a) noexcept {
    int8x16_t const ab = vreinterpretq_s8_s32(a);
    if constexpr (detail::has<i8mm, A>) {
#if defined(__ARM_FEATURE_MATMUL_INT8)
      return vusdotq_s32(acc, vreinterpretq_u8_s32(w), ab);
#endif
    } else if constexpr (detail::has<dotprod, A>) {
#if defined(__ARM_FEATURE_DOTPROD)
      return vdotq_s32(acc, vreinterpretq_s8_s32(w), ab);
#endif
    } else {
      int8x16_t const wb = vreinterpretq_s8_s32(w);
      int32x4_t const low = vpaddlq_s16(vmull_s8(vget_low_s8(wb), vget_low_s8(ab)));
      int32x4_t const high = vpaddlq_s16(vmull_high_s8(wb, ab));
      return vaddq_s32(acc, vpaddq_s32(low, high));
    }
  }
};

#endif

/// acc + w[0] a[0] + w[1] a[1] for the words of each lane, which are signed; wraps as registers do.
template <class A>
[[nodiscard, gnu::always_inline]] inline ints<A> dot_words(ints<A> acc, ints<A> w, ints<A> a) noexcept {
  if constexpr (octavo::detail::is_scalar<A>) {
    return ints<A>::generate([&](int i) {
      auto const word = [i](ints<A> const& x, int j) {
        return static_cast<std::int16_t>(static_cast<std::uint32_t>(x.v[i]) >> (16 * j));
      };
      auto const product = [&](int j) { return static_cast<std::uint32_t>(word(w, j) * word(a, j)); };
      return static_cast<std::int32_t>(static_cast<std::uint32_t>(acc.v[i]) + product(0) + product(1));
    });
  } else if constexpr (detail::has<vnni, A>) {
    auto sum = static_cast<typename native_of<A>::raw>(acc);
#if defined(__AVX512VNNI__)
    if constexpr (octavo::detail::is_avx512<A>) {
#if defined(__clang__) || defined(__SANITIZE_ADDRESS__)
      return ints<A>(_mm512_dpwssd_epi32(sum, static_cast<__m512i>(w), static_cast<__m512i>(a)));
#else
      asm("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(static_cast<__m512i>(w)), "v"(static_cast<__m512i>(a)));
      return ints<A>(sum);
#endif
    }
#endif
#if defined(__AVXVNNI__)
    if constexpr (!octavo::detail::is_avx512<A>) {
#if defined(__clang__) || defined(__SANITIZE_ADDRESS__)
      return ints<A>(_mm256_dpwssd_avx_epi32(sum, static_cast<__m256i>(w), static_cast<__m256i>(a)));
#else
      asm("%{vex%} vpdpwssd %2, %1, %0" : "+x"(sum) : "x"(static_cast<__m256i>(w)), "x"(static_cast<__m256i>(a)));
      return ints<A>(sum);
#endif
    }
#endif
    return ints<A>(sum);
  } else if constexpr (detail::is_x86<A>) {
    using native = native_of<A>;
    return ints<A>(native::add_ints(acc, native::multiply_words(w, a)));
  } else {
#if defined(__aarch64__)
    int16x8_t const ww = vreinterpretq_s16_s32(w);
    int16x8_t const aa = vreinterpretq_s16_s32(a);
    int32x4_t const low = vmull_s16(vget_low_s16(ww), vget_low_s16(aa));
    return ints<A>(vaddq_s32(acc, vpaddq_s32(low, vmull_high_s16(ww, aa))));
#else
    return acc;
#endif
  }
}

/// acc = fma(w[1], a[1], acc), then acc = fma(w[0], a[0], acc), for the bf16 pairs of each lane: what vdpbf16ps
/// computes while nothing is denormal (a test compares the two on the host).
template <class A>
  requires(detail::has<dpbf16, A>)
[[gnu::always_inline]] inline floats<A> dot_bf16(floats<A> acc, [[maybe_unused]] ints<A> w,
                                                 [[maybe_unused]] ints<A> a) noexcept {
#if defined(__AVX512BF16__)
  auto sum = static_cast<__m512>(acc);
#if defined(__clang__) || defined(__SANITIZE_ADDRESS__)
#if defined(__clang__) && __clang_major__ >= 16 && __clang_major__ < 19
  a = in_register(a);  // clang 16 crashes when it sees a shuffle that is cast to bf16; 19 does not
#endif
  return floats<A>(_mm512_dpbf16_ps(sum, (__m512bh) static_cast<__m512i>(w), (__m512bh) static_cast<__m512i>(a)));
#else
  asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(static_cast<__m512i>(w)), "v"(static_cast<__m512i>(a)));
  return floats<A>(sum);
#endif
#else
  return acc;
#endif
}

}  // namespace simd
}  // namespace v0
}  // namespace octavo
