// SPDX-License-Identifier: MIT
// Activations of one row, and of one row times another.
#pragma once

#include "octavo/kernel/token_row.hpp"
#include "octavo/simd/activation.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// out = F(x).
template <class A, class F, class X, class Out>
void activate(X const* x, index n, Out out) noexcept {
  for_registers<A>(
      n, [&](index k, auto count) __attribute__((always_inline)) {
        out.put(k, F::template apply<A>(load_count<A>(x + k, count)), count);
      });
  out.finish(n);
}

/// out = F(gate) * up.
template <class A, class F, class X, class U, class Out>
void gated(X const* gate, U const* up, index n, Out out) noexcept {
  for_registers<A>(
      n, [&](index k, auto count) __attribute__((always_inline)) {
        out.put(k, F::template apply<A>(load_count<A>(gate + k, count)) * load_count<A>(up + k, count), count);
      });
  out.finish(n);
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
