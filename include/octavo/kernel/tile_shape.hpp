// SPDX-License-Identifier: MIT
// How large tiles are on each instruction set, and how a number of tokens is cut into them.
#pragma once

#include "octavo/core/index.hpp"
#include "octavo/core/unroll.hpp"
#include "octavo/kernel/path.hpp"
#include "octavo/simd/arch.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Tokens and registers of rows in a tile: accumulators, weights and an operand fit the registers, 32 on AVX-512 and
/// Arm and 16 elsewhere, where more tokens than rows spare unpacking. The scalar one is small to compile.
template <class A, path P>
struct tile_shape {
  static constexpr bool many = detail::is_avx512<A> || detail::is_neon<A>;
  static constexpr int tokens = detail::is_scalar<A> ? 1 : !many && P != path::int8_dot ? 6 : 4;
  static constexpr int registers = detail::is_scalar<A> ? 1 : many ? 4 : 2;
  /// Tokens of a tile of expanded weights, which leave more registers to accumulators; 0: none.
  static constexpr int wide_tokens = detail::is_scalar<A> ? 0 : many ? 6 : tokens;
  /// Up to so many tokens, a tile takes whole panels, `panels` at a time, instead.
  static constexpr int few_tokens = detail::is_avx512<A> ? 2 : detail::is_avx2<A> ? 1 : 0;
  static constexpr int panels = detail::is_avx512<A> ? 2 : 1;
};

/// Of `left` tokens, so many in the next tile: at most `Most`, in even steps: five tokens are 3 + 2, not 4 + 1.
template <int Most>
[[nodiscard, gnu::always_inline]] constexpr index tokens_of_tile(index left) noexcept {
  return left >= 2 * Most ? Most : left <= Most ? left : (left + 1) / 2;
}

/// Calls body(constant T, offset) so that the T add up to `tokens`, cut by tokens_of_tile.
template <int Most, class Body>
void for_tiles(index tokens, Body const& body) noexcept {
  index t = 0;
  while (t < tokens) {
    index const size = tokens_of_tile<Most>(tokens - t);
    detail::unroll<Most>([&](auto i) __attribute__((always_inline)) {
      if (size == i() + 1) { body(detail::constant<i() + 1>{}, t); }
    });
    t += size;
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
