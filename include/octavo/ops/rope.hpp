// SPDX-License-Identifier: MIT
// rope(x, positions, table): rotary position embeddings of queries and keys, in place or into another tensor.
#pragma once

#include <type_traits>

#include "octavo/core/heads_view.hpp"
#include "octavo/kernel/rope.hpp"
#include "octavo/ops/context.hpp"
#include "octavo/storage/rope_table.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

/// Positions of tokens: consecutive from a number, or a vector of numbers.
struct consecutive_positions {
  index first;
  [[nodiscard, gnu::always_inline]] index operator[](index t) const noexcept { return first + t; }
};
template <class P>
struct listed_positions {
  P const* data;
  [[nodiscard, gnu::always_inline]] index operator[](index t) const noexcept { return static_cast<index>(data[t]); }
};
template <class P>
[[nodiscard, gnu::always_inline]] inline auto positions_of(P const& positions, index tokens) {
  if constexpr (std::is_integral_v<P>) {
    return consecutive_positions{static_cast<index>(positions)};
  } else {
    using T = std::remove_cvref_t<decltype(*positions.data())>;
    static_assert(std::is_integral_v<T>,
                  "Octavo: positions are an integer, that of the first token, or a vector of one "
                  "integer for each token.");
    if (static_cast<index>(positions.size()) != tokens) {
      fail_extents("rope", "positions are", static_cast<index>(positions.size()), "tokens are", tokens,
                   "They must be equal.");
    }
    return listed_positions<T>{positions.data()};
  }
}

template <class A, class X, class Y, class P, class Context>
void turn_tokens(heads_view<X> const& x, heads_view<Y> const& y, P const& positions, rope_table const& table,
                 Context const& context) {
  static_assert(!std::is_const_v<Y>, "Octavo: rope writes this operand, but it is const.");
  if (x.head_dim() < table.dims()) {
    fail_extents("rope", "a head has channels", x.head_dim(), "the table turns", table.dims(),
                 "A head must have at least as many.");
  }
  auto const at = positions_of(positions, x.tokens());
  for (index t = 0; t < x.tokens(); ++t) {
    if (at[t] < 0 || at[t] >= table.positions()) {
      fail_extents("rope", "a token has position", at[t], "the table has positions", table.positions(),
                   "Positions count from 0: make the table longer.");
    }
  }
  index const tokens = x.tokens();
  index const size = product(x.head_dim(), x.heads(), tokens);
  index const pieces = context.pieces(size < 32768 ? smaller(tokens, 1) : tokens);
  context.execute(pieces, [&, tokens, pieces](index i) noexcept {
    for (index t = tokens * i / pieces; t < tokens * (i + 1) / pieces; ++t) {
      float const* const cosines = table.cosines(at[t]);
      float const* const sines = table.sines(at[t]);
      for (index h = 0; h < x.heads(); ++h) {
        X const* const from = x.at(h, t);
        Y* const to = y.at(h, t);
        if (table.pairs() == rope_pairs::halves) {
          kernel::turn_halves<A, std::remove_const_t<X>>(from, to, table.dims() / 2, cosines, sines);
        } else {
          kernel::turn_neighbours<A, std::remove_const_t<X>>(from, to, table.dims(), cosines, sines);
        }
        if (static_cast<void const*>(from) != static_cast<void const*>(to)) {
          for (index c = table.dims(); c < x.head_dim(); ++c) { to[c] = Y(static_cast<float>(from[c])); }
        }
      }
    }
  });
}

template <class V>
consteval bool check_heads() {
  static_assert(
      is_heads_view<V>,
      "Octavo: rope takes a heads_view: octavo::as_heads(matrix, heads) makes one of heads x head_dim features.");
  return is_heads_view<V>;
}

}  // namespace detail

/// Turns pairs of channels of every head by angles that grow with the position of the token, in place: (a, b) becomes
/// (a cos - b sin, b cos + a sin). `x` is a heads_view of float, bf16 or f16; `positions` is that of the first token,
/// the others follow, or a vector with one for each token. A context as the last argument.
///
/// - *Order*: fma(a, cos, -(b sin)), fma(b, cos, a sin), the second product rounded; the same bits on every instruction
///   set with fma. *Error*: 3 * 2^-24 (|a| + |b|), besides the rounding to the elements.
/// - Channels behind those of the table stay (partial rotary embeddings). *Scratch*: none.
/// - Throws std::invalid_argument for a position beyond the table and shapes that do not fit.
template <class X, class P, class... Options, class Default = default_arch>
void rope(X const& x, P const& positions, rope_table const& table, Options const&... options) {
  static_assert(sizeof...(Options) <= 1, "Octavo: rope takes at most a context.");
  auto const context = detail::context_of<Default>(options...);
  using arch = typename std::remove_cvref_t<decltype(context)>::arch;
  if constexpr (detail::check_heads<X>() && detail::check_arch<arch>()) {
    detail::turn_tokens<arch>(x, x, positions, table, context);
  }
}
/// The same into y, of the same extents, which may be x and must not overlap it otherwise.
template <class X, class Y, class P, class... Options, class Default = default_arch>
void rope_into(X const& x, Y const& y, P const& positions, rope_table const& table, Options const&... options) {
  static_assert(sizeof...(Options) <= 1, "Octavo: rope_into takes at most a context.");
  auto const context = detail::context_of<Default>(options...);
  using arch = typename std::remove_cvref_t<decltype(context)>::arch;
  if constexpr (detail::check_heads<X>() && detail::check_heads<Y>() && detail::check_arch<arch>()) {
    auto const require = [](char const* what, index a, index b) {
      if (a != b) { detail::fail_extents("rope_into", what, a, "the output has", b, "They must be equal."); }
    };
    require("X has head_dim", x.head_dim(), y.head_dim());
    require("X has heads", x.heads(), y.heads());
    require("X has tokens", x.tokens(), y.tokens());
    detail::turn_tokens<arch>(x, y, positions, table, context);
  }
}

}  // namespace v0
}  // namespace octavo
