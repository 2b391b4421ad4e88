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
  for (index c = 0; c < channels; ++c) { out[c] = 0; }
  for (index t = 0; t < tokens; ++t, from += stride) {
    index c = 0;
    for (; c + L <= channels; c += L) {
      (simd::load_floats<A>(out + c) + simd::load_as_floats<A>(from + c)).store_unaligned(out + c);
    }
    for (; c < channels; ++c) { out[c] += static_cast<float>(from[c]); }
  }
  for (index c = 0; c < channels; ++c) { out[c] /= static_cast<float>(tokens); }
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
