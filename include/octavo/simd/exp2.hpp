// SPDX-License-Identifier: MIT
// 2^x and tanh of a register, with the same bits on every instruction set that has fma.
#pragma once

#include "octavo/core/table.hpp"
#include "octavo/core/unroll.hpp"
#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace simd {

namespace detail {
using octavo::detail::table;

/// 2^f on [0, 1) is about 1 + c1 f + ... + cDegree f^Degree: least maximal relative error with c0 = 1, so that powers
/// of integers are exact (fitted by Lawson's iteration, then rounded to float).
template <int Degree>
inline constexpr bool exp2_coefficients = false;
template <>
inline constexpr table<float, 3> exp2_coefficients<3>{{0x1.63e658p-1f, 0x1.d2378ap-3f, 0x1.3baaa6p-4f}};
template <>
inline constexpr table<float, 4> exp2_coefficients<4>{
    {0x1.62d6c6p-1f, 0x1.ee2454p-3f, 0x1.abf868p-5f, 0x1.b7f730p-7f}};
template <>
inline constexpr table<float, 5> exp2_coefficients<5>{
    {0x1.62e4bap-1f, 0x1.ebdb5ap-3f, 0x1.c91cecp-5f, 0x1.277856p-7f, 0x1.e974fap-10f}};

/// 255 * 2^f / (1 + f), by 1 + f.
inline constexpr table<float, 5> exp2_bytes_coefficients{
    {255 * 2.136453558f, 255 * -2.405177052f, 255 * 1.783513908f, 255 * -.5972977491f, 255 * .0823961319f}};

/// c[0] + c[1] x + ... by Horner's rule, each step one fma.
template <class A, std::size_t N>
[[gnu::always_inline]] inline floats<A> polynomial(table<float, N> const& c, floats<A> x) noexcept {
  floats<A> p(c[N - 1]);
  octavo::detail::unroll<static_cast<int>(N) - 1>([&](auto i) __attribute__((always_inline)) {
    p = fused<A>(p, x, floats<A>(c[N - 2 - i()]));
  });
  return p;
}

/// x * 2^n for an integer n, or NaN; +0 where n < -126, infinity where n > 127.
template <class A>
[[gnu::always_inline]] inline floats<A> times_power(floats<A> x, floats<A> n) noexcept {
  if constexpr (requires { native_of<A>::times_power(x, n, 0.0f); }) {
    return native_of<A>::times_power(x, n, -126.0f);
  } else {
    // The exponent field of 2^n: 0, which is +0, at -127, and infinity at 128.
    return x * as_floats<A>(shift_left<23, A>(to_ints<A>(n) + ints<A>(127)));
  }
}

}  // namespace detail

/// 2^x: n = floor(x), f = x - n, a polynomial of f, times 2^n. Exact for integers; +0 for x < -126 and -infinity;
/// infinity for x >= 128; NaN for NaN.
///
/// | Degree | relative error | for |
/// | --- | --- | --- |
/// | 3 | 8.6e-5 | probabilities of 8 bits |
/// | 4 | 3.0e-6 | of 16 bits |
/// | 5 | 1.5e-7 | f32 |
template <int Degree, class A>
[[gnu::always_inline]] inline floats<A> exp2(floats<A> x) noexcept {
  static_assert(Degree >= 3 && Degree <= 5, "Octavo: exp2 has polynomials of degree 3, 4 and 5.");
  if constexpr (!requires { native_of<A>::times_power(x, x, 0.0f); }) {
    // x second: NaN stays.
    x = maximum<A>(floats<A>(-127.0f), minimum<A>(floats<A>(128.0f), x));
  }
  auto const n = floor<A>(x);
  auto const f = x - n;
  auto const p = fused<A>(detail::polynomial<A>(detail::exp2_coefficients<Degree>, f), f, floats<A>(1.0f));
  return detail::times_power<A>(p, n);
}

/// 255 * 2^x from y = 2^23 (x + 127), rounded to an integer; 0 or less where x < -9, for NaN too. Relative error before
/// rounding 1.2e-4, and that of y.
///
/// The bits of the integer y are those of the float 2^n (1 + f), n = floor(x), f = x - n (Schraudolph 1999); a quartic
/// of 1 + f near 255 * 2^f / (1 + f) does the rest (least maximal relative error). No floor, no power.
///
/// N registers take each step together: one after the other they fill the queues of a core with what waits.
template <class A, std::size_t N>
[[gnu::always_inline]] inline void exp2_bytes(floats<A> const (&y)[N], ints<A> (&out)[N]) noexcept {
  constexpr auto& c = detail::exp2_bytes_coefficients;
  auto const each = [](auto const& f) __attribute__((always_inline)) {
    octavo::detail::unroll<static_cast<int>(N)>(f);
  };
  floats<A> fraction[N];
  floats<A> p[N];
  each([&](int i) __attribute__((always_inline)) {
    out[i] = to_ints<A>(y[i]);
    fraction[i] = as_floats<A>(bit_or<A>(bit_and<A>(out[i], 0x007fffffu), ints<A>(0x3f800000)));
    p[i] = floats<A>(c[4]);
  });
  octavo::detail::unroll<4>([&](int k) __attribute__((always_inline)) {
    each([&](int i) __attribute__((always_inline)) {
      p[i] = in_register(fused<A>(p[i], fraction[i], floats<A>(c[static_cast<std::size_t>(3 - k)])));
    });
  });
  each([&](int i) __attribute__((always_inline)) { out[i] = to_ints<A>(as_floats<A>(out[i]) * p[i]); });
}
template <class A>
[[nodiscard, gnu::always_inline]] inline ints<A> exp2_bytes(floats<A> y) noexcept {
  floats<A> const x[1] = {y};
  ints<A> bytes[1];
  exp2_bytes<A>(x, bytes);
  return bytes[0];
}

/// tanh x, absolute error 2.5e-7: an odd polynomial below 0.625, 1 - 2 / (1 + 2^(2 x log2 e))
/// above; NaN for NaN.
template <class A>
[[nodiscard, gnu::always_inline]] inline floats<A> tanh(floats<A> x) noexcept {
  constexpr octavo::detail::table<float, 4> odd{{-.333323747f, .133087143f, -.0519716181f, .0152269034f}};
  auto const sign = bit_and<A>(as_ints<A>(x), 0x80000000u);
  auto const size = as_floats<A>(bit_and<A>(as_ints<A>(x), 0x7fffffffu));
  auto const square = opaque<A>(size * size);
  auto const small = fused<A>(opaque<A>(size * square), detail::polynomial<A>(odd, square), size);
  auto const power = exp2<5, A>(opaque<A>(size * floats<A>(0x1.715476p+1f)));
  auto const large = floats<A>(1.0f) - divide<A>(floats<A>(2.0f), floats<A>(1.0f) + power);
  auto const value = native_of<A>::where_less(size, floats<A>(0.625f), small, large);
  return as_floats<A>(bit_or<A>(as_ints<A>(value), sign));
}

}  // namespace simd
}  // namespace v0
}  // namespace octavo
