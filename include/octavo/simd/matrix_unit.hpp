// SPDX-License-Identifier: MIT
// AMX: tile registers of 16 x 64 bytes, and the exact products of signed by unsigned bytes on them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octavo/core/index.hpp"
#include "octavo/simd/arch.hpp"

#if defined(__AMX_TILE__) && defined(__AMX_INT8__)
#include <immintrin.h>
#endif

namespace octavo {
inline namespace v0 {
namespace simd {

/// Two blocks of 16 tokens times two of 16 rows: four tile registers of int32 sums, two of activations, two of weights.
///
///     sums[token][row] += a[token][4 quad + j] * w[quad][4 row + j]        over the quads of a step, at most 16
///
/// A step of a panel stands in memory as the unit wants it: 64 bytes, a quad of 16 rows, then the next quad.
/// Usage: configure, then for each group of k clear, multiply..., store; release at last.
template <class A>
struct matrix_unit;

#if defined(__AMX_TILE__) && defined(__AMX_INT8__)

template <class A>
  requires detail::has<amx, A>
struct matrix_unit<A> {
  static constexpr int block = 16;  ///< tokens or rows of a register
  static constexpr int tokens = 2 * block;
  static constexpr int rows = 2 * block;
  static constexpr int quads = 16;  ///< of a step, at most

  /// `first` and `second` tokens in the two blocks, 1 to 16 (the second may be 0), and quads of a step.
  static void configure(int first, int second, int step_quads) noexcept {
    struct alignas(64) {
      std::uint8_t palette = 1;
      std::uint8_t start_row = 0;
      std::uint8_t reserved[14] = {};
      std::uint16_t row_bytes[16] = {};
      std::uint8_t rows[16] = {};
    } config;
    auto const set = [&](int tile, int tile_rows, int row_bytes) {
      config.rows[tile] = static_cast<std::uint8_t>(tile_rows);
      config.row_bytes[tile] = static_cast<std::uint16_t>(tile_rows == 0 ? 0 : row_bytes);
    };
    for (int i = 0; i < 2; ++i) {
      set(i, first, 64);
      set(2 + i, second, 64);
      set(6 + i, step_quads, 64);
    }
    set(4, first, 4 * step_quads);
    set(5, second, 4 * step_quads);
    asm volatile("" : : "r"(&config) : "memory");  // g++ 12 believes that _tile_loadconfig reads 8 bytes of it
    _tile_loadconfig(&config);
  }
  static void release() noexcept { _tile_release(); }

  /// Two: whether there are tokens in the second block.
  template <bool Two>
  [[gnu::always_inline]] static void clear() noexcept {
    _tile_zero(0);
    _tile_zero(1);
    if constexpr (Two) {
      _tile_zero(2);
      _tile_zero(3);
    }
  }
  /// One step; between(i) for i in 0..3 is called where the vector units have time.
  template <bool Two, class Between>
  [[gnu::always_inline]] static void multiply(std::int8_t const* a, index token_stride, std::byte const* w,
                                              index quad_stride, Between const& between) noexcept {
    asm volatile("" ::: "memory");  // g++ 12 does not know that _tile_loadd reads memory
    _tile_loadd(4, a, token_stride);
    _tile_loadd(6, w, quad_stride);
    _tile_dpbsud(0, 4, 6);
    between(0);
    _tile_loadd(7, w + 64, quad_stride);
    _tile_dpbsud(1, 4, 7);
    between(1);
    if constexpr (Two) {
      _tile_loadd(5, a + block * token_stride, token_stride);
      _tile_dpbsud(2, 5, 6);
    }
    between(2);
    if constexpr (Two) { _tile_dpbsud(3, 5, 7); }
    between(3);
  }
  /// sums[token][32 rows].
  template <bool Two>
  [[gnu::always_inline]] static void store(std::int32_t* sums) noexcept {
    constexpr int stride = rows * static_cast<int>(sizeof(std::int32_t));
    _tile_stored(0, sums, stride);
    _tile_stored(1, sums + block, stride);
    if constexpr (Two) {
      _tile_stored(2, sums + block * rows, stride);
      _tile_stored(3, sums + block * rows + block, stride);
    }
    asm volatile("" ::: "memory");
  }
};

#endif

}  // namespace simd
}  // namespace v0
}  // namespace octavo
