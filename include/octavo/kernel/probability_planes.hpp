// SPDX-License-Identifier: MIT
// Weights of attention as logarithmic codes, and codes as planes of bytes: no float where they meet values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/core/unroll.hpp"
#include "octavo/format/log2.hpp"
#include "octavo/kernel/attention_rows.hpp"
#include "octavo/kernel/probability_bytes.hpp"
#include "octavo/quant/adalog.hpp"
#include "octavo/quant/symmetric.hpp"
#include "octavo/simd/lookup.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// What codes of weights mean: a weight p of at most 1 becomes code min(rne(-log2(p) per_octave), top), and that counts
/// as planes[0][code] + ratio planes[1][code], where 1 counts as `unit`. What is not seen counts as 0, though the top
/// code may not.
struct weight_levels {
  float per_octave = 1;
  float top = 0;
  bool zero = false;  ///< the top code means 0
  float unit = 1;
  float ratio = 0;
  simd::byte_table planes[2] = {};
};

/// `levels` codes of which c means mantissa(c) / denominator * 2^-exponent(c), exponents not descending; with `zero`
/// there is one more, which means 0.
///
/// Planes are exact where two can hold all: each has as many octaves as shifts keep the largest mantissa in a byte.
/// Else they are the high and the low byte of rne(65535 times what a code means), whose error is at most 7.6e-6.
template <class Mantissa, class Exponent>
[[nodiscard, gnu::always_inline]] constexpr weight_levels shift_planes(float per_octave, int levels, bool zero,
                                                                       int denominator, Mantissa const& mantissa,
                                                                       Exponent const& exponent) noexcept {
  int largest = 1;
  for (int c = 0; c < levels; ++c) { largest = mantissa(c) > largest ? mantissa(c) : largest; }
  int octaves = 1;
  while (largest << octaves <= 255) { ++octaves; }
  bool const exact = exponent(levels - 1) < 2 * octaves;
  weight_levels l{};
  l.per_octave = per_octave;
  l.top = static_cast<float>(zero ? levels : levels - 1);
  l.zero = zero;
  l.unit = exact ? static_cast<float>(denominator << (octaves - 1)) : 65535.0f / 256;
  l.ratio = exact ? detail::power_of_two(-octaves) : 1.0f / 256;
  for (int c = 0; c < levels; ++c) {
    auto const at = static_cast<std::size_t>(c);
    if (exact) {
      auto const plane = static_cast<std::size_t>(exponent(c) / octaves);
      l.planes[plane][at] = static_cast<std::uint8_t>(mantissa(c) << (octaves - 1 - exponent(c) % octaves));
    } else {
      double const value =
          65535.0 * mantissa(c) / denominator * static_cast<double>(detail::power_of_two(-exponent(c)));
      auto const word = static_cast<int>(value + 0.5);  // no value lies half way
      l.planes[0][at] = static_cast<std::uint8_t>(word >> 8);
      l.planes[1][at] = static_cast<std::uint8_t>(word & 255);
    }
  }
  return l;
}

/// Logarithmic quantizers of weights, at most 16 levels and 0: levels(base) gives what their codes mean.
template <class Quantizer>
struct weight_quantizer {
  static constexpr bool is = false;
};
template <int B, log_zero Z>
struct weight_quantizer<symmetric<log2_format<B, Z>>> {
  static constexpr bool is = B <= 4;
  static constexpr bool has_base = false;
  using levels_type = weight_levels;
  [[nodiscard, gnu::always_inline]] static constexpr weight_levels levels(int) noexcept {
    return shift_planes(
        1.0f, detail::log_codes<B, Z>::levels, Z != log_zero::none, 1,
        [](int) __attribute__((always_inline)) { return 1; }, [](int c) __attribute__((always_inline)) { return c; });
  }
};
/// Even codes in one plane, odd ones, whose factor is the root of 1/2, in the other (RepQ-ViT, Li 2023).
template <int B, log_zero Z>
struct weight_quantizer<symmetric<log_sqrt2_format<B, Z>>> {
  static constexpr bool is = B <= 4;
  static constexpr bool has_base = false;
  using levels_type = weight_levels;
  [[nodiscard, gnu::always_inline]] static constexpr weight_levels levels(int) noexcept {
    constexpr int n = detail::log_codes<B, Z>::levels;
    weight_levels l{
        2.0f, static_cast<float>(Z == log_zero::none ? n - 1 : n), Z != log_zero::none, 128.0f, 0x1.6a09e6p-1f, {}};
    for (int c = 0; c < n; ++c) {
      l.planes[static_cast<std::size_t>(c % 2)][static_cast<std::size_t>(c)] =
          static_cast<std::uint8_t>(128 >> c / 2);
    }
    return l;
  }
};
template <int B, log_zero Z>
struct weight_quantizer<adalog<B, Z>> {
  using quantizer = adalog<B, Z>;
  static constexpr bool is = B <= 4;
  static constexpr bool has_base = true;
  using levels_type = weight_levels;
  static constexpr int lowest = quantizer::lowest_base;
  static constexpr int highest = quantizer::highest_base;
  [[nodiscard, gnu::always_inline]] static constexpr weight_levels levels(int base) noexcept {
    return shift_planes(
        37.0f / static_cast<float>(base), detail::log_codes<B, Z>::levels, Z != log_zero::none,
        quantizer::denominator, [base](int c) __attribute__((always_inline)) { return quantizer::mantissa(c, base); },
        [base](int c) __attribute__((always_inline)) { return quantizer::shift(c, base); });
  }
};

