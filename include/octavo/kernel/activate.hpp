// SPDX-License-Identifier: MIT
// Activations of one row, and of one row times another.
#pragma once

#include "octavo/kernel/token_row.hpp"
#include "octavo/simd/activation.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Bytes that rows ask memory for ahead.
inline constexpr index row_ahead = 1024;
template <class T>
[[gnu::always_inline]] inline void ask_ahead(T const* p) noexcept {
  __builtin_prefetch(reinterpret_cast<char const*>(p) + row_ahead);
}

/// out = F(x).
template <class A, class F, class X, class Out>
void activate(X const* x, index n, Out out) noexcept {
  for_registers<A>(
      n, [&](index k, auto count) __attribute__((always_inline)) {
        ask_ahead(x + k);
        out.put(k, F::template apply<A>(load_count<A>(x + k, count)), count);
      });
  out.finish(n);
}

/// out = F(gate) * up.
template <class A, class F, class X, class U, class Out>
void gated(X const* gate, U const* up, index n, Out out) noexcept {
  for_registers<A>(
      n, [&](index k, auto count) __attribute__((always_inline)) {
        ask_ahead(gate + k);
        ask_ahead(up + k);
        out.put(k, F::template apply<A>(load_count<A>(gate + k, count)) * load_count<A>(up + k, count), count);
      });
  out.finish(n);
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
