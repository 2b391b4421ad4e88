// SPDX-License-Identifier: MIT
// Softmax of one row of any length.
#pragma once

#include "octavo/kernel/softmax.hpp"
#include "octavo/kernel/token_row.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Floats of scratch that a row of n takes.
[[nodiscard, gnu::always_inline]] inline index softmax_floats(index n) { return round_up(n, 64); }

/// out = 2^(factor x - largest) / sum; 0 where all x are -infinity, NaN where one is NaN or infinity.
template <class A, class X, class Out>
void softmax_row(X const* x, index n, float factor, float* scratch, Out out) noexcept {
  index const blocks = ceil_div(n, 64);
  for_registers<A>(
      n, [&](index k, auto count)
             __attribute__((always_inline)) { store_count<A>(scratch + k, load_count<A>(x + k, count), count); });
  for (index k = n; k < blocks * 64; ++k) { scratch[k] = minus_infinity; }
  float const most = largest_score<A, 64>(scratch, 64, first_blocks{blocks});
  float const sum =
      softmax<A, float_writer<A>, 64>(scratch, 64, first_blocks{blocks}, factor, most, true, scratch).sum;
  simd::floats<A> const inverse(sum == 0 ? 0.0f : 1.0f / sum);
  for_registers<A>(
      n, [&](index k, auto count)
             __attribute__((always_inline)) { out.put(k, load_count<A>(scratch + k, count) * inverse, count); });
  out.finish(n);
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
