// SPDX-License-Identifier: MIT
// Dense float operands as panels that the register tile reads: rows in lanes, k after k, everything f32.
#pragma once

#include <cstddef>
#include <cstring>

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

  /// Floats that pack_rows works in.
  [[nodiscard, gnu::always_inline]] static constexpr index room(index cols) noexcept { return 16 * filled(cols); }

  /// Rows with contiguous columns: element (r, c) is from[r * stride + c]. `room` has space for room(cols) floats. Others
  /// may want blocks of another width, a multiple of 16.
  template <index width = dense_panels::width, class T>
  static void pack_rows(T const* from, index stride, index rows, index cols, float* room, float* out) noexcept {
    index const k = filled(cols);
    for (index r = 0; r < round_up(rows, width); r += 16) {
      for (index i = 0; i < 16; ++i) {
        T const* const row = from + (r + i) * stride;
        index const present = r + i < rows ? cols : 0;
        if (r + i + 16 < rows) { prefetch(row + 16 * stride, cols); }
        index c = 0;
        for (; c + L <= present; c += L) { simd::load_as_floats<A>(row + c).store_unaligned(room + i * k + c); }
        for (; c < present; ++c) { room[i * k + c] = static_cast<float>(row[c]); }
        for (; c < k; ++c) { room[i * k + c] = 0.0f; }
      }
      float* const to = out + r / width * width * k + r % width;
      index c = 0;
      for (; c + 4 <= k; c += 4) {
        for (index i = 0; i < 16; i += 4) { transpose4<width>(room + i * k + c, k, to + c * width + i); }
      }
      for (; c < k; ++c) {
        for (index i = 0; i < 16; ++i) { to[c * width + i] = room[i * k + c]; }
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
      if (c + 8 < cols) { prefetch(column + 8 * stride, rows); }
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
    std::int32_t bits[static_cast<std::size_t>(L)];
    largest.store_unaligned(bits);
    for (std::int32_t const b : bits) {
      if (b >= 0x7f800000) { return false; }
    }
    return true;
  }

  /// out[t][row] = sum over k of block[k][row] * x[t][k], one chain of fma, k ascending: T tokens `stride` floats apart; `more`:
  /// a chain that goes on from out. Pre: k is even.
  template <int T>
  [[gnu::always_inline]] static void multiply(float const* block, index k, float const* x, index stride, float* out,
                                              bool more = false) noexcept {
    short_tile<float_product<A>, T, registers>(reinterpret_cast<std::byte const*>(block), k, x, stride, nullptr, out,
                                               more);
  }

 private:
  template <class T>
  static void prefetch(T const* p, index n) noexcept {
    for (index i = 0; i < n; i += 64 / static_cast<index>(sizeof(T))) { __builtin_prefetch(p + i); }
  }
  /// to[c * width + i] = from[i * stride + c] for 4 x 4 floats.
  template <index width>
  [[gnu::always_inline]] static void transpose4(float const* from, index stride, float* to) noexcept {
    using quad [[gnu::vector_size(16)]] = float;
    quad rows[4];
    for (index i = 0; i < 4; ++i) { std::memcpy(&rows[i], from + i * stride, sizeof rows[i]); }
    quad const low01 = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
    quad const high01 = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
    quad const low23 = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
    quad const high23 = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
    quad const columns[4] = {
        __builtin_shufflevector(low01, low23, 0, 1, 4, 5), __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
        __builtin_shufflevector(high01, high23, 0, 1, 4, 5), __builtin_shufflevector(high01, high23, 2, 3, 6, 7)};
    for (index i = 0; i < 4; ++i) { std::memcpy(to + i * width, &columns[i], sizeof columns[i]); }
  }
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
