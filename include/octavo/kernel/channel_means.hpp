// SPDX-License-Identifier: MIT
// Means of channels over tokens, and tokens less a shift: smoothing of Q, K and V before they are quantized.
#pragma once

#include <cstddef>

#include "octavo/simd/batch.hpp"
#include "octavo/simd/lanes_of_16.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// out[c] = the mean of from[t * stride + c] over `tokens` tokens: one f32 sum, ascending, divided once. Pre:
/// tokens > 0.
template <class A, class T>
void channel_means(T const* from, index stride, index tokens, index channels, float* out) noexcept {
  constexpr index L = simd::lanes<A>;
  auto const number = static_cast<float>(tokens);
  // So many registers of channels at a time, whose sums never leave them.
  auto const some = [&](auto registers, index c) __attribute__((always_inline)) {
    constexpr int R = registers();
    simd::floats<A> sums[static_cast<std::size_t>(R)];
    detail::unroll<R>([&](int r) __attribute__((always_inline)) { sums[r] = simd::floats<A>(0.0f); });
    T const* token = from + c;
    for (index t = 0; t < tokens; ++t, token += stride) {
      detail::unroll<R>([&](int r) __attribute__((always_inline)) {
        sums[r] = sums[r] + simd::load_as_floats<A>(token + r * L);
      });
    }
    detail::unroll<R>([&](int r) __attribute__((always_inline)) {
      simd::divide<A>(sums[r], simd::floats<A>(number)).store_unaligned(out + c + r * L);
    });
  };
  index c = 0;
  for (; c + 8 * L <= channels; c += 8 * L) { some(detail::constant<8>{}, c); }
  for (; c + L <= channels; c += L) { some(detail::constant<1>{}, c); }
  for (; c < channels; ++c) {
    float sum = 0;
    for (index t = 0; t < tokens; ++t) { sum += static_cast<float>(from[t * stride + c]); }
    out[c] = sum / number;
  }
}

/// to[c] = from[c] - shift[c]; a null shift is 0.
template <class A, class T>
void shifted_token(T const* from, float const* shift, index channels, float* to) noexcept {
  constexpr index L = simd::lanes<A>;
  index c = 0;
  for (; c + L <= channels; c += L) {
    auto const x = simd::load_as_floats<A>(from + c);
    (shift == nullptr ? x : x - simd::load_floats<A>(shift + c)).store_unaligned(to + c);
  }
  for (; c < channels; ++c) { to[c] = static_cast<float>(from[c]) - (shift == nullptr ? 0.0f : shift[c]); }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
