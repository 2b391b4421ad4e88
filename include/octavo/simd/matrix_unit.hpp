// SPDX-License-Identifier: MIT
// AMX: tile registers of 16 x 64 bytes, and the exact products of signed by unsigned bytes on them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octavo/core/index.hpp"
#include "octavo/core/unroll.hpp"
#include "octavo/simd/arch.hpp"

#if defined(__AMX_INT8__) || defined(__AMXINT8__)
#include <immintrin.h>
#endif

namespace octavo {
inline namespace v0 {
namespace simd {

/// Tokens, or rows, of a tile register; quads of k in a step, at most.
inline constexpr int matrix_block = 16;
inline constexpr int matrix_quads = 16;

/// Two blocks of 16 tokens times two of 16 rows: four tile registers of int32 sums, two of activations, two of weights.
///
///     sums[token][row] += a[token][4 quad + j] * w[quad][4 row + j]        over the quads of a step, at most 16
///
/// A step of a panel stands in memory as the unit wants it: 64 bytes, a quad of 16 rows, then the next quad.
/// Usage: configure, then for each group of k clear, multiply..., store; release at last.
template <class A>
struct matrix_unit;

#if defined(__AMX_INT8__) || defined(__AMXINT8__)

namespace detail {

/// Single instructions; numbers of tile registers are parts of them. g++'s intrinsics are assembly that says too little
/// (_tile_loadconfig reads 8 bytes) or too much (_tile_stored writes all memory, so registers go through the stack).
template <class A>
struct tile_register {
#if defined(__clang__)
  template <int R>
  [[gnu::always_inline]] static void zero() noexcept {
    _tile_zero(R);
  }
  template <int R>
  [[gnu::always_inline]] static void load(void const* from, index stride) noexcept {
    _tile_loadd(R, from, stride);
  }
  template <int R>
  [[gnu::always_inline]] static void store(std::int32_t* to, index stride) noexcept {
    _tile_stored(R, to, stride);
  }
  /// C += A times B, bytes signed by unsigned.
  template <int C, int X, int W>
  [[gnu::always_inline]] static void multiply() noexcept {
    _tile_dpbsud(C, X, W);
  }
  /// Bytes unsigned by signed.
  template <int C, int X, int W>
  [[gnu::always_inline]] static void multiply_unsigned() noexcept {
    _tile_dpbusd(C, X, W);
  }
#else
  template <int R>
  [[gnu::always_inline]] static void zero() noexcept {
    asm volatile("tilezero %%tmm%c0" : : "i"(R));
  }
  template <int R>
  [[gnu::always_inline]] static void load(void const* from, index stride) noexcept {
    asm volatile("tileloadd (%1,%2,1), %%tmm%c0"
                 :
                 : "i"(R), "r"(from), "r"(stride), "m"(*static_cast<char const(*)[]>(from)));
  }
  template <int R>
  [[gnu::always_inline]] static void store(std::int32_t* to, index stride) noexcept {
    asm volatile("tilestored %%tmm%c1, (%2,%3,1)"
                 : "+m"(*reinterpret_cast<std::int32_t(*)[]>(to))  // in it 16 rows, `stride` apart; the rest stays
                 : "i"(R), "r"(to), "r"(stride));
  }
  template <int C, int X, int W>
  [[gnu::always_inline]] static void multiply() noexcept {
    asm volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(C), "i"(X), "i"(W));
  }
  template <int C, int X, int W>
  [[gnu::always_inline]] static void multiply_unsigned() noexcept {
    asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(C), "i"(X), "i"(W));
  }
#endif
};

}  // namespace detail

template <class A>
  requires octavo::detail::has<amx, A>
struct matrix_unit<A> {
  using tile = detail::tile_register<A>;
  static constexpr int block = matrix_block;
  static constexpr int tokens = 2 * block;
  static constexpr int rows = 2 * block;

  /// `first` and `second` tokens in the two blocks, 1 to 16 (the second may be 0), and quads of a step. All_rows: the
  /// first block meets four blocks of 16 rows, not two.
  static void configure(int first, int second, int step_quads, bool all_rows = false) noexcept {
    struct alignas(64) {
      std::uint8_t palette = 1;
      std::uint8_t start_row = 0;
      std::uint8_t reserved[14] = {};
      std::uint16_t row_bytes[16] = {};
      std::uint8_t rows[16] = {};
    } config;
    auto const set = [&](int i, int tile_rows, int row_bytes) {
      config.rows[i] = static_cast<std::uint8_t>(tile_rows);
      config.row_bytes[i] = static_cast<std::uint16_t>(tile_rows == 0 ? 0 : row_bytes);
    };
    for (int i = 0; i < 2; ++i) {
      set(i, first, 64);
      set(2 + i, all_rows ? first : second, 64);
      set(6 + i, step_quads, 64);
    }
    set(4, first, 4 * step_quads);
    set(5, second, 4 * step_quads);
    asm volatile("" : : "r"(&config) : "memory");
    _tile_loadconfig(&config);
  }
  static void release() noexcept { _tile_release(); }

  /// two: whether there are tokens in the second block.
  [[gnu::always_inline]] static void clear(bool two) noexcept {
    tile::template zero<0>();
    tile::template zero<1>();
    if (two) {
      tile::template zero<2>();
      tile::template zero<3>();
    }
  }
  /// One step; between(i) for i in 0..3 is called where the vector units have time.
  template <class Between>
  [[gnu::always_inline]] static void multiply(bool two, std::int8_t const* a, index token_stride, std::byte const* w,
                                              index quad_stride, Between const& between) noexcept {
    tile::template load<4>(a, token_stride);
    tile::template load<6>(w, quad_stride);
    tile::template multiply<0, 4, 6>();
    between(0);
    tile::template load<7>(w + 64, quad_stride);
    tile::template multiply<1, 4, 7>();
    between(1);
    if (two) {
      tile::template load<5>(a + block * token_stride, token_stride);
      tile::template multiply<2, 5, 6>();
    }
    between(2);
    if (two) { tile::template multiply<3, 5, 7>(); }
    between(3);
  }
  /// One step of at most 16 tokens and all 64 rows, of which sums[token][64] is stored (`configure` with all_rows).
  /// Swapped: activations are unsigned and weights signed.
  template <bool Swapped>
  [[gnu::always_inline]] static void multiply_panel(void const* a, index token_stride, std::byte const* w) noexcept {
    tile::template load<4>(a, token_stride);
    octavo::detail::unroll<4>([&](auto i) __attribute__((always_inline)) {
      constexpr int weights = 6 + i() % 2;
      tile::template load<weights>(w + i() * 64, 256);
      if constexpr (Swapped) {
        tile::template multiply_unsigned<i(), 4, weights>();
      } else {
        tile::template multiply<i(), 4, weights>();
      }
    });
  }
  [[gnu::always_inline]] static void store_panel(std::int32_t* sums) noexcept {
    octavo::detail::unroll<4>([&](auto i) __attribute__((always_inline)) {
      tile::template store<i()>(sums + i() * 16, 256);
    });
  }
  /// sums[token][32 rows].
  [[gnu::always_inline]] static void store(bool two, std::int32_t* sums) noexcept {
    constexpr int stride = rows * static_cast<int>(sizeof(std::int32_t));
    tile::template store<0>(sums, stride);
    tile::template store<1>(sums + block, stride);
    if (two) {
      tile::template store<2>(sums + block * rows, stride);
      tile::template store<3>(sums + block * rows + block, stride);
    }
  }
};

#endif

}  // namespace simd
}  // namespace v0
}  // namespace octavo
