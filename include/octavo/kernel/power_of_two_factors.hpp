// SPDX-License-Identifier: MIT
// Numbers of one token to codes by power_of_two_factors, and such codes back into integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/kernel/lane_params.hpp"
#include "octavo/kernel/token_codes.hpp"
#include "octavo/kernel/token_row.hpp"
#include "octavo/quant/power_of_two_factors.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// `count` bytes from p as integers, zeros behind them.
template <class A, class Byte, class Count>
[[nodiscard, gnu::always_inline]] inline simd::ints<A> load_codes(Byte const* p, Count count) noexcept {
  if constexpr (all_lanes<Count>) {
    if constexpr (std::is_signed_v<Byte>) {
      return load_signed_bytes<A>(p);
    } else {
      return simd::load_bytes<A>(p);
    }
  } else {
    Byte padded[static_cast<std::size_t>(simd::lanes<A>)] = {};
    std::memcpy(padded, p, static_cast<std::size_t>(count));
    return load_codes<A>(padded, detail::constant<simd::lanes<A>>());
  }
}
/// `count` integers as bytes. Pre: they fit.
template <class A, class Byte, class Count>
[[gnu::always_inline]] inline void store_codes(Byte* p, simd::ints<A> x, Count count) noexcept {
  if constexpr (all_lanes<Count>) {
    if constexpr (std::is_signed_v<Byte>) {
      simd::store_narrow<A>(p, x);
    } else {
      simd::store_unsigned_bytes<A>(p, x);
    }
  } else {
    Byte bytes[static_cast<std::size_t>(simd::lanes<A>)];
    store_codes<A>(bytes, x, detail::constant<simd::lanes<A>>());
    std::memcpy(p, bytes, static_cast<std::size_t>(count));
  }
}

/// The integers of factors.encode(x[c], c), for n channels of one token. Limits are integers and can come before the
/// zero point, once for all channels.
template <class A, number_format F, int K, class T>
void encode_by_factors(power_of_two_factors<F, K> const& factors, T const* x, index n,
                       typename power_of_two_factors<F, K>::code_type* codes) noexcept {
  using law = affine<F>;
  auto const tensor = factors.tensor;  // not a reference: stored bytes could be it
  float const zero = static_cast<float>(tensor.zero_point);
  std::uint8_t const* const shifts = factors.shift.data();
  for_registers<A>(
      n, [&](index k, auto count) __attribute__((always_inline)) {
        auto const power = simd::ints<A>(127) - load_codes<A>(shifts + k, count);
        auto const inverse = simd::floats<A>(tensor.inverse) * simd::as_floats<A>(simd::shift_left<23, A>(power));
        auto const q = clamp<A>(load_count<A>(x + k, count) * inverse, law::lowest - zero, law::highest - zero);
        store_codes<A>(codes + k, simd::to_ints<A>(q) + simd::ints<A>(tensor.zero_point), count);
      });
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
