// SPDX-License-Identifier: MIT
// Exact dot products of unsigned weight bytes with signed activation bytes, quads of k, one int32 lane per row.
#pragma once

#include <cstdint>

#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace simd {

/// acc += sum over the four bytes of each lane of w (unsigned) * a (signed), exact.
///
/// `dot<A, Highest>` for weights up to Highest (255, 24, 15, 3 ...):
/// - `activation`: what an activation is stored as; int8_t, or int16_t where quads are kept as (k0 k2)(k1 k3).
/// - `weight`: a quad register as the multiplies want it; `prepare(bytes)` makes it once per quad.
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

#if defined(__AVX512VNNI__) && defined(__AVX512BW__)

/// vpdpbusd: no intermediate saturation. g++ 12 copies accumulators around the intrinsic, so the instruction is
/// written out; register operands only, since a sanitizer does not see memory operands.
template <class A, int Highest>
  requires octavo::detail::is_avx512<A>
struct dot<A, Highest> {
  using activation = std::int8_t;
  using weight = __m512i;
  using operand = __m512i;
  using accumulator = __m512i;
  static constexpr int burst = 0;

  [[gnu::always_inline]] static weight prepare(ints<A> bytes) noexcept { return bytes; }
  [[gnu::always_inline]] static operand load(activation const* p) noexcept { return broadcast4<A>(p); }
  [[gnu::always_inline]] static accumulator add(accumulator acc, weight w, operand a) noexcept {
#if defined(__clang__) || defined(__SANITIZE_ADDRESS__)
    return _mm512_dpbusd_epi32(acc, w, a);
#else
    asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(w), "v"(a));
    return acc;
#endif
  }
};

#endif
#if defined(__AVX2__)

namespace detail {
/// A sum that g++ may not reassociate with the next: it would hold two of each accumulator, and spill.
[[gnu::always_inline]] inline __m256i settled(__m256i x) noexcept {
  asm("" : "+x"(x));
  return x;
}
}  // namespace detail

/// Small weights: vpmaddubsw into int16, at most `burst` of them before vpmaddwd widens: burst * 2 * Highest * 128
/// stays below 2^15, so nothing saturates.
template <class A, int Highest>
  requires(octavo::detail::is_avx2<A>&& Highest * 256 <= 32767)
struct dot<A, Highest> {
  using activation = std::int8_t;
  using weight = __m256i;
  using operand = __m256i;
  using accumulator = __m256i;
  static constexpr int burst = 32767 / (Highest * 256);

  [[gnu::always_inline]] static weight prepare(ints<A> bytes) noexcept { return bytes; }
  [[gnu::always_inline]] static operand load(activation const* p) noexcept { return broadcast4<A>(p); }
  [[gnu::always_inline]] static accumulator add(accumulator acc, weight w, operand a) noexcept {
    return detail::settled(_mm256_add_epi16(acc, _mm256_maddubs_epi16(w, a)));
  }
  [[gnu::always_inline]] static ints<A> flush(ints<A> sum, accumulator acc) noexcept {
    return ints<A>(_mm256_add_epi32(sum, _mm256_madd_epi16(acc, _mm256_set1_epi16(1))));
  }
};

/// Large weights: 255 * 127 * 2 does not fit int16, so even and odd bytes go through vpmaddwd as int16. Activations
/// are stored widened, a quad as the words (k0, k2), (k1, k3).
template <class A, int Highest>
  requires(octavo::detail::is_avx2<A>&& Highest * 256 > 32767)
struct dot<A, Highest> {
  using activation = std::int16_t;
  struct weight {
    __m256i even;
    __m256i odd;
  };
  using operand = weight;
  using accumulator = __m256i;
  static constexpr int burst = 0;

  [[gnu::always_inline]] static weight prepare(ints<A> bytes) noexcept {
    return {_mm256_and_si256(bytes, _mm256_set1_epi16(0xff)), _mm256_srli_epi16(bytes, 8)};
  }
  [[gnu::always_inline]] static operand load(activation const* p) noexcept {
    return {broadcast4<A>(p), broadcast4<A>(p + 2)};
  }
  [[gnu::always_inline]] static accumulator add(accumulator acc, weight const& w, operand const& a) noexcept {
    acc = detail::settled(_mm256_add_epi32(acc, _mm256_madd_epi16(w.even, a.even)));
    return detail::settled(_mm256_add_epi32(acc, _mm256_madd_epi16(w.odd, a.odd)));
  }
};

#endif

/// acc = fma(w[1], a[1], acc), then acc = fma(w[0], a[0], acc), for the bf16 pairs of each lane: what vdpbf16ps
/// computes while nothing is denormal (a test compares the two on the host).
template <class A>
  requires octavo::detail::has_dpbf16<A>
[[gnu::always_inline]] inline floats<A> dot_bf16(floats<A> acc, ints<A> w, ints<A> a) noexcept {
#if defined(__AVX512BF16__)
  auto sum = static_cast<__m512>(acc);
#if defined(__clang__) || defined(__SANITIZE_ADDRESS__)
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
