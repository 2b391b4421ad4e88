// SPDX-License-Identifier: MIT
// matmul<A>(w, x, y): Y = W X for packed weights and activations quantized on the fly, or as they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/core/views.hpp"
#include "octavo/kernel/path.hpp"
#include "octavo/ops/context.hpp"
#include "octavo/ops/epilogue.hpp"
#include "octavo/ops/matmul_run.hpp"
#include "octavo/storage/quantized_matrix.hpp"

namespace octavo {
inline namespace v0 {

namespace detail {

template <class W>
[[nodiscard, gnu::always_inline]] inline auto stored_view(W const& w) {
  if constexpr (requires { w.view(); }) {
    return w.view();
  } else {
    return w;
  }
}

template <class W>
concept stored_matrix = requires(W const& w) {
  typename W::scheme;
  w.rows();
  w.cols();
};

/// The second operand of matmul: tokens, or quantized tokens, whose scheme is then that of the activations.
template <class X>
[[nodiscard, gnu::always_inline]] inline auto operand_view(X const& x) {
  if constexpr (is_quantized_tokens<X>) {
    return x.view();
  } else {
    auto const xs = as_tokens(x);
    using T = std::remove_const_t<std::remove_pointer_t<decltype(xs.data())>>;
    return tokens_view<T const>(xs.data(), xs.features(), xs.tokens(), xs.stride());
  }
}
template <class A, class X, class View>
struct operand_types {
  using tokens = std::remove_const_t<std::remove_pointer_t<decltype(std::declval<View>().data())>>;
  using activations = std::conditional_t<std::is_same_v<A, as_is>, tokens, A>;
};
template <class A, class S, class View>
struct operand_types<A, quantized_tokens<S>, View> {
  static_assert(
      std::is_same_v<A, as_is> || std::is_same_v<A, S>,
      "Octavo: these tokens are quantized by a scheme of their own. Leave out the template argument of matmul.");
  using tokens = quantized_tokens<S>;
  using activations = S;
};

/// The epilogue among the options, or none.
template <class... Options>
[[gnu::always_inline]] inline auto epilogue_of(Options const&... options) {
  if constexpr ((!is_context<Options> || ...)) {
    return pick<false>(options...);
  } else {
    return no_epilogue{};
  }
}

/// Fails unless Y = W X has shapes that fit.
template <class W, class X, class Y>
[[gnu::always_inline]] inline void check_matmul(W const& w, X const& xs, Y const& ys) {
  if (xs.features() != w.cols()) {
    fail_extents("matmul", "X has features", xs.features(), "W has columns", w.cols(),
                 "They must be equal: a token is a column of X.");
  }
  if (ys.features() != w.rows()) {
    fail_extents("matmul", "Y has features", ys.features(), "W has rows", w.rows(), "They must be equal: Y = W X.");
  }
  if (xs.tokens() != ys.tokens()) {
    fail_extents("matmul", "X has tokens", xs.tokens(), "Y has tokens", ys.tokens(), "They must be equal.");
  }
}

/// What matmul of other storages shares, whose tokens x are elements: checks, then run(arch, tokens, outputs, context,
/// epilogue), where arch is a std::type_identity.
template <class Default, class W, class X, class Y, class Run, class... Options>
[[gnu::always_inline]] inline void run_matmul(W const& w, X const& x, Y& y, Run const& run,
                                              Options const&... options) {
  static_assert(sizeof...(Options) <= 2, "Octavo: matmul takes at most an epilogue and a context.");
  auto const xs = as_tokens(x);
  auto const ys = as_tokens(y);
  using X_type = std::remove_const_t<std::remove_pointer_t<decltype(xs.data())>>;
  using Y_type = std::remove_pointer_t<decltype(ys.data())>;
  static_assert(!std::is_const_v<Y_type>, "Octavo: matmul writes its third operand, but this one is const.");
  check_matmul(w, xs, ys);
  auto const context = context_of<Default>(options...);
  using arch = typename decltype(context)::arch;
  if constexpr (check_arch<arch>()) {
    run(std::type_identity<arch>{}, tokens_view<X_type const>(xs.data(), xs.features(), xs.tokens(), xs.stride()), ys,
        context, epilogue_of(options...));
  }
}

}  // namespace detail

/// Whether matmul(w, x, y) would accept these shapes.
template <class W, class X, class Y>
[[nodiscard, gnu::always_inline]] inline bool can_matmul(W const& w, X const& x, Y&& y) {
  auto const xs = detail::operand_view(x);
  auto const ys = as_tokens(y);
  return xs.features() == w.cols() && ys.features() == w.rows() && xs.tokens() == ys.tokens();
}

/// Y = W X: one column per token, x of W.cols() features, y of W.rows(), elements float, bf16 or f16.
///
/// - `matmul<a8>(w, x, y)` quantizes each token by the scheme a8 (per_token); `matmul(w, x, y)` takes x as it is:
///   floats, or quantized_tokens<a8> that a norm or an activation wrote, with the bits of matmul<a8> of the same
///   floats.
/// - Options, in any order: an epilogue (ops/epilogue.hpp), a context (`on(pool)`).
/// - *Order*: for each output, t = fma(acc_g, scale_g, t) over groups g ascending, from t = 0; y = t * token scale;
///   then the epilogue. acc_g is an exact integer (`int8_dot`; runs of at most 32 768 k) or one chain of f32 fma over k
///   (`table_fma`: k ascending; `bf16_dot`: 1 0 3 2 5 4 ...). So results have the same bits for any number of tokens,
///   any executor, and every instruction set with fma. Where W has minima (affine_min), t begins with their share:
///   t = fma(sum_g, minimum_g, t) over groups g ascending, from 0, where sum_g is that of the group's activations:
///   exact and converted once (`int8_dot`), or by 16 lanes, k in lane k % 16, then halves added.
/// - *Error* against exact arithmetic on the quantized operands: (groups + 2) 2^-24 sum |acc_g scale_g| for int8_dot;
///   the float paths add (k per group) 2^-24 sum |w x|; minima make it (2 groups + 2) 2^-24 sum (|acc_g scale_g| +
///   |sum_g minimum_g|).
/// - NaN or infinity in a token makes its outputs NaN where it is quantized; as it is, products decide.
/// - *Scratch*, one allocation on the calling thread: about tokens * (cols padded to groups) operands of 1, 2 or 4
///   bytes + tokens * groups * 4 (8 with minima), and per piece of work (four per thread) at most 400 KiB, from 13 to
///   48 tokens on, by path and instruction set.
/// - *Speed*: y is written fastest when its tokens begin at multiples of 64 bytes.
/// - `Default` is never named: it puts the instruction set of a call without a context into the name of the function.
/// - Throws std::invalid_argument when shapes do not fit; can_matmul asks first. x and y must not overlap.
template <class A = as_is, class W, class X, class Y, class... Options, class Default = default_arch>
void matmul(W const& w, X const& x, Y&& y, Options const&... options) {
  static_assert(detail::stored_matrix<W>,
                "Octavo: the first operand of matmul is a quantized_matrix or a quantized_matrix_view. Make one with "
                "octavo::quantize<scheme>(weights).");
  static_assert(sizeof...(Options) <= 2, "Octavo: matmul takes at most an epilogue and a context.");
  auto const xs = detail::operand_view(x);
  auto const ys = as_tokens(y);
  using types = detail::operand_types<A, X, std::remove_const_t<decltype(xs)>>;
  using X_type = typename types::tokens;
  using Y_type = std::remove_pointer_t<decltype(ys.data())>;
  static_assert(!std::is_const_v<Y_type>, "Octavo: matmul writes its third operand, but this one is const.");
  detail::check_matmul(w, xs, ys);
  auto const context = detail::context_of<Default>(options...);
  using arch = typename decltype(context)::arch;
  using activations = typename types::activations;
  static_assert(
      !detail::is_quantized_tokens<X_type> || !detail::is_per_column<typename W::scheme::granularity>,
      "Octavo: per_column scales of weights are folded into tokens before those are quantized. Pass the tokens as "
      "floats.");
  (void)path_of<typename W::scheme, activations>;  // says what is wrong with a scheme before anything else does
  if constexpr (detail::check_arch<arch>()) {
    ops::matmul_run<arch, typename W::scheme, activations, X_type, std::remove_const_t<Y_type>> run(
        detail::stored_view(w), xs, ys);
    run(context, detail::epilogue_of(options...));
  }
}

}  // namespace v0
}  // namespace octavo
