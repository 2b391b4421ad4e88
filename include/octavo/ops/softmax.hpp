// SPDX-License-Identifier: MIT
// softmax(x, y) over the features of each token.
#pragma once

#include <type_traits>

#include "octavo/kernel/softmax_row.hpp"
#include "octavo/ops/by_token.hpp"

namespace octavo {
inline namespace v0 {

/// Options of softmax.
struct softmax_options {
  float scale = 1;  ///< of what it is taken of: finite and above 0
};

namespace detail {
template <class Default, class X, class Y, class... Options>
void softmax_of(X const& x, Y&& y, softmax_options const& o, Options const&... options) {
  static_assert(sizeof...(Options) <= 1, "Octavo: softmax takes at most softmax_options and a context.");
  if (!(o.scale > 0) || !is_finite(o.scale)) {
    fail("softmax: the scale must be a finite number above 0. Leave it out for 1.");
  }
  auto const context = context_of<Default>(options...);
  using arch = typename std::remove_cvref_t<decltype(context)>::arch;
  auto const xs = as_tokens(x);
  using T = std::remove_const_t<std::remove_pointer_t<decltype(xs.data())>>;
  if constexpr (check_arch<arch>()) {
    auto const sink = sink_of<arch>(y);
    require_tokens("softmax", xs, sink);
    float const factor = o.scale * 0x1.715476p+0f;
    by_token<arch>(context, sink, kernel::softmax_floats(xs.features()), [&](index t, auto row, float* s) noexcept {
      kernel::softmax_row<arch, T>(xs.token(t), xs.features(), factor, s, row);
    });
  }
}
}  // namespace detail

/// y = e^(scale x) / sum over the features of each token. x and y are tokens of float, bf16 or f16, and may be the
/// same; or y is quantized_tokens. Options: softmax_options, in braces too, then a context.
///
/// - *Order*: as the weights of attention: 2^fma(x, factor, -largest factor) with factor = scale log2 e, their sum in
///   one chain of 16 virtual lanes, then halves; times 1 / sum. The same bits on every instruction set with fma.
/// - *Error*: (features / 16 + 8) 2^-24 + 3e-7 + 1.2e-7 scale (largest - x), relative, besides the rounding to the
///   elements of y; below 2^-126 of the largest: 0.
/// - x of -infinity gives 0; a token of nothing but these is zeros; NaN or +infinity makes the token NaN.
/// - *Scratch*: the features of a token, filled up to 64, as floats for each task.
template <class X, class Y, class... Options, class Default = default_arch>
void softmax(X const& x, Y&& y, Options const&... options) {
  detail::softmax_of<Default>(x, y, softmax_options{}, options...);
}
template <class X, class Y, class... Options, class Default = default_arch>
void softmax(X const& x, Y&& y, softmax_options const& o, Options const&... options) {
  detail::softmax_of<Default>(x, y, o, options...);
}

}  // namespace v0
}  // namespace octavo
