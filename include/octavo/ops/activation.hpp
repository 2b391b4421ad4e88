// SPDX-License-Identifier: MIT
// activate<silu>(x, y), gated<silu>(gate, up, y): activations and gates, to floats or quantized for a matmul.
#pragma once

#include <type_traits>

#include "octavo/kernel/activate.hpp"
#include "octavo/ops/by_token.hpp"

namespace octavo {
inline namespace v0 {

// An activation is a type with such an `apply`. Errors and special values: simd/activation.hpp.

/// x / (1 + e^-x) (Elfwing, Uchibe, Doya 2017).
struct silu {
  template <class A>
  [[nodiscard, gnu::always_inline]] static simd::floats<A> apply(simd::floats<A> x) noexcept {
    return simd::silu<A>(x);
  }
};
/// x Phi(x) with the normal cdf, as PyTorch's gelu: the form with erf.
struct gelu {
  template <class A>
  [[nodiscard, gnu::always_inline]] static simd::floats<A> apply(simd::floats<A> x) noexcept {
    return simd::gelu<A>(x);
  }
};
/// The form with tanh, as of GPT-2 and Gemma: another function, by up to 4.7e-4.
struct gelu_tanh {
  template <class A>
  [[nodiscard, gnu::always_inline]] static simd::floats<A> apply(simd::floats<A> x) noexcept {
    return simd::gelu_tanh<A>(x);
  }
};
/// x / (1 + e^(-1.702 x)), as of CLIP.
struct quick_gelu {
  template <class A>
  [[nodiscard, gnu::always_inline]] static simd::floats<A> apply(simd::floats<A> x) noexcept {
    return simd::silu<A>(x, 1.702f);
  }
};
/// 1 / (1 + e^-x), the gate of a GLU.
struct sigmoid {
  template <class A>
  [[nodiscard, gnu::always_inline]] static simd::floats<A> apply(simd::floats<A> x) noexcept {
    return simd::sigmoid<A>(x);
  }
};
/// max(x, 0); NaN stays.
struct relu {
  template <class A>
  [[nodiscard, gnu::always_inline]] static simd::floats<A> apply(simd::floats<A> x) noexcept {
    return simd::maximum<A>(simd::floats<A>(0.0f), x);
  }
};

namespace detail {

template <class F>
concept activation = requires(simd::floats<scalar> x) {
  F::template apply<scalar>(x);
};
template <class F>
consteval bool check_activation() {
  static_assert(
      activation<F>,
      "Octavo: an activation is silu, gelu, gelu_tanh, quick_gelu, sigmoid, relu, or a type of your own with "
      "`template <class A> static octavo::simd::floats<A> apply(octavo::simd::floats<A>)`.");
  return activation<F>;
}

template <class F, class Arch, class X, class Y, class Context>
void activate_tokens(tokens_view<X> const& x, Y&& y, Context const& context) {
  auto const sink = sink_of<Arch>(y);
  require_tokens("activate", x, sink);
  by_token<Arch>(context, sink, 0, [&](index t, auto row, float*) noexcept {
    kernel::activate<Arch, F, std::remove_const_t<X>>(x.token(t), x.features(), row);
  });
}
template <class F, class Arch, class X, class U, class Y, class Context>
void gate_tokens(tokens_view<X> const& gate, tokens_view<U> const& up, Y&& y, Context const& context) {
  auto const sink = sink_of<Arch>(y);
  require_features("gated", "the gate has features", gate.features(), sink.features());
  require_features("gated", "the gate has tokens", gate.tokens(), sink.tokens());
  require_tokens("gated", up, sink);
  by_token<Arch>(context, sink, 0, [&](index t, auto row, float*) noexcept {
    kernel::gated<Arch, F, std::remove_const_t<X>, std::remove_const_t<U>>(gate.token(t), up.token(t),
                                                                           gate.features(), row);
  });
}

}  // namespace detail

/// y = F(x), element by element; F is silu, gelu, gelu_tanh, quick_gelu, sigmoid, relu, or a type of your own with such
/// an `apply`. x and y are tokens of float, bf16 or f16, and may be the same; or y is quantized_tokens<a8>, which
/// matmul takes as it takes y quantized. A context as the last argument.
///
/// - *Order*: each element by itself; the same bits on every instruction set with fma. *Error*: simd/activation.hpp,
///   then one rounding to the elements of y.
/// - *Scratch*: none; for quantized tokens a row of floats for each task.
/// - Throws std::invalid_argument when shapes do not fit.
template <class F, class X, class Y, class... Options, class Default = default_arch>
void activate(X const& x, Y&& y, Options const&... options) {
  static_assert(sizeof...(Options) <= 1, "Octavo: activate takes at most a context.");
  auto const context = detail::context_of<Default>(options...);
  using arch = typename std::remove_cvref_t<decltype(context)>::arch;
  if constexpr (detail::check_activation<F>() && detail::check_arch<arch>()) {
    detail::activate_tokens<F, arch>(as_tokens(x), y, context);
  }
}

/// y = F(gate) * up, element by element: SwiGLU with F = silu, GEGLU with gelu_tanh or gelu (Shazeer 2020). y may be
/// gate or up. The rest is as of activate; the product is rounded once more.
///
///     gated<silu>(gate, up, y);
///     gated<silu>(gate_up, y);  // gate and up are the first and the second half of the features
template <class F, class G, class U, class Y, class... Options, class Default = default_arch>
  requires(!detail::is_context<std::remove_cvref_t<Y>>)
void gated(G const& gate, U const& up, Y&& y, Options const&... options) {
  static_assert(sizeof...(Options) <= 1, "Octavo: gated takes at most a context.");
  auto const context = detail::context_of<Default>(options...);
  using arch = typename std::remove_cvref_t<decltype(context)>::arch;
  if constexpr (detail::check_activation<F>() && detail::check_arch<arch>()) {
    detail::gate_tokens<F, arch>(as_tokens(gate), as_tokens(up), y, context);
  }
}
template <class F, class G, class Y, class... Options, class Default = default_arch>
  requires(sizeof...(Options) == 0 || (detail::is_context<Options> && ...))
void gated(G const& gate_up, Y&& y, Options const&... options) {
  auto const both = as_tokens(gate_up);
  index const half = both.features() / 2;
  if (both.features() % 2 != 0) {
    detail::fail_extents("gated", "the gate and what it gates have features", both.features(), "half of them is",
                         half, "They are two halves: pass an even number.");
  }
  using T = std::remove_pointer_t<decltype(both.data())>;
  tokens_view<T> const gate(both.data(), half, both.tokens(), both.stride());
  tokens_view<T> const up(both.data() == nullptr ? nullptr : both.data() + half, half, both.tokens(), both.stride());
  auto const context = detail::context_of<Default>(options...);
  using arch = typename std::remove_cvref_t<decltype(context)>::arch;
  if constexpr (detail::check_activation<F>() && detail::check_arch<arch>()) {
    detail::gate_tokens<F, arch>(gate, up, y, context);
  }
}

}  // namespace v0
}  // namespace octavo
