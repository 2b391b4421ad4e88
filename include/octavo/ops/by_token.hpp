// SPDX-License-Identifier: MIT
// Operations on one token after the other: where results go (floats or quantized tokens), threads, scratch, checks.
#pragma once

#include <cstddef>
#include <type_traits>

#include "octavo/core/views.hpp"
#include "octavo/kernel/token_row.hpp"
#include "octavo/ops/context.hpp"
#include "octavo/storage/quantized_tokens.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

/// Where the results of tokens go. `row(t, scratch)` takes those of token t.
template <class A, class T>
struct float_sink {
  static_assert(!std::is_const_v<T>, "Octavo: this operation writes its last operand, but this one is const.");
  static constexpr bool quantized = false;
  tokens_view<T> y;

  [[nodiscard, gnu::always_inline]] index features() const noexcept { return y.features(); }
  [[nodiscard, gnu::always_inline]] index tokens() const noexcept { return y.tokens(); }
  [[nodiscard, gnu::always_inline]] auto row(index t, float*) const noexcept {
    return kernel::float_row<A, T>{y.token(t)};
  }
};
template <class A, class S>
struct code_sink {
  using quantizer = typename S::quantizer;
  static_assert(
      kernel::integer_quantizer<quantizer> && kernel::tracks_range<quantizer>,
      "Octavo: quantized_tokens are written by symmetric or affine over integers of at most 8 bits. Pass other "
      "schemes to matmul, with tokens as floats.");
  static constexpr bool quantized = true;
  quantized_tokens<S>* y;

  [[nodiscard, gnu::always_inline]] index features() const noexcept { return y->features(); }
  [[nodiscard, gnu::always_inline]] index tokens() const noexcept { return y->tokens(); }
  [[nodiscard, gnu::always_inline]] auto row(index t, float* scratch) const noexcept {
    return kernel::code_row<A, quantizer>{scratch, y->codes(t), &y->scale(t), &y->zero(t)};
  }
};
template <class A, class Y>
[[nodiscard, gnu::always_inline]] inline auto sink_of(Y&& y) {
  if constexpr (is_quantized_tokens<std::remove_cvref_t<Y>>) {
    static_assert(!std::is_const_v<std::remove_reference_t<Y>>,
                  "Octavo: this operation writes its last operand, but this one is const.");
    return code_sink<A, typename std::remove_cvref_t<Y>::scheme>{&y};
  } else {
    auto const view = as_tokens(y);
    return float_sink<A, std::remove_pointer_t<decltype(view.data())>>{view};
  }
}

/// For each operation: `what` it is called in errors, then an operand and its extents, which must be those of the
/// output.
[[gnu::always_inline]] inline void require_features(char const* where, char const* what, index features,
                                                    index expected) {
  if (features != expected) {
    fail_extents(where, what, features, "the output has", expected, "They must be equal.");
  }
}
template <class X, class Sink>
[[gnu::always_inline]] inline void require_tokens(char const* where, X const& x, Sink const& sink) {
  require_features(where, "X has features", x.features(), sink.features());
  require_features(where, "X has tokens", x.tokens(), sink.tokens());
}

/// body(t, row, scratch) for each token t, with `floats` of scratch for each task besides what the sink needs.
template <class A, class Context, class Sink, class Body>
void by_token(Context const& context, Sink const& sink, index floats, Body const& body) {
  index const features = sink.features();
  index const tokens = sink.tokens();
  if (features == 0 && !Sink::quantized) { return; }
  index const pieces = context.pieces(tokens == 0 || product(features, tokens) < 32768 ? smaller(tokens, 1) : tokens);
  index const own = round_up(Sink::quantized ? features : 0, alignment);
  index const each = own + round_up(floats, alignment);
  auto const run = [&](float* const scratch) {
    context.execute(pieces, [&, scratch](index i) noexcept {
      float* const mine = scratch + i * each;
      for (index t = tokens * i / pieces; t < tokens * (i + 1) / pieces; ++t) {
        body(t, sink.row(t, mine), mine + own);
      }
    });
  };
  using scratch_type = scratch_block<A>;
  index const bytes = scratch_type::template bytes<float>(product(pieces, each));
  if (bytes == 0) {
    run(nullptr);
    return;
  }
  scratch_type scratch(context.memory(), bytes + alignment);
  run(scratch.template take<float>(pieces * each));
}

/// A vector of a value for each feature: anything with data() and size() (std::vector, std::span, Eigen's vectors).
template <class V>
concept channel_vector = requires(V const& v) {
  v.data();
  v.size();
};

}  // namespace detail
}  // namespace v0
}  // namespace octavo
