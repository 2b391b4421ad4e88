// SPDX-License-Identifier: MIT
// rms_norm, layer_norm, and both after a sum of residuals; to floats, or quantized for the matmul that follows.
#pragma once

#include <cstddef>
#include <type_traits>

#include "octavo/kernel/norm.hpp"
#include "octavo/ops/by_token.hpp"

namespace octavo {
inline namespace v0 {

/// Options of norms.
struct norm_options {
  float epsilon = 1e-5f;    ///< inside the square root
  float weight_offset = 0;  ///< is added to weights: 1 where a model stores them less 1 (Gemma)
};

namespace detail {

/// Factors or terms from a vector, with their number checked; none from nullptr.
template <class V>
[[nodiscard, gnu::always_inline]] inline auto channels_of(char const* where, char const* what, V const& v,
                                                          index features, float offset = 0) {
  if constexpr (std::is_same_v<V, std::nullptr_t>) {
    return kernel::channel_values<void>{};
  } else {
    static_assert(channel_vector<V>, "Octavo: weight and bias of a norm have data() and size(), or are nullptr.");
    if constexpr (requires { v.innerStride(); }) { require_contiguous(v.size() > 1 ? v.innerStride() : 1); }
    require_features(where, what, static_cast<index>(v.size()), features);
    using T = element_t<std::remove_const_t<std::remove_pointer_t<decltype(v.data())>>>;
    return kernel::channel_values<T>{reinterpret_cast<T const*>(v.data()), offset};
  }
}

template <class Default, class X, class W, class Y, class... Options>
void rms_norm_of(X const& x, W const& weight, Y&& y, norm_options const& o, Options const&... options) {
  auto const context = context_of<Default>(options...);
  using arch = typename std::remove_cvref_t<decltype(context)>::arch;
  if constexpr (check_arch<arch>()) {
    auto const sink = sink_of<arch>(y);
    x.check("rms_norm", sink);
    auto const factors = channels_of("rms_norm", "the weight has elements", weight, sink.features(), o.weight_offset);
    index const n = sink.features();
    by_token<arch>(context, sink, 0, [&](index t, auto row, float*) noexcept {
      kernel::rms_norm<arch>(x.template row<arch>(t), n, factors, o.epsilon, row);
    });
  }
}
template <class Default, class X, class W, class B, class Y, class... Options>
void layer_norm_of(X const& x, W const& weight, B const& bias, Y&& y, norm_options const& o,
                   Options const&... options) {
  auto const context = context_of<Default>(options...);
  using arch = typename std::remove_cvref_t<decltype(context)>::arch;
  if constexpr (check_arch<arch>()) {
    auto const sink = sink_of<arch>(y);
    x.check("layer_norm", sink);
    auto const factors =
        channels_of("layer_norm", "the weight has elements", weight, sink.features(), o.weight_offset);
    auto const terms = channels_of("layer_norm", "the bias has elements", bias, sink.features());
    index const n = sink.features();
    by_token<arch>(context, sink, 0, [&](index t, auto row, float*) noexcept {
      kernel::layer_norm<arch>(x.template row<arch>(t), n, factors, terms, o.epsilon, row);
    });
  }
}

/// What a norm reads: tokens, or residuals that tokens are added to.
template <class X>
struct norm_of_tokens {
  tokens_view<X> x;

  template <class Sink>
  [[gnu::always_inline]] void check(char const* where, Sink const& sink) const {
    require_tokens(where, x, sink);
  }
  template <class A>
  [[nodiscard, gnu::always_inline]] auto row(index t) const noexcept {
    return kernel::plain_row<A, std::remove_const_t<X>>{x.token(t), x.token(t + 1 < x.tokens() ? t + 1 : t)};
  }
};
template <class R, class X>
struct norm_of_sum {
  static_assert(!std::is_const_v<R>, "Octavo: the residual is written, but this one is const.");
  tokens_view<R> residual;
  tokens_view<X> x;

  template <class Sink>
  [[gnu::always_inline]] void check(char const* where, Sink const& sink) const {
    require_features(where, "the residual has features", residual.features(), sink.features());
    require_features(where, "the residual has tokens", residual.tokens(), sink.tokens());
    require_tokens(where, x, sink);
  }
  template <class A>
  [[nodiscard, gnu::always_inline]] auto row(index t) const noexcept {
    index const next = t + 1 < x.tokens() ? t + 1 : t;
    return kernel::summed_row<A, R, std::remove_const_t<X>>{
        {x.token(t), x.token(next)}, residual.token(t), residual.token(next)};
  }
};
template <class X>
[[nodiscard, gnu::always_inline]] inline auto norm_source(X&& x) {
  auto const view = as_tokens(x);
  return norm_of_tokens<std::remove_pointer_t<decltype(view.data())>>{view};
}
template <class R, class X>
[[nodiscard, gnu::always_inline]] inline auto norm_source(R&& residual, X&& x) {
  auto const r = as_tokens(residual);
  auto const view = as_tokens(x);
  return norm_of_sum<std::remove_pointer_t<decltype(r.data())>, std::remove_pointer_t<decltype(view.data())>>{r,
                                                                                                              view};
}

}  // namespace detail

/// y = x / sqrt(mean(x^2) + epsilon) * weight for each token (Zhang, Sennrich 2019). x and y are tokens of float, bf16
/// or f16, and may be the same; or y is quantized_tokens<a8>, which matmul takes as it takes y quantized. `weight` has
/// data() and size(), or is nullptr: none. Options: norm_options, in braces too, then a context.
///
///     rms_norm(x, weight, y, {.epsilon = 1e-6f}, on(pool));
///
/// - *Order*: squares are summed by fma in four chains of 16 virtual lanes (feature k in lane k % 16 of chain
///   k / 16 % 4), chains are added ascending, then halves of lanes; divided by their number; 1 / sqrt by division and
///   square root; then (x * that) * weight. The same bits for any number of tokens, any executor, every instruction set
///   with fma.
/// - *Error*: (features / 128 + 6) 2^-24 |y|, besides the rounding to the elements of y.
/// - NaN or infinity makes the token NaN, and so do squares whose sum overflows: |x| < 1e18 is safe. A token of zeros is
///   zeros.
/// - *Scratch*: none; for quantized tokens a row of floats for each task, one allocation on the calling thread.
/// - Throws std::invalid_argument when shapes do not fit.
template <class X, class W, class Y, class... Options, class Default = default_arch>
void rms_norm(X const& x, W const& weight, Y&& y, Options const&... options) {
  detail::rms_norm_of<Default>(detail::norm_source(x), weight, y, norm_options{}, options...);
}
template <class X, class W, class Y, class... Options, class Default = default_arch>
void rms_norm(X const& x, W const& weight, Y&& y, norm_options const& o, Options const&... options) {
  detail::rms_norm_of<Default>(detail::norm_source(x), weight, y, o, options...);
}

/// residual += x, then y = rms_norm(residual), in one pass over memory: the same bits as one after the other. The sum
/// is rounded to the elements of the residual before the norm reads it. y may be the residual, which it then replaces
/// (BERT).
template <class R, class X, class W, class Y, class... Options, class Default = default_arch>
void add_rms_norm(R&& residual, X const& x, W const& weight, Y&& y, Options const&... options) {
  detail::rms_norm_of<Default>(detail::norm_source(residual, x), weight, y, norm_options{}, options...);
}
template <class R, class X, class W, class Y, class... Options, class Default = default_arch>
void add_rms_norm(R&& residual, X const& x, W const& weight, Y&& y, norm_options const& o,
                  Options const&... options) {
  detail::rms_norm_of<Default>(detail::norm_source(residual, x), weight, y, o, options...);
}

/// y = (x - mean) / sqrt(mean((x - mean)^2) + epsilon) * weight + bias for each token (Ba, Kiros, Hinton 2016).
/// Operands and options as of rms_norm; `bias` as `weight`.
///
/// - *Order*: two passes, the sum of x and the sum of (x - mean)^2, each as of rms_norm; then
///   fma((x - mean) * (1 / sqrt), weight, bias).
/// - *Error*: (features / 64 + 8) 2^-24 (|y - bias| + |weight| mean(|x|) / standard deviation) + 2^-24 |y|.
template <class X, class W, class B, class Y, class... Options, class Default = default_arch>
void layer_norm(X const& x, W const& weight, B const& bias, Y&& y, Options const&... options) {
  detail::layer_norm_of<Default>(detail::norm_source(x), weight, bias, y, norm_options{}, options...);
}
template <class X, class W, class B, class Y, class... Options, class Default = default_arch>
void layer_norm(X const& x, W const& weight, B const& bias, Y&& y, norm_options const& o, Options const&... options) {
  detail::layer_norm_of<Default>(detail::norm_source(x), weight, bias, y, o, options...);
}

/// residual += x, then y = layer_norm(residual), as add_rms_norm.
template <class R, class X, class W, class B, class Y, class... Options, class Default = default_arch>
void add_layer_norm(R&& residual, X const& x, W const& weight, B const& bias, Y&& y, Options const&... options) {
  detail::layer_norm_of<Default>(detail::norm_source(residual, x), weight, bias, y, norm_options{}, options...);
}
template <class R, class X, class W, class B, class Y, class... Options, class Default = default_arch>
void add_layer_norm(R&& residual, X const& x, W const& weight, B const& bias, Y&& y, norm_options const& o,
                    Options const&... options) {
  detail::layer_norm_of<Default>(detail::norm_source(residual, x), weight, bias, y, o, options...);
}

}  // namespace v0
}  // namespace octavo
