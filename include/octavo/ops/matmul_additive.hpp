// SPDX-License-Identifier: MIT
// matmul(w, x, y) for weights of additive codebooks (AQLM).
#pragma once

#include <cstddef>
#include <type_traits>

#include "octavo/core/views.hpp"
#include "octavo/kernel/additive.hpp"
#include "octavo/kernel/tile_shape.hpp"
#include "octavo/ops/matmul.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

template <class W>
inline constexpr bool is_additive = false;
template <int M, int B, int G, class T>
inline constexpr bool is_additive<additive_matrix<M, B, G, T>> = true;
template <int M, int B, int G, class T>
inline constexpr bool is_additive<additive_matrix_view<M, B, G, T>> = true;

}  // namespace detail

namespace ops {

/// One call: tokens become padded floats, then blocks of rows meet tiles of tokens.
template <class A, class W, class X, class Y>
class additive_run {
  static constexpr int L = simd::lanes<A>;
  static constexpr bool many = detail::is_avx512<A> || detail::is_neon<A>;
  /// Tokens and rows of a tile: 16 registers of sums on AVX-512, fewer elsewhere, since a run of 16 is several
  /// registers.
  static constexpr int most_tokens = detail::is_scalar<A> ? 1 : many ? 8 : 4;
  static constexpr int rows_of(int tokens) noexcept {
    return detail::is_scalar<A> ? 1 : many ? (tokens > 4 ? 2 : 4) : tokens > 2 ? 1 : 2;
  }
  static constexpr index block = 64;

 public:
  additive_run(W const& w, tokens_view<X const> const& x, tokens_view<Y> const& y) noexcept : w_(w), x_(x), y_(y) {}

  template <class Context, class Epilogue>
  void operator()(Context const& context, Epilogue const& epilogue) {
    index const tokens = y_.tokens();
    if (tokens == 0 || w_.rows() == 0) { return; }
    stride_ = round_up(w_.cols(), kernel::additive_step);
    using scratch_type = detail::scratch_block<A>;
    scratch_type scratch(context.memory(), scratch_type::template bytes<float>(product(tokens, stride_)));
    values_ = scratch.template take<float>(tokens * stride_);
    index const fillers = context.pieces(tokens * w_.cols() < 65536 ? 1 : tokens);
    context.execute(fillers, [&](index piece) noexcept {
      for (index t = tokens * piece / fillers; t < tokens * (piece + 1) / fillers; ++t) { fill(t); }
    });
    index const blocks = ceil_div(w_.rows(), block);
    index const pieces = context.pieces(blocks);
    context.execute(pieces, [&](index piece) noexcept {
      for (index b = blocks * piece / pieces; b < blocks * (piece + 1) / pieces; ++b) {
        kernel::for_tiles<most_tokens>(tokens,
                                       [&](auto count, index t) { rows_times<count()>(b * block, t, epilogue); });
      }
    });
  }

 private:
  void fill(index t) noexcept {
    float* const to = values_ + t * stride_;
    simd::copy_as_floats<A>(x_.token(t), w_.cols(), to);
    for (index k = w_.cols(); k < stride_; ++k) { to[k] = 0.0f; }
  }

  /// T tokens from t and a block of rows from `first`.
  template <int T, class Epilogue>
  void rows_times(index first, index t, Epilogue const& epilogue) noexcept {
    constexpr int R = rows_of(T);
    alignas(64) float out[static_cast<std::size_t>(T * block)];
    float const* const x = values_ + t * stride_;
    index const rows = smaller(block, w_.rows() - first);
    index r = 0;
    for (; r + R <= rows; r += R) { kernel::additive_tile<A, T, R>(w_, first + r, x, stride_, out + r, block); }
    if constexpr (R > 1) {
      for (; r < rows; ++r) { kernel::additive_tile<A, T, 1>(w_, first + r, x, stride_, out + r, block); }
    }
    for (index i = 0; i < T; ++i) {
      for (index from = 0; from < rows; from += L) {
        kernel::finish<A, false>(out + i * block + from, 1.0f, y_.token(t + i) + first + from,
                                 smaller(rows - from, L), first + from, t + i, epilogue);
      }
    }
  }

  W w_;
  tokens_view<X const> x_;
  tokens_view<Y> y_;
  index stride_ = 0;
  float* values_ = nullptr;
};

}  // namespace ops

/// Y = W X for weights of additive codebooks and activations as they are.
///
/// - *Order*: lane = fma(w, x, lane) in lane k % 16, k ascending from +0, where w is the sum of vectors in f32,
///   codebooks ascending; lanes 0 to 7 plus 8 to 15, then halves of 4, 2, 1; times the row's scale; then the epilogue.
///   Columns count as padded to 16 with zeros. So bits do not depend on tokens, threads, or on the instruction set
///   (with fma).
/// - *Error* against exact arithmetic on the operands: (cols / 16 + M + 5) 2^-24 sum |scale C x|.
/// - *Scratch*: tokens * (cols padded to 16) floats.
/// - Options and errors: as for other matrices.
template <class S = as_is, class W, class X, class Y, class... Options, class Default = default_arch>
  requires detail::is_additive<W>
void matmul(W const& w, X const& x, Y&& y, Options const&... options) {
  static_assert(std::is_same_v<S, as_is>,
                "Octavo: additive codebooks multiply activations as they are. Call matmul(w, x, y).");
  auto const view = detail::stored_view(w);
  detail::run_matmul<Default>(
      w, x, y,
      [&view]<class A, class T, class U>(std::type_identity<A>, tokens_view<T const> const& xs,
                                         tokens_view<U> const& ys, auto const& context, auto const& epilogue)
          __attribute__((always_inline)) {
            ops::additive_run<A, std::remove_const_t<decltype(view)>, T, U> run(view, xs, ys);
            run(context, epilogue);
          },
      options...);
}

}  // namespace v0
}  // namespace octavo
