// SPDX-License-Identifier: MIT
// Rotary position embedding of one head of one token.
#pragma once

#include "octavo/kernel/token_row.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// x cos + y sin, y sin rounded first.
template <class A>
[[nodiscard, gnu::always_inline]] inline simd::floats<A> turned(simd::floats<A> x, simd::floats<A> cosine,
                                                                simd::floats<A> y, simd::floats<A> sine) noexcept {
  return simd::fused<A>(x, cosine, simd::opaque<A>(y * sine));
}

/// Channels i and i + half turn together.
template <class A, class X, class Y>
void turn_halves(X const* x, Y* y, index half, float const* cosines, float const* sines) noexcept {
  for_registers<A>(
      half, [&](index k, auto count) __attribute__((always_inline)) {
        auto const a = load_count<A>(x + k, count);
        auto const b = load_count<A>(x + half + k, count);
        auto const c = load_count<A>(cosines + k, count);
        auto const s = load_count<A>(sines + k, count);
        store_count<A>(y + k, turned<A>(a, c, b, simd::floats<A>(0.0f) - s), count);
        store_count<A>(y + half + k, turned<A>(b, c, a, s), count);
      });
}
/// Channels 2 i and 2 i + 1 do. Cosines come twice, sines as -s, s.
template <class A, class X, class Y>
void turn_neighbours(X const* x, Y* y, index dims, float const* cosines, float const* sines) noexcept {
  for_registers<A>(
      dims, [&](index k, auto count) __attribute__((always_inline)) {
        auto const v = load_count<A>(x + k, count);
        store_count<A>(
            y + k,
            turned<A>(v, load_count<A>(cosines + k, count), simd::swap_pairs<A>(v), load_count<A>(sines + k, count)),
            count);
      });
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
