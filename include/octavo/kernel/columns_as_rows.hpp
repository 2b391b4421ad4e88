// SPDX-License-Identifier: MIT
// columns_as_rows: floats whose lanes are rows become runs of columns, by blocks of registers.
#pragma once

#include "octavo/core/unroll.hpp"
#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Element (i, k) of up to L rows and n columns is from[k * Stride + i]. store(i, k, x, there): columns k ...
/// k + there - 1 of row i are the first `there` lanes of x.
template <class A, index Stride, class Store>
[[gnu::always_inline]] inline void columns_as_rows(float const* from, index rows, index n,
                                                   Store const& store) noexcept {
  using floats = simd::floats<A>;
  constexpr int L = simd::lanes<A>;
  floats x[static_cast<std::size_t>(L)];
  for (index k = 0; k < n; k += L) {
    index const there = smaller(n - k, index{L});
    detail::unroll<L>([&](int i) __attribute__((always_inline)) {
      x[i] = simd::load_floats<A>(from + (i < there ? k + i : k) * Stride);
    });
    simd::transpose<A>(x);
    if (rows == L && there == L) {
      detail::unroll<L>([&](int i) __attribute__((always_inline)) { store(i, k, x[i], index{L}); });
    } else {
      detail::unroll<L>([&](int i) __attribute__((always_inline)) {
        if (i < rows) { store(i, k, x[i], there); }
      });
    }
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
