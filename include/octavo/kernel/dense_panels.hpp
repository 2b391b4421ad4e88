// SPDX-License-Identifier: MIT
// Dense float operands as panels that the register tile reads: rows in lanes, k after k, everything f32.
#pragma once

#include <cstddef>
#include <cstring>

#include "octavo/core/ask_for.hpp"
#include "octavo/core/unroll.hpp"
#include "octavo/kernel/segments.hpp"
#include "octavo/kernel/short_tile.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// A matrix of `rows` rows and k columns: blocks of `width` rows, [block][k][width], with zeros for rows that are not
/// there and up to an even k.
template <class A>
struct dense_panels {
  static constexpr int L = simd::lanes<A>;
  static constexpr bool many = detail::is_avx512<A> || detail::is_neon<A>;
  /// Registers of rows, a multiple of 16 lanes, and tokens of a tile: as in tile_shape.
  static constexpr int registers = short_registers<A>;
  static constexpr int tokens = detail::is_scalar<A> ? 1 : many || L == 8 ? 6 : 2;
  static constexpr index width = registers * L;

  /// k filled up to whole steps.
  [[nodiscard, gnu::always_inline]] static constexpr index filled(index k) noexcept {
    return round_up(k, units_together);
  }
  [[nodiscard, gnu::always_inline]] static constexpr index floats(index rows, index k) {
    return product(round_up(rows, width), filled(k));
  }

  /// to[c * width + i] = from[i * stride + c] for L columns, at most k, and L rows; 0 for rows and columns behind those
  /// that are there.
  template <index width, class T>
  [[gnu::always_inline]] static void transpose(T const* from, index stride, index rows, index cols, index k,
                                               float* to) noexcept {
    if constexpr (detail::is_scalar<A>) {
      for (index c = 0; c < smaller(k, index{L}); ++c) {
        for (index i = 0; i < L; ++i) {
          to[c * width + i] = i < rows && c < cols ? static_cast<float>(from[i * stride + c]) : 0.0f;
        }
      }
    } else {
      simd::floats<A> x[static_cast<std::size_t>(L)];
      if (rows == L && cols >= L) {
        detail::unroll<L>([&](int i)
                              __attribute__((always_inline)) { x[i] = simd::load_as_floats<A>(from + i * stride); });
      } else {
        for (int i = 0; i < L; ++i) {
          x[i] = i < rows ? simd::load_first<A>(from + i * stride, smaller(larger(cols, 0), index{L}))
                          : simd::floats<A>(0.0f);
        }
      }
      simd::transpose<A>(x);
      if (k >= L) {
        detail::unroll<L>([&](int i) __attribute__((always_inline)) { x[i].store_unaligned(to + i * width); });
      } else {
        for (int i = 0; i < k; ++i) { x[i].store_unaligned(to + i * width); }
      }
    }
  }

  /// Rows with contiguous columns: element (r, c) is from[r * stride + c]. Others may want blocks of another width, a
  /// multiple of 16.
  template <index width = dense_panels::width, class T>
  static void pack_rows(T const* from, index stride, index rows, index cols, float* out) noexcept {
    index const k = filled(cols);
    for (index r = 0; r < round_up(rows, width); r += L) {
      T const* const first = from + r * stride;
      index const there = smaller(larger(rows - r, 0), index{L});
      float* const to = out + r / width * width * k + r % width;
      index const more = smaller(larger(rows - r - L, 0), index{L});
      index asked = 0;  // rows of the next step, at the pace of this one
      for (index c = 0; c < k; c += L) {
        for (; asked * k < more * (c + L); ++asked) { detail::ask_for(first + (L + asked) * stride, cols); }
        transpose<width>(first + c, stride, there, cols - c, k - c, to + c * width);
      }
    }
  }

  /// Columns with contiguous rows: element (r, c) is from[c * stride + r]. Returns whether all are finite.
  template <class T>
  static bool pack_columns(T const* from, index stride, index rows, index cols, float* out) noexcept {
    index const k = filled(cols);
    simd::ints<A> largest(0);
    for (index c = 0; c < k; ++c) {
      T const* const column = from + c * stride;
      index const present = c < cols ? rows : 0;
      if (c + 8 < cols) { detail::ask_for(column + 8 * stride, rows); }
      for (index first = 0; first < rows; first += width) {
        float* const to = out + first * k + c * width;
        detail::unroll<registers>([&](int i) __attribute__((always_inline)) {
          index const r = first + i * L;
          auto const x = r + L <= present ? simd::load_as_floats<A>(column + r)
                                          : simd::load_first<A>(column + r, larger(present - r, 0));
          largest = simd::maximum<A>(largest, simd::bit_and<A>(simd::as_ints<A>(x), 0x7fffffffu));
          x.store_unaligned(to + i * L);
        });
      }
    }
    return finite(largest);
  }
  /// Whether n floats are finite, a multiple of the lanes.
  [[nodiscard]] static bool finite(float const* p, index n) noexcept {
    simd::ints<A> largest(0);
    for (index i = 0; i < n; i += L) {
      auto const bits = simd::as_ints<A>(simd::load_floats<A>(p + i));
      largest = simd::maximum<A>(largest, simd::bit_and<A>(bits, 0x7fffffffu));
    }
    return finite(largest);
  }
  /// Whether all lanes are finite: bits of floats without their signs.
  [[nodiscard]] static bool finite(simd::ints<A> lanes) noexcept {
    std::int32_t bits[static_cast<std::size_t>(L)];
    lanes.store_unaligned(bits);
    for (std::int32_t const b : bits) {
      if (b >= 0x7f800000) { return false; }
    }
    return true;
  }

  /// out[t][row] = sum over k of block[k][row] * x[t][k], one chain of fma, k ascending: T tokens `stride` floats
  /// apart; `more`: a chain that goes on from out. Pre: k is even.
  template <int T>
  [[gnu::always_inline]] static void multiply(float const* block, index k, float const* x, index stride, float* out,
                                              bool more = false) noexcept {
    short_tile<float_product<A>, T, registers>(reinterpret_cast<std::byte const*>(block), k, x, stride, nullptr, out,
                                               more);
  }
  /// The same of `width` rows beside each other that stand as elements at from[k * step + row]; any k. `next` as
  /// element_tile.
  template <int T, class E>
  [[gnu::always_inline]] static void multiply_elements(E const* from, index step, index k, float const* x,
                                                       index stride, float* out, bool more = false,
                                                       E const* next = nullptr) noexcept {
    element_tile<A, T, registers>(from, step, k, x, stride, out, more, next);
  }
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
