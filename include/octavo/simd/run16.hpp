// SPDX-License-Identifier: MIT
// run16: sixteen consecutive floats, as many registers as that takes; the lanes of sums over k.
#pragma once

#include <cstddef>

#include "octavo/core/unroll.hpp"
#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace simd {

template <class A>
struct run16 {
  static constexpr int registers = 16 / lanes<A>;
  floats<A> part[static_cast<std::size_t>(registers)];
};

template <class A>
[[nodiscard, gnu::always_inline]] inline run16<A> zeros16() noexcept {
  run16<A> r;
  octavo::detail::unroll<run16<A>::registers>([&](int i)
                                                  __attribute__((always_inline)) { r.part[i] = floats<A>(0.0f); });
  return r;
}
/// 16 elements from p, widened.
template <class A, class T>
[[nodiscard, gnu::always_inline]] inline run16<A> load16(T const* p) noexcept {
  run16<A> r;
  octavo::detail::unroll<run16<A>::registers>([&](int i) __attribute__((always_inline)) {
    r.part[i] = load_as_floats<A>(p + i * lanes<A>);
  });
  return r;
}
/// 8 elements from `low`, then 8 from `high`.
template <class A, class T>
[[nodiscard, gnu::always_inline]] inline run16<A> load16(T const* low, T const* high) noexcept {
  run16<A> r;
  if constexpr (lanes<A> <= 8) {
    constexpr int half = run16<A>::registers / 2;
    octavo::detail::unroll<half>([&](int i) __attribute__((always_inline)) {
      r.part[i] = load_as_floats<A>(low + i * lanes<A>);
      r.part[half + i] = load_as_floats<A>(high + i * lanes<A>);
    });
  } else if constexpr (requires { native_of<A>::load_two(low, high); }) {
    r.part[0] = native_of<A>::load_two(low, high);
  } else {
    T both[16];
    for (int i = 0; i < 8; ++i) {
      both[i] = low[i];
      both[8 + i] = high[i];
    }
    r.part[0] = load_as_floats<A>(both);
  }
  return r;
}
template <class A>
[[nodiscard, gnu::always_inline]] inline run16<A> add(run16<A> a, run16<A> const& b) noexcept {
  octavo::detail::unroll<run16<A>::registers>([&](int i) __attribute__((always_inline)) {
    a.part[i] = a.part[i] + b.part[i];
  });
  return a;
}
/// a * b + c with one rounding; with two on SSE4.2.
template <class A>
[[nodiscard, gnu::always_inline]] inline run16<A> fused(run16<A> const& a, run16<A> const& b, run16<A> c) noexcept {
  octavo::detail::unroll<run16<A>::registers>([&](int i) __attribute__((always_inline)) {
    c.part[i] = fused<A>(a.part[i], b.part[i], c.part[i]);
  });
  return c;
}
/// The sum of all lanes in the order of the library: lanes 0 to 7 plus 8 to 15, then halves of 4, 2, 1.
template <class A>
[[nodiscard, gnu::always_inline]] inline float sum_halves(run16<A> const& x) noexcept {
  float lane[16];
  octavo::detail::unroll<run16<A>::registers>([&](int i) __attribute__((always_inline)) {
    x.part[i].store_unaligned(lane + i * lanes<A>);
  });
  octavo::detail::unroll<4>([&](auto step) __attribute__((always_inline)) {
    constexpr int half = 8 >> step();
    octavo::detail::unroll<half>([&](int i) __attribute__((always_inline)) { lane[i] = lane[i] + lane[i + half]; });
  });
  return lane[0];
}

}  // namespace simd
}  // namespace v0
}  // namespace octavo
