// SPDX-License-Identifier: MIT
// The intrinsics of 64-bit Arm.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/core/scalar.hpp"
#include "octavo/simd/native.hpp"

#if defined(__aarch64__)
#include <arm_neon.h>

namespace octavo {
inline namespace v0 {
namespace simd {

template <>
struct native<neon64> {
  using ints = xsimd::batch<std::int32_t, neon64>;
  using floats = xsimd::batch<float, neon64>;
  using raw = int32x4_t;
  static constexpr int lanes = 4;

  [[gnu::always_inline]] static ints load_bytes(void const* p) noexcept {
    std::uint32_t four;
    std::memcpy(&four, p, sizeof four);
    uint8x8_t const bytes = vcreate_u8(four);
    return ints(vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes)))));
  }
  [[gnu::always_inline]] static floats to_floats(ints x) noexcept { return floats(vcvtq_f32_s32(x)); }
  [[gnu::always_inline]] static ints to_ints(floats x) noexcept { return ints(vcvtnq_s32_f32(x)); }
  template <int N>
  [[gnu::always_inline]] static ints shift_right(ints x) noexcept {
    return ints(vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(x), N)));
  }
  [[gnu::always_inline]] static ints shift_right(ints x, int n) noexcept {
    return ints(vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(x), vdupq_n_s32(-n))));
  }
  template <int N>
  [[gnu::always_inline]] static ints shift_left(ints x) noexcept {
    return ints(vshlq_n_s32(x, N));
  }
  [[gnu::always_inline]] static floats fused(floats a, floats b, floats c) noexcept {
    return floats(vfmaq_f32(c, a, b));
  }
  [[gnu::always_inline]] static floats divide(floats a, floats b) noexcept { return floats(vdivq_f32(a, b)); }
  [[gnu::always_inline]] static floats opaque(floats x) noexcept {
    float32x4_t r = x;
    asm("" : "+w"(r));
    return floats(r);
  }
  [[gnu::always_inline]] static floats floor(floats x) noexcept { return floats(vrndmq_f32(x)); }
  [[gnu::always_inline]] static std::int32_t sum(ints x) noexcept { return vaddvq_s32(x); }
  [[gnu::always_inline]] static std::int32_t largest(ints x) noexcept { return vmaxvq_s32(x); }
  [[gnu::always_inline]] static floats swap_pairs(floats x) noexcept { return floats(vrev64q_f32(x)); }
  [[gnu::always_inline]] static floats minimum(floats a, floats b) noexcept { return where_less(a, b, a, b); }
  [[gnu::always_inline]] static floats maximum(floats a, floats b) noexcept { return where_less(b, a, a, b); }
  [[gnu::always_inline]] static ints minimum(ints a, ints b) noexcept { return ints(vminq_s32(a, b)); }
  [[gnu::always_inline]] static ints maximum(ints a, ints b) noexcept { return ints(vmaxq_s32(a, b)); }
  [[gnu::always_inline]] static floats load_f16(f16 const* p) noexcept {
    return floats(vcvt_f32_f16(vreinterpret_f16_u16(words(p))));
  }
  [[gnu::always_inline]] static floats load_bf16(bf16 const* p) noexcept {
    return as_floats(vreinterpretq_s32_u32(vshll_n_u16(words(p), 16)));
  }
  [[gnu::always_inline]] static void store_f16(f16* p, floats x) noexcept {
    uint16x4_t const bits = vreinterpret_u16_f16(vcvt_f16_f32(x));
    std::memcpy(static_cast<void*>(p), &bits, sizeof bits);
  }
  [[gnu::always_inline]] static void store_bytes(void* p, ints x) noexcept {
    int16x4_t const words = vmovn_s32(x);
    std::uint32_t const four = vget_lane_u32(vreinterpret_u32_s8(vmovn_s16(vcombine_s16(words, words))), 0);
    std::memcpy(p, &four, sizeof four);
  }
  template <class T>
  [[gnu::always_inline]] static void store_words(T* p, ints x) noexcept {
    int16x4_t const words = vmovn_s32(x);
    std::memcpy(p, &words, sizeof words);
  }
  [[gnu::always_inline]] static ints where_nan(floats x, ints a, ints b) noexcept {
    return ints(vbslq_s32(vceqq_f32(x, x), b, a));
  }
  [[gnu::always_inline]] static floats where_less(floats x, floats y, floats a, floats b) noexcept {
    return floats(vbslq_f32(vcltq_f32(x, y), a, b));
  }
  [[gnu::always_inline]] static ints add_where_less(ints i, ints n, floats x, floats y) noexcept {
    return ints(vaddq_s32(i, vandq_s32(n, vreinterpretq_s32_u32(vcltq_f32(x, y)))));
  }
  [[gnu::always_inline]] static void transpose(floats* r) noexcept {
    float32x4x2_t const t01 = vtrnq_f32(r[0], r[1]);
    float32x4x2_t const t23 = vtrnq_f32(r[2], r[3]);
    r[0] = floats(vcombine_f32(vget_low_f32(t01.val[0]), vget_low_f32(t23.val[0])));
    r[1] = floats(vcombine_f32(vget_low_f32(t01.val[1]), vget_low_f32(t23.val[1])));
    r[2] = floats(vcombine_f32(vget_high_f32(t01.val[0]), vget_high_f32(t23.val[0])));
    r[3] = floats(vcombine_f32(vget_high_f32(t01.val[1]), vget_high_f32(t23.val[1])));
  }
  [[gnu::always_inline]] static ints load_table(std::uint8_t const* p) noexcept {
    return ints(vreinterpretq_s32_u8(vld1q_u8(p)));
  }
  [[gnu::always_inline]] static ints shuffle(ints table, ints codes) noexcept {
    return ints(vreinterpretq_s32_u8(vqtbl1q_u8(vreinterpretq_u8_s32(table), vreinterpretq_u8_s32(codes))));
  }
  template <int Bytes>
  [[gnu::always_inline]] static ints interleave_low(ints a, ints b) noexcept {
    if constexpr (Bytes == 1) {
      return ints(vreinterpretq_s32_s8(vzip1q_s8(vreinterpretq_s8_s32(a), vreinterpretq_s8_s32(b))));
    } else if constexpr (Bytes == 2) {
      return ints(vreinterpretq_s32_s16(vzip1q_s16(vreinterpretq_s16_s32(a), vreinterpretq_s16_s32(b))));
    } else if constexpr (Bytes == 4) {
      return ints(vzip1q_s32(a, b));
    } else {
      return ints(vreinterpretq_s32_s64(vzip1q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b))));
    }
  }
  template <int Bytes>
  [[gnu::always_inline]] static ints interleave_high(ints a, ints b) noexcept {
    if constexpr (Bytes == 1) {
      return ints(vreinterpretq_s32_s8(vzip2q_s8(vreinterpretq_s8_s32(a), vreinterpretq_s8_s32(b))));
    } else if constexpr (Bytes == 2) {
      return ints(vreinterpretq_s32_s16(vzip2q_s16(vreinterpretq_s16_s32(a), vreinterpretq_s16_s32(b))));
    } else if constexpr (Bytes == 4) {
      return ints(vzip2q_s32(a, b));
    } else {
      return ints(vreinterpretq_s32_s64(vzip2q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b))));
    }
  }

 private:
  [[gnu::always_inline]] static floats as_floats(raw x) noexcept { return floats(vreinterpretq_f32_s32(x)); }
  [[gnu::always_inline]] static uint16x4_t words(void const* p) noexcept {
    uint16x4_t w;
    std::memcpy(&w, p, sizeof w);
    return w;
  }
};

}  // namespace simd
}  // namespace v0
}  // namespace octavo

#endif
