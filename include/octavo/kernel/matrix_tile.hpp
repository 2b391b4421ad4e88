// SPDX-License-Identifier: MIT
// The tile of the path int8_dot on a matrix unit: up to 32 tokens x 64 rows, the same sums in the same order.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octavo/core/unroll.hpp"
#include "octavo/kernel/expand.hpp"
#include "octavo/kernel/tile.hpp"
#include "octavo/simd/matrix_unit.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// What kernel::tile does, for the 64 rows of a panel of expanded weights and 1 to 32 tokens; sums are [token][64].
///
/// The integer sums of a segment pass through memory, and are scaled while the unit multiplies the next segment.
template <class Weights>
[[gnu::noinline]] void matrix_tile(weight_stream const& stream, token_block<Weights> const& block, index tokens,
                                   float* sums, carry carried) noexcept {
  using A = typename Weights::arch;
  using unit = simd::matrix_unit<A>;
  using detail::unroll;
  constexpr int L = simd::lanes<A>;
  constexpr int R = unit::rows / L;
  using sum = typename Weights::sum;
  constexpr index step_bytes = Weights::step_bytes;
  constexpr bool carries = !Weights::layout::grouped;
  static_assert(step_bytes == panel_rows * 4 && Weights::burst == 0);

  weight_stream const w = stream.copy();
  token_block<Weights> const x = block.copy();
  alignas(64) std::int32_t totals[2][unit::tokens * unit::rows];
  int configured = 0;
  bool const two = tokens > unit::block;

  auto const add = [&](sum const& total, index at, simd::floats<A> const& factor) __attribute__((always_inline)) {
    simd::fused<A>(Weights::finish(total), factor, simd::load_floats<A>(sums + at)).store_unaligned(sums + at);
  };
  // Adds the integers of segment s, of tokens [first, end) and the rows from `row`, to the sums.
  auto const scale = [&](index s, index row, index first, index end) __attribute__((always_inline)) {
    std::byte const* const params = w.params_of(s);
    simd::floats<A> scales[static_cast<std::size_t>(R)];
    unroll<R>([&](int r) __attribute__((always_inline)) { scales[r] = load_scales<Weights>(w, s, 0, row + r * L); });
    std::int32_t const* from = totals[s % 2] + first * unit::rows;
    for (index t = first; t < end; ++t, from += unit::rows) {
      unroll<R>([&](int r) __attribute__((always_inline)) {
        index const at = t * panel_rows + row + r * L;
        sum const acc = simd::load_ints<A>(from + r * L);
        if constexpr (carries) {
          auto const before = carried.in != nullptr
                                  ? simd::load_ints<A>(static_cast<std::int32_t const*>(carried.in) + at)
                                  : Weights::initial(x, t, s, params, row + r * L);
          if (carried.out != nullptr) {
            (acc + before).store_unaligned(static_cast<std::int32_t*>(carried.out) + at);
            return;
          }
          add(acc + before, at, scales[r]);
        } else {
          add(acc + Weights::initial(x, t, s, params, row + r * L), at, scales[r]);
        }
      });
    }
  };

  std::byte const* ahead = w.ahead;
  index const ahead_step = w.ahead_step / 2;  // the rows pass in two halves
  for (index row = 0; row < panel_rows; row += unit::rows) {
    for (index s = 0; s < w.segments; ++s) {
      index const quads = s + 1 < w.segments ? w.steps : w.last_steps;
      int const step = static_cast<int>(smaller(quads, simd::matrix_quads));
      if (step != configured) {
        unit::configure(static_cast<int>(two ? unit::block : tokens),
                        static_cast<int>(two ? tokens - unit::block : 0), step);
        configured = step;
      }
      std::byte const* codes = w.codes + s * w.segment_bytes + row * 4;
      auto const* a = x.data + s * x.segment_stride;
      unit::clear(two);
      auto const multiply = [&](auto const& between) __attribute__((always_inline)) {
        unit::multiply(two, a, x.token_stride, codes, step_bytes, between);
        a += 4 * step;
        codes += step * step_bytes;
        for (index i = 0; i < ahead_step; i += 64) { __builtin_prefetch(ahead + i, 0, 2); }
        ahead += ahead_step;
      };
      // A quarter of the sums before at a time, between the first products.
      multiply([&](int i) __attribute__((always_inline)) {
        if (s != 0) { scale(s - 1, row, tokens * i / 4, tokens * (i + 1) / 4); }
      });
      for (index q = step; q < quads; q += step) { multiply([](int) __attribute__((always_inline)){}); }
      unit::store(two, totals[s % 2]);
    }
    scale(w.segments - 1, row, 0, tokens);
  }
  unit::release();
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
