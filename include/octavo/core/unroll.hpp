// SPDX-License-Identifier: MIT
// Complete unrolling over a compile-time range, so that arrays of registers stay in registers.
#pragma once

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

/// Calls f(First), ..., f(First + N - 1) with constants. g++ 12 keeps an array in registers only if every index
/// is a constant before its scalar replacement pass, hence no loop and no `#pragma unroll`. A fold over a pack of indices
/// needs a lambda of its own, into which g++ copies all bodies once more.
template <int N, int First = 0, class F>
[[gnu::always_inline]] constexpr void unroll(F&& f) {
  if constexpr (N > 0) { f(constant<First>{}); }
  if constexpr (N > 1) { f(constant<First + 1>{}); }
  if constexpr (N > 2) { f(constant<First + 2>{}); }
  if constexpr (N > 3) { f(constant<First + 3>{}); }
  if constexpr (N > 4) { f(constant<First + 4>{}); }
  if constexpr (N > 5) { f(constant<First + 5>{}); }
  if constexpr (N > 6) { f(constant<First + 6>{}); }
  if constexpr (N > 7) { f(constant<First + 7>{}); }
  if constexpr (N > 8) { unroll<N - 8, First + 8>(f); }
}

}  // namespace detail
}  // namespace v0
}  // namespace octavo
