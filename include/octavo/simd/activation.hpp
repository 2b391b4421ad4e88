// SPDX-License-Identifier: MIT
// Sigmoid, SiLU and GELU of a register, with the same bits on every instruction set that has fma.
#pragma once

#include "octavo/core/table.hpp"
#include "octavo/simd/exp2.hpp"

namespace octavo {
inline namespace v0 {
namespace simd {

namespace detail {

/// value / (1 + e^-z), relative error 3.5e-7 + 1.2e-7 |z|. Pre: |z| <= 86.
/// The quotient is three fma steps from a first guess by the exponent bits, which is within 5.1 %: a division of 16
/// floats takes twice as long as all of this where two registers are multiplied in a cycle.
template <class A>
[[gnu::always_inline]] inline floats<A> times_sigmoid(floats<A> value, floats<A> z) noexcept {
  auto const power = exp2<5, A>(opaque<A>(z * floats<A>(-0x1.715476p+0f)));
  auto const minus = floats<A>(-1.0f) - power;  // -d
  // The guess is r with the bits 0x7ef31000 - bits of d.
  auto const r = as_floats<A>(ints<A>(static_cast<std::int32_t>(0xfef31000u)) - as_ints<A>(minus));
  auto const e = fused<A>(minus, r, floats<A>(1.0f));
  auto const better = fused<A>(r, fused<A>(e, e, e), r);
  auto const rest = fused<A>(minus, better, floats<A>(1.0f));
  return value * fused<A>(better, rest, better);
}
/// x within [low, high]; NaN stays.
template <class A>
[[gnu::always_inline]] inline floats<A> not_below(floats<A> x, float low) noexcept {
  return maximum<A>(floats<A>(low), x);
}
template <class A>
[[gnu::always_inline]] inline floats<A> not_above(floats<A> x, float high) noexcept {
  return minimum<A>(floats<A>(high), x);
}

/// (normal cdf of x - 1/2) / x as a polynomial of x^2 / 16 - 1 for |x| <= 5.5, where it gives 1/2 exactly. Fitted by
/// Lawson's iteration to the least error of x times it, then rounded to float.
inline constexpr table<float, 15> cdf_coefficients{{0x1.fff7b2p-4f, -0x1.ff6b98p-5f, 0x1.7d5f3p-5f, -0x1.37ec08p-5f,
                                                    0x1.05417cp-5f, -0x1.b1ee5p-6f, 0x1.5b7ba8p-6f, -0x1.03260cp-6f,
                                                    0x1.78192ep-7f, -0x1.25d444p-7f, 0x1.7316d4p-8f, -0x1.97466cp-10f,
                                                    0x1.d5cad8p-11f, -0x1.fe5d0cp-10f, 0x1.01e7acp-10f}};

/// c[0] + c[1] x + ... as two chains of x^2, whose latencies overlap: even powers, odd powers, then fma(odd, x, even).
template <class A, std::size_t N>
[[gnu::always_inline]] inline floats<A> polynomial_in_two(table<float, N> const& c, floats<A> x) noexcept {
  static_assert(N % 2 == 1);
  auto const square = opaque<A>(x * x);
  floats<A> even(c[N - 1]);
  floats<A> odd(c[N - 2]);
  octavo::detail::unroll<static_cast<int>(N) / 2>([&](auto i) __attribute__((always_inline)) {
    even = fused<A>(even, square, floats<A>(c[N - 3 - 2 * i()]));
    if constexpr (i() + 1 < static_cast<int>(N) / 2) { odd = fused<A>(odd, square, floats<A>(c[N - 4 - 2 * i()])); }
  });
  return fused<A>(odd, x, even);
}

}  // namespace detail

/// 1 / (1 + e^-x), relative error 3.5e-7 + 1.2e-7 |x|; below -86 it stays at what it is there, 4e-38; NaN for NaN.
template <class A>
[[nodiscard, gnu::always_inline]] inline floats<A> sigmoid(floats<A> x) noexcept {
  return detail::times_sigmoid<A>(floats<A>(1.0f), detail::not_above<A>(detail::not_below<A>(x, -86.0f), 86.0f));
}

/// x / (1 + e^-(factor x)) for a factor of 1 to 2, NaN for NaN. Relative error 3.5e-7 + 1.2e-7 factor |x|; below -86, or
/// -43 for factors above 1, it stays at what it is there: -4e-36, or -7e-31 for quick_gelu's 1.702.
template <class A>
[[nodiscard, gnu::always_inline]] inline floats<A> silu(floats<A> x, float factor = 1.0f) noexcept {
  float const limit = factor == 1.0f ? 86.0f : 43.0f;
  auto const value = detail::not_below<A>(x, -limit);
  auto const z = detail::not_above<A>(value, limit);
  return detail::times_sigmoid<A>(value, factor == 1.0f ? z : z * floats<A>(factor));
}

/// x Phi(x), Phi the normal cdf: GELU as it is defined (Hendrycks, Gimpel 2016). Absolute error 2e-7 max(1, |x|);
/// below -5.5 what it is there, within 2e-7 of 0; NaN for NaN.
template <class A>
[[nodiscard, gnu::always_inline]] inline floats<A> gelu(floats<A> x) noexcept {
  auto const value = detail::not_below<A>(x, -5.5f);
  auto const near = detail::not_above<A>(value, 5.5f);
  auto const z = fused<A>(opaque<A>(near * near), floats<A>(0x1p-4f), floats<A>(-1.0f));
  return value * fused<A>(near, detail::polynomial_in_two<A>(detail::cdf_coefficients, z), floats<A>(0.5f));
}

/// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, the approximation of GELU that GPT-2 has; it differs from gelu by
/// up to 4.7e-4. Relative error 4e-7 + 2.2e-7 |z| for z = 2 sqrt(2 / pi) (x + 0.044715 x^3); NaN for NaN.
template <class A>
[[nodiscard, gnu::always_inline]] inline floats<A> gelu_tanh(floats<A> x) noexcept {
  auto const value = detail::not_below<A>(x, -9.75f);
  auto const near = detail::not_above<A>(value, 9.75f);
  auto const slope = fused<A>(opaque<A>(near * near), floats<A>(0.071354814f), floats<A>(1.5957691f));
  return detail::times_sigmoid<A>(value, near * slope);
}

}  // namespace simd
}  // namespace v0
}  // namespace octavo
