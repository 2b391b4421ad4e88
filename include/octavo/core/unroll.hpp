// SPDX-License-Identifier: MIT
// Complete unrolling over a compile-time range, so that arrays of registers stay in registers.
#pragma once

#include <type_traits>

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

/// f(constant), N times. Not a fold over a pack of indices: that needs a lambda of its own, into which g++ copies all
/// bodies once more.
template <int N, int First = 0, class F>
[[gnu::always_inline]] constexpr void unroll_constants(F& f) {
  if constexpr (N > 0) { f(constant<First>{}); }
  if constexpr (N > 1) { f(constant<First + 1>{}); }
  if constexpr (N > 2) { f(constant<First + 2>{}); }
  if constexpr (N > 3) { f(constant<First + 3>{}); }
  if constexpr (N > 4) { f(constant<First + 4>{}); }
  if constexpr (N > 5) { f(constant<First + 5>{}); }
  if constexpr (N > 6) { f(constant<First + 6>{}); }
  if constexpr (N > 7) { f(constant<First + 7>{}); }
  if constexpr (N > 8) { unroll_constants<N - 8, First + 8>(f); }
}

template <class F>
inline constexpr bool takes_int = requires {
  &std::remove_cvref_t<F>::operator();
};

/// Calls f(0), ..., f(N - 1): with constants if its parameter is `auto`; else from a loop that compilers unroll whole
/// before they look for arrays that can live in registers (g++ from -O2 on), which takes them half the time.
///
/// For g++ such an array must not be captured by a lambda that is called from several places, whose closure would hold
/// its address until too late, and a body that is unrolled often must not branch (it stops at 32 branches in all).
template <int N, class F>
[[gnu::always_inline]] constexpr void unroll(F&& f) {
  if constexpr (takes_int<F>) {
#if defined __clang__
#pragma unroll
#else
#pragma GCC unroll 128
#endif
    for (int i = 0; i < N; ++i) { f(i); }
  } else {
    unroll_constants<N>(f);
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace octavo
