// SPDX-License-Identifier: MIT
// Tokens that are quantized already, one byte for each feature, into the operand of a path.
#pragma once

#include <cstdint>
#include <type_traits>

#include "octavo/kernel/activations.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// lanes<A> signed bytes, widened.
template <class A>
[[nodiscard, gnu::always_inline]] inline simd::ints<A> load_signed_bytes(std::int8_t const* p) noexcept {
  return simd::bit_xor<A>(simd::load_bytes<A>(p), 0x80u) - simd::ints<A>(128);
}

/// As quantize_segment of the floats that gave these codes: the bytes of one segment, and the sum of (byte - zero).
template <class A, class Byte>
std::int64_t copy_codes(std::int8_t const* codes, index present, index length, int zero, Byte* out) noexcept {
  constexpr index L = simd::lanes<A>;
  simd::ints<A> total(0);
  index k = 0;
  for (; k + L <= present; k += L) {
    auto const bytes = load_signed_bytes<A>(codes + k);
    total = total + bytes;
    simd::store_narrow<A>(out + k, bytes);
  }
  std::int64_t sum = simd::sum<A>(total);
  for (; k < present; ++k) {
    out[k] = codes[k];
    sum += codes[k];
  }
  for (; k < length; ++k) { out[k] = static_cast<Byte>(zero); }
  order_quads<A>(out, length);
  return sum - static_cast<std::int64_t>(present) * zero;
}

/// The same for a float path: what stands there is byte - zero.
template <class Writer>
void copy_codes(std::int8_t const* codes, index present, index length, int zero,
                typename Writer::operand* out) noexcept {
  using A = typename Writer::A;
  constexpr index L = simd::lanes<A>;
  index k = 0;
  for (; k + L <= present; k += L) {
    Writer::put(out, k, simd::to_floats<A>(load_signed_bytes<A>(codes + k) - simd::ints<A>(zero)));
  }
  for (; k < present; ++k) { Writer::put(out, k, static_cast<float>(codes[k] - zero)); }
  for (; k < length; ++k) { Writer::put(out, k, 0.0f); }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
