// SPDX-License-Identifier: MIT
// Weights of attention as bytes of 1/255, from scores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/core/unroll.hpp"
#include "octavo/kernel/softmax.hpp"
#include "octavo/simd/dot.hpp"
#include "octavo/simd/exp2.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Stores bytes of weights, less 128 where operands are signed, and adds them up.
template <class A, class Operand>
struct byte_sum {
  using native = simd::native_of<A>;
  /// Whether four registers become one of bytes.
  static constexpr bool packs = requires(simd::ints<A> x) { native::pack_bytes(x, x, x, x); }
  &&sizeof(Operand) == 1;
  /// What is subtracted from bytes, and the byte of 0.
  static constexpr int less = std::is_signed_v<Operand> ? 128 : 0;
  static constexpr Operand nothing = static_cast<Operand>(-less);

  simd::ints<A> total = simd::ints<A>(0);

  [[gnu::always_inline]] void put_packed(simd::ints<A> const& bytes, Operand* to) noexcept {
    using dot = simd::dot<A, 255>;
    total = simd::ints<A>(dot::add(total, dot::prepare(bytes), simd::ints<A>(0x01010101)));
    simd::bit_xor<A>(bytes, less == 0 ? 0 : 0x80808080u).store_unaligned(reinterpret_cast<std::int32_t*>(to));
  }
  template <std::size_t N>
  [[gnu::always_inline]] void put(simd::ints<A> const (&x)[N], Operand* to) noexcept {
    if constexpr (packs) {
      static_assert(N == 4);
      put_packed(native::pack_bytes(x[0], x[1], x[2], x[3]), to);
    } else {
      detail::unroll<static_cast<int>(N)>([&](int r) __attribute__((always_inline)) {
        auto const byte = simd::minimum<A>(simd::maximum<A>(x[r], simd::ints<A>(0)), simd::ints<A>(255));
        total = total + byte;
        simd::store_narrow<A>(to + r * simd::lanes<A>, byte - simd::ints<A>(less));
      });
    }
  }
  [[nodiscard, gnu::always_inline]] std::int32_t sum() const noexcept { return simd::sum<A>(total); }

  /// Scores that give no weights, because some are NaN or too large: bytes of 0, the sum NaN.
  template <class Blocks>
  [[nodiscard]] static float refuse(Blocks const& blocks, index width, Operand* to) noexcept {
    blocks.runs([&](index b, index end) {
      for (index i = b * width; i < end * width; ++i) { to[i] = nothing; }
    });
    return __builtin_nanf("");
  }
  template <index Width, class Blocks>
  [[nodiscard, gnu::always_inline]] static bool has_nan(float const* scores, index stride,
                                                        Blocks const& blocks) noexcept {
    constexpr int L = simd::lanes<A>;
    simd::ints<A> found(0);
    blocks.runs([&](index b, index end) __attribute__((always_inline)) {
      for (; b < end; ++b) {
        for (index j = 0; j < Width; j += L) {
          auto const x = simd::load_floats<A>(scores + b * stride + j);
          found = native::where_nan(x, simd::ints<A>(1), found);
        }
      }
    });
    return simd::sum<A>(found) != 0;
  }
};

/// Weights of at most 1 as bytes: nearest to 255 p. They count as 255 p, and their sum is exact.
template <class A, class Operand>
struct byte_writer {
  using weight = Operand;
  using all = byte_sum<A, Operand>;
  static constexpr int planes = 1;
  static constexpr float unit = 255.0f;
  static constexpr int less = all::less;
  static constexpr weight nothing = all::nothing;

  /// What exp2_bytes takes of a score: fma(score, scale, shift).
  struct line {
    float scale;
    float shift;
    [[nodiscard, gnu::always_inline]] static line of(float factor, float largest) noexcept {
      return {detail::opaque(factor * 0x1p23f),
              detail::opaque((127.0f - (largest == minus_infinity ? 0.0f : largest)) * 0x1p23f)};
    }
    [[nodiscard, gnu::always_inline]] bool fits() const noexcept {
      return detail::is_finite(scale) && detail::is_finite(shift);
    }
  };
  /// Rows that one write_rows takes.
  static constexpr int rows_together = all::packs ? 2 : 1;

  /// As float_writer::write. The sum is NaN if a score is (looked for only if `watch`), or if scores are beyond 2^104.
  template <index Width, class Blocks>
  [[nodiscard, gnu::always_inline]] static float write(float const* scores, index stride, Blocks const& blocks,
                                                       float factor, float largest, bool watch,
                                                       Operand* weights) noexcept {
    line const lines[1] = {line::of(factor, largest)};
    if (!lines[0].fits() || (watch && all::template has_nan<Width>(scores, stride, blocks))) {
      return all::refuse(blocks, Width, weights);
    }
    float sum[1];
    write_rows<Width>(scores, stride, blocks, lines, weights, 0, sum);
    return sum[0];
  }
  /// N rows, whose scores are Width and whose weights are `apart` from each other. Pre: lines fit, no score is NaN.
  template <index Width, class Blocks, std::size_t N>
  [[gnu::always_inline]] static void write_rows(float const* scores, index stride, Blocks const& blocks,
                                                line const (&lines)[N], Operand* weights, index apart,
                                                float (&sums)[N]) noexcept {
    constexpr int L = simd::lanes<A>;
    constexpr int registers = static_cast<int>(Width) / L;
    constexpr int rows = static_cast<int>(N);
    simd::floats<A> scales[N];
    simd::floats<A> shifts[N];
    detail::unroll<rows>([&](int i) __attribute__((always_inline)) {
      scales[i] = simd::floats<A>(lines[i].scale);
      shifts[i] = simd::floats<A>(lines[i].shift);
    });
    all totals[N];
    blocks.runs([&](index b, index end) __attribute__((always_inline)) {
      for (; b < end; ++b) {
        simd::floats<A> x[static_cast<std::size_t>(rows * registers)];
        simd::ints<A> bytes[static_cast<std::size_t>(rows * registers)];
        detail::unroll<rows * registers>([&](int r) __attribute__((always_inline)) {
          x[r] = simd::fused<A>(simd::load_floats<A>(scores + b * stride + r * L), scales[r / registers],
                                shifts[r / registers]);
        });
        simd::exp2_bytes<A>(x, bytes);
        detail::unroll<rows>([&](int i) __attribute__((always_inline)) {
          simd::ints<A> of_row[static_cast<std::size_t>(registers)];
          detail::unroll<registers>([&](int r)
                                        __attribute__((always_inline)) { of_row[r] = bytes[i * registers + r]; });
          totals[i].put(of_row, weights + i * apart + b * Width);
        });
      }
    });
    detail::unroll<rows>([&](int i)
                             __attribute__((always_inline)) { sums[i] = static_cast<float>(totals[i].sum()); });
  }
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
