// SPDX-License-Identifier: MIT
// What a cache quantizes tokens with, by vectors: the codes and parameters of the quantizer itself.
#pragma once

#include "octavo/kernel/activations.hpp"
#include "octavo/storage/cache_layout.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// As detail::plain_encoder, to the bit. Quantizers without a vector law go through it.
template <class A>
struct vector_encoder {
  static constexpr index L = simd::lanes<A>;

  template <class T>
  static void load(T const* from, index n, float* to) noexcept {
    index i = 0;
    for (; i + L <= n; i += L) { simd::load_as_floats<A>(from + i).store_unaligned(to + i); }
    for (; i < n; ++i) { to[i] = static_cast<float>(from[i]); }
  }
  template <class Q>
  [[nodiscard]] static typename Q::params encode(float const* from, index n, code* to) noexcept {
    using F = typename Q::format;
    if constexpr (!(integer_quantizer<Q> && tracks_range<Q>)) {
      return detail::plain_encoder::encode<Q>(from, n, to);
    } else {
      token_source<A, float> const x{from, nullptr, n};
      auto const p = token_params<Q>(x);
      auto const lanes = in_all_lanes<A, Q>(p);
      // Integers less 128 more than the lowest fit a signed byte.
      simd::ints<A> const lowest(lattice<F>.lowest + 128);
      index i = 0;
      for (; i + L <= n; i += L) {
        auto const integers = encode_lanes<A, Q>(x.load(i), lanes);
        simd::store_narrow<A>(reinterpret_cast<std::int8_t*>(to) + i, integers - lowest);
      }
      for (index j = 0; j < i; ++j) { to[j] = static_cast<code>(to[j] ^ 128 ^ consecutive_flip<F>); }
      for (; i < n; ++i) { to[i] = Q::encode(from[i], p); }
      return p;
    }
  }
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
