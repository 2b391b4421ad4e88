// SPDX-License-Identifier: MIT
// Products with additive codebooks: 16 weights of a row are summed from vectors, then meet all tokens of a tile.
#pragma once

#include <cstddef>

#include "octavo/core/unroll.hpp"
#include "octavo/simd/lanes_of_16.hpp"
#include "octavo/storage/additive_matrix.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Features that a step takes; tokens are padded to them with zeros.
inline constexpr index additive_step = 16;

/// Sums of vectors of one row, from group i on: 16 weights, less their scale. Past the last group: zeros.
template <class A, class W>
[[nodiscard, gnu::always_inline]] inline simd::lanes_of_16<A> additive_weights(W const& w,
                                                                               typename W::code_type const* codes,
                                                                               index i, index groups) noexcept {
  using T = typename W::value_type;
  auto const vectors_of = [&](index m) __attribute__((always_inline)) {
    if constexpr (W::group == 16) {
      T const* const v = w.vector(m, codes[i * W::books + m]);
      return simd::load16<A>(v, v + 8);
    } else {
      static constexpr T zeros[8] = {};
      return simd::load16<A>(w.vector(m, codes[i * W::books + m]),
                             i + 1 < groups ? w.vector(m, codes[(i + 1) * W::books + m]) : zeros);
    }
  };
  auto sum = vectors_of(0);
  detail::unroll<W::books - 1>([&](int m)
                                   __attribute__((always_inline)) { sum = simd::add(sum, vectors_of(m + 1)); });
  return sum;
}

/// out[t * out_stride + r] = the product of row `row` + r and token t, for R rows and T tokens. Tokens are f32,
/// `token_stride` apart. lane = fma(weight, activation, lane) in lane k % 16, k ascending; then halves of lanes are
/// added, and the row's scale is multiplied.
template <class A, int T, int R, class W>
void additive_tile(W const& w, index row, float const* tokens, index token_stride, float* out,
                   index out_stride) noexcept {
  using detail::unroll;
  W const view = w;
  index const groups = view.groups();
  typename W::code_type const* codes[static_cast<std::size_t>(R)];
  unroll<R>([&](int r) __attribute__((always_inline)) { codes[r] = view.codes(row + r); });
  simd::lanes_of_16<A> acc[static_cast<std::size_t>(T * R)];
  unroll<T * R>([&](int i) __attribute__((always_inline)) { acc[i] = simd::lanes_of_16<A>(0.0f); });
  auto const step = [&](index i, index limit) __attribute__((always_inline)) {
    simd::lanes_of_16<A> weights[static_cast<std::size_t>(R)];
    unroll<R>([&](int r)
                  __attribute__((always_inline)) { weights[r] = additive_weights<A>(view, codes[r], i, limit); });
    unroll<T>([&](int t) __attribute__((always_inline)) {
      auto const x = simd::load16<A>(tokens + t * token_stride + i * W::group);
      unroll<R>([&](int r)
                    __attribute__((always_inline)) { acc[t * R + r] = simd::fused(weights[r], x, acc[t * R + r]); });
    });
  };
  constexpr index at_once = additive_step / W::group;
  index i = 0;
  for (; i + at_once <= groups; i += at_once) { step(i, i + at_once); }
  if (i < groups) { step(i, groups); }
  unroll<T>([&](int t) __attribute__((always_inline)) {
    unroll<R>([&](int r) __attribute__((always_inline)) {
      out[t * out_stride + r] = detail::opaque(acc[t * R + r].reduce(simd::sum_of())) * view.scale(row + r);
    });
  });
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
