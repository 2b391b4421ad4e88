// SPDX-License-Identifier: MIT
// Complete unrolling over a compile-time range, so that arrays of registers stay in registers.
#pragma once

#include <utility>

namespace octavo {
inline namespace v0 {
namespace detail {

/// A value as a type, std::integral_constant forced inline.
template <auto V>
struct constant {
  using value_type = decltype(V);
  static constexpr value_type value = V;
  [[gnu::always_inline]] constexpr operator value_type() const noexcept { return V; }
  [[nodiscard, gnu::always_inline]] constexpr value_type operator()() const noexcept { return V; }
};

/// Calls f(0), ..., f(N - 1) with constants. g++ 12 keeps an array in registers only if every index
/// is a constant before its scalar replacement pass, hence no loop and no `#pragma unroll`.
template <int N, class F>
[[gnu::always_inline]] constexpr void unroll(F&& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) { (f(constant<I>{}), ...); }
  (std::make_integer_sequence<int, N>{});
}

}  // namespace detail
}  // namespace v0
}  // namespace octavo
