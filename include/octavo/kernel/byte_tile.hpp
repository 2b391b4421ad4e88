// SPDX-License-Identifier: MIT
// The register tile of short products of bytes: exact int32 sums of panels of 64 rows as they are packed, nothing else.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octavo/core/unroll.hpp"
#include "octavo/simd/batch.hpp"
#include "octavo/simd/dot.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// out[t][row] = start[t] + sum over k of panel[k][row] * x[t][k], T tokens `stride` bytes apart, 64 rows; null: from 0.
/// Bytes of the panel are unsigned and those of x signed, or (Swapped) the other way round. Pre: quads is even.
///
/// kernel::tile computes the same, and scales, and carries; for so little work as a query and 64 keys of 128 channels are,
/// its entry and exit took a quarter of the time.
template <class A, int T, bool Swapped>
[[gnu::noinline]] void byte_tile(std::byte const* panel, index quads, void const* x, index stride,
                                 std::int32_t const* start, std::int32_t* out) noexcept {
  using dot = simd::dot<A, 255>;
  using detail::unroll;
  constexpr int L = simd::lanes<A>;
  constexpr int R = simd::panel_registers<A>;
  using weight = typename dot::weight;
  typename dot::accumulator acc[static_cast<std::size_t>(T * R)];
  unroll<T>([&](int t) __attribute__((always_inline)) {
    simd::ints<A> const begin(start == nullptr ? 0 : start[t]);
    unroll<R>([&](int r) __attribute__((always_inline)) { acc[t * R + r] = begin; });
  });
  // Three tokens share a pointer: so many fit the addressing modes.
  constexpr int pointers = (T + 2) / 3;
  std::int8_t const* tokens[static_cast<std::size_t>(pointers)];
  unroll<pointers>([&](int i) __attribute__((always_inline)) {
    tokens[i] = static_cast<std::int8_t const*>(x) + 3 * i * stride;
  });
  for (; quads > 0; quads -= 2) {
    unroll<2>([&](int q) __attribute__((always_inline)) {
      weight w[static_cast<std::size_t>(R)];
      unroll<R>([&](int r) __attribute__((always_inline)) {
        w[r] = simd::in_register(simd::load_register<weight>(panel + (q * R + r) * 4 * L));
      });
      unroll<T>([&](int t) __attribute__((always_inline)) {
        auto const a = dot::load(tokens[t / 3] + t % 3 * stride + 4 * q);
        unroll<R>([&](int r) __attribute__((always_inline)) {
          auto& sum = acc[t * R + r];
          if constexpr (Swapped) {
            sum = dot::add(sum, a, w[r]);
          } else {
            sum = dot::add(sum, w[r], a);
          }
        });
      });
    });
    panel += 2 * R * 4 * L;
    unroll<pointers>([&](int i) __attribute__((always_inline)) { tokens[i] += 8; });
  }
  unroll<T * R>([&](int i) __attribute__((always_inline)) { simd::ints<A>(acc[i]).store_unaligned(out + i * L); });
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
