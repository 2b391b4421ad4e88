// SPDX-License-Identifier: MIT
// Epilogues: a generic lambda on registers, (acc, row, token) -> acc, between the sums and the output.
#pragma once

#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {

/// Leaves sums as they are.
struct no_epilogue {
  template <class V>
  [[nodiscard, gnu::always_inline]] V operator()(V acc, index, index) const noexcept {
    return acc;
  }
};

/// As many floats as `like` has lanes, from p: what an epilogue reads a bias or a residual with.
///
///     matmul<a8>(w, x, y, [&](auto acc, octavo::index row, octavo::index) {
///       return acc + octavo::load_like(acc, bias + row);
///     });
///
/// `acc` is a batch of consecutive rows that starts at `row`, or one float where the last rows do not fill a batch.
template <class V, element T>
[[nodiscard, gnu::always_inline]] inline V load_like(V const&, T const* p) noexcept {
  if constexpr (std::is_same_v<V, float>) {
    return static_cast<float>(*p);
  } else if constexpr (std::is_same_v<T, float>) {
    return V::load_unaligned(p);
  } else {
    float values[V::size];
    for (std::size_t i = 0; i < V::size; ++i) { values[i] = static_cast<float>(p[i]); }
    return V::load_unaligned(values);
  }
}

// What a batch has by argument-dependent lookup, for the single float: epilogues write max(acc, zero) for both.
[[nodiscard, gnu::always_inline]] inline float max(float a, float b) noexcept { return a > b ? a : b; }
[[nodiscard, gnu::always_inline]] inline float min(float a, float b) noexcept { return a < b ? a : b; }
[[nodiscard, gnu::always_inline]] inline float fma(float a, float b, float c) noexcept {
  return __builtin_fmaf(a, b, c);
}

namespace kernel {

/// y = epilogue(sum * scale) for `rows` (at most lanes) rows of one token. The product is rounded before the
/// epilogue sees it, whatever the compiler would like to contract.
template <class A, bool Scaled, class Y, class Epilogue>
[[gnu::always_inline]] inline void finish(float const* sums, float scale, Y* y, index rows, index row, index token,
                                          Epilogue const& epilogue) noexcept {
  auto v = simd::load_floats<A>(sums);
  if constexpr (Scaled) { v = simd::opaque<A>(v * simd::floats<A>(scale)); }
  if (rows >= simd::lanes<A>) {
    simd::store_from_floats<A>(y, epilogue(v, row, token));
    return;
  }
  float values[static_cast<std::size_t>(simd::lanes<A>)];
  v.store_unaligned(values);
  for (index i = 0; i < rows; ++i) { y[i] = Y(epilogue(detail::opaque(values[i]), row + i, token)); }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