/// Scores to codes of logarithms: rne(fma(score, -factor per_octave, largest per_octave)), at most the top one, 16 for
/// -infinity.
template <class A, bool Zero>
struct log_encoder {
  simd::floats<A> scales, shifts, top;

  [[nodiscard, gnu::always_inline]] simd::ints<A> operator()(simd::floats<A> score) const noexcept {
    auto const x = simd::fused<A>(score, scales, shifts);
    auto code = simd::minimum<A>(x, top);
    if constexpr (!Zero) {
      code = simd::native_of<A>::where_less(x, simd::floats<A>(__builtin_inff()), code, simd::floats<A>(16.0f));
    }
    return simd::to_ints<A>(code);
  }
};
/// Calls f with what encodes 2^(factor score - largest); false where scores are too large for that.
template <class A, class F>
[[nodiscard, gnu::always_inline]] inline bool encode_weights(weight_levels const& levels, float factor, float largest,
                                                             F const& f) noexcept {
  float const scale = detail::opaque(factor * -levels.per_octave);
  float const shift = detail::opaque(largest * levels.per_octave);
  if (!(detail::is_finite(scale) && detail::is_finite(shift))) { return false; }
  simd::floats<A> const scales(scale);
  simd::floats<A> const shifts(shift);
  simd::floats<A> const top(levels.top);
  if (levels.zero) {
    f(log_encoder<A, true>{scales, shifts, top});
  } else {
    f(log_encoder<A, false>{scales, shifts, top});
  }
  return true;
}

/// Weights as two planes of bytes, `plane_stride` apart. They count as plane 0 + ratio * plane 1, and so does their
/// sum: in double, rounded once. Levels: weight_levels, or border_levels (probability_borders.hpp).
template <class A, class Operand, class Levels = weight_levels>
struct plane_writer {
  using weight = Operand;
  using bytes = byte_sum<A, Operand>;
  static constexpr int planes = 2;
  static constexpr int less = bytes::less;
  static constexpr weight nothing = bytes::nothing;
  static constexpr index plane_stride = most_near_rows * weight_stride;

  Levels levels{};
  mutable std::int32_t sums[2] = {};  ///< of the planes that were written last

  /// As byte_writer::write.
  template <index Width, class Blocks>
  [[nodiscard, gnu::always_inline]] float write(float const* scores, index stride, Blocks const& blocks, float factor,
                                                float largest, bool watch, Operand* weights) const noexcept {
    sums[0] = sums[1] = 0;
    bytes totals[2];
    bool const wrong = watch && bytes::template has_nan<Width>(scores, stride, blocks);
    if (wrong ||
        !encode_weights<A>(
            levels, factor,
            largest == minus_infinity ? 0.0f : largest, [&](auto const& code_of) __attribute__((always_inline)) {
              write_codes<Width>(scores, stride, blocks, code_of, weights, totals);
            })) {
      (void)bytes::refuse(blocks, Width, weights + plane_stride);
      return bytes::refuse(blocks, Width, weights);
    }
    sums[0] = totals[0].sum();
    sums[1] = totals[1].sum();
    return static_cast<float>(sums[0] + static_cast<double>(sums[1]) * static_cast<double>(levels.ratio));
  }

 private:
  template <index Width, class Blocks, class Encoder>
  [[gnu::always_inline]] void write_codes(float const* scores, index stride, Blocks const& blocks,
                                          Encoder const& code_of, Operand* weights,
                                          bytes (&totals)[2]) const noexcept {
    constexpr int L = simd::lanes<A>;
    constexpr int registers = static_cast<int>(Width) / L;
    lookup const first(levels.planes[0]);
    lookup const second(levels.planes[1]);
    blocks.runs([&](index b, index end) __attribute__((always_inline)) {
      for (; b < end; ++b) {
        simd::ints<A> codes[static_cast<std::size_t>(registers)];
        detail::unroll<registers>([&](int r) __attribute__((always_inline)) {
          codes[r] = code_of(simd::load_floats<A>(scores + b * stride + r * L));
        });
        if constexpr (bytes::packs) {
          // Codes above 15 get bit 7: the shuffle gives 0.
          auto const packed =
              simd::native_of<A>::pack_bytes(codes[0], codes[1], codes[2], codes[3]) + simd::ints<A>(0x70707070);
          totals[0].put_packed(first(packed), weights + b * Width);
          totals[1].put_packed(second(packed), weights + plane_stride + b * Width);
        } else {
          simd::ints<A> more[static_cast<std::size_t>(registers)];
          detail::unroll<registers>([&](int r) __attribute__((always_inline)) {
            auto const code = simd::maximum<A>(codes[r], simd::ints<A>(0));
            codes[r] = first(code);
            more[r] = second(code);
          });
          totals[0].put(codes, weights + b * Width);
          totals[1].put(more, weights + plane_stride + b * Width);
        }
      }
    });
  }
  /// Bytes of codes that are bytes; or of codes in lanes, 0 for those above 15.
  class lane_lookup {
   public:
    explicit lane_lookup(simd::byte_table const& table) noexcept {
      for (std::size_t i = 0; i < 16; ++i) { values_[i] = static_cast<float>(table[i]); }
    }
    [[nodiscard]] simd::ints<A> operator()(simd::ints<A> codes) const noexcept {
      auto const found = simd::float_lookup<A>(values_)(codes);
      return simd::to_ints<A>(simd::native_of<A>::where_less(simd::to_floats<A>(codes), simd::floats<A>(15.5f), found,
                                                             simd::floats<A>(0.0f)));
    }

   private:
    simd::float_table values_{};
  };
  using lookup = std::conditional_t<bytes::packs, simd::byte_lookup<A, 16>, lane_lookup>;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
