// SPDX-License-Identifier: MIT
// Complete unrolling over a compile-time range, so that arrays of registers stay in registers.
#pragma once

#include <type_traits>
#include <utility>

namespace octavo {
inline namespace v0 {
namespace detail {

/// Calls f(0), ..., f(N - 1) with integral constants. g++ 12 keeps an array in registers only if every index
/// is a constant before its scalar replacement pass, hence no loop and no `#pragma unroll`.
template <int N, class F>
[[gnu::always_inline]] constexpr void unroll(F&& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
    (f(std::integral_constant<int, I>{}), ...);
  }
  (std::make_integer_sequence<int, N>{});
}

}  // namespace detail
}  // namespace v0
}  // namespace octavo
