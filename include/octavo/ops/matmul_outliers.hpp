// SPDX-License-Identifier: MIT
// matmul(w, x, y) for packed weights with outliers beside them.
#pragma once

#include <cstddef>
#include <type_traits>

#include "octavo/core/views.hpp"
#include "octavo/kernel/sparse_product.hpp"
#include "octavo/kernel/tile_shape.hpp"
#include "octavo/ops/matmul.hpp"
#include "octavo/storage/outlier_matrix.hpp"

namespace octavo {
inline namespace v0 {
namespace ops {

/// The products of the sparse matrix with some tokens, [slice of 16 rows][token][row].
template <class A, class X>
class sparse_run {
  static constexpr int few = 3;
  /// From so many tokens on, tokens are lanes.
  static constexpr index many = 4;
  static constexpr index slice_rows = sparse_matrix_view::slice_rows;
  /// Bytes of tokens that lie beside each other, [column][token], for a second level cache.
  static constexpr index near = index{1} << 19;

 public:
  /// Tokens whose products are kept at a time.
  static constexpr index most_tokens = 256;

  sparse_run(sparse_matrix_view const& w, index tokens) noexcept : w_(w) { take(smaller(tokens, most_tokens)); }

  /// For so many tokens, at most those of the constructor.
  void take(index tokens) noexcept {
    tokens_ = tokens;
    together_ = 1;
    if (tokens >= many) {
      constexpr index most = kernel::sparse_tokens;
      bool const fit = most * w_.cols() * static_cast<index>(sizeof(float)) <= near;
      together_ = fit && tokens > most / 2 ? most : most / 2;
    }
    padded_ = ceil_div(tokens, together_) * together_;
  }
  [[nodiscard]] index out_floats() const { return product(padded_, w_.slices(), slice_rows); }
  [[nodiscard]] index x_floats() const { return product(together_ == 1 ? tokens_ : together_, w_.cols()); }
  /// Where the product of a token and a row is.
  [[nodiscard, gnu::always_inline]] index place(index row, index token) const noexcept {
    return (row / slice_rows * padded_ + token) * slice_rows + row % slice_rows;
  }

  /// `x` has room for x_floats, `out` for out_floats.
  template <class Context>
  void operator()(Context const& context, tokens_view<X const> const& tokens, float* x, float* out) const {
    if (together_ == 1) { return run<1>(context, tokens, x, out); }
    if (together_ == kernel::sparse_tokens) { return run<kernel::sparse_tokens>(context, tokens, x, out); }
    run<kernel::sparse_tokens / 2>(context, tokens, x, out);
  }

 private:
  template <int T, class Context>
  void run(Context const& context, tokens_view<X const> const& tokens, float* x, float* out) const {
    if constexpr (T == 1) {
      index const fillers = context.pieces(tokens_ * w_.cols() < 65536 ? 1 : tokens_);
      context.execute(fillers, [&](index piece) noexcept {
        for (index t = tokens_ * piece / fillers; t < tokens_ * (piece + 1) / fillers; ++t) {
          simd::copy_as_floats<A>(tokens.token(t), w_.cols(), x + t * w_.cols());
        }
      });
      for_slices(
          context, [&](index first, index last) __attribute__((always_inline)) {
            kernel::for_tiles<few>(tokens_, [&](auto count, index t) {
              for (index s = first; s < last; ++s) {
                kernel::sparse_rows<A, count()>(w_.slice(s), w_.entries(s), x + t * w_.cols(), w_.cols(),
                                                out + place(s * slice_rows, t), slice_rows);
              }
            });
          });
    } else {
      constexpr index strip = 512;
      index const strips = ceil_div(w_.cols(), strip);
      for (index t = 0; t < tokens_; t += T) {
        index const n = smaller(tokens_ - t, T);
        tokens_view<X const> const some(tokens.token(t), tokens.features(), n, tokens.stride());
        index const fillers = context.pieces(n * w_.cols() < 65536 ? 1 : strips);
        context.execute(fillers, [&](index piece) noexcept {
          kernel::tokens_to_lanes<A, T>(some, n, strips * piece / fillers * strip,
                                        smaller(strips * (piece + 1) / fillers * strip, w_.cols()), x);
        });
        for_slices(
            context, [&](index first, index last) __attribute__((always_inline)) {
              for (index s = first; s < last; ++s) {
                kernel::sparse_token_lanes<A, T>(w_.slice(s), w_.entries(s), x, out + place(s * slice_rows, t));
              }
            });
      }
    }
  }

  /// part(first, last) for runs of slices, on the threads of the context.
  template <class Context, class Part>
  void for_slices(Context const& context, Part const& part) const {
    index const pieces = context.pieces(w_.slices());
    context.execute(pieces, [&](index piece) noexcept {
      part(w_.slices() * piece / pieces, w_.slices() * (piece + 1) / pieces);
    });
  }

  sparse_matrix_view w_;
  index tokens_ = 0;
  index together_ = 1;
  index padded_ = 0;  ///< tokens, up to a multiple of those
};

}  // namespace ops

/// Y = W X where W = dense + sparse: matmul<S>(w.dense(), x, y), to whose sums, before the epilogue, comes a chain of
/// fma(number, x, .) over the numbers of a row in w.sparse(), columns ascending from +0, on x as it is. Bits do not
/// depend on tokens, threads, or on the instruction set (with fma). An x that is not finite may make an output NaN
/// where infinity were due.
///
/// - *Scratch*, beside that of the dense product: rows floats for each of at most 256 tokens (rows padded to 16, from
///   four tokens on tokens to 16 or 32), and cols for each of at most 32.
/// - Options and errors: as for other matrices.
template <class S = as_is, class W, class X, class Y, class... Options, class Default = default_arch>
  requires detail::is_outlier_matrix<W>
void matmul(W const& w, X const& x, Y&& y, Options const&... options) {
  static_assert(
      !detail::is_quantized_tokens<X>,
      "Octavo: outliers multiply tokens as they are. Pass the tokens as floats; matmul<a8>(w, x, y) quantizes "
      "them for the other weights.");
  auto const view = detail::stored_view(w);
  detail::run_matmul<Default>(
      view, x, y,
      [&view]<class A, class T, class U>(std::type_identity<A>, tokens_view<T const> const& xs,
                                         tokens_view<U> const& ys, auto const& context, auto const& epilogue)
          __attribute__((always_inline)) {
            ops::sparse_run<A, T> run(view.sparse(), xs.tokens());
            using scratch_type = detail::scratch_block<A>;
            scratch_type scratch(context.memory(), scratch_type::template bytes<float>(run.x_floats()) +
                                                       scratch_type::template bytes<float>(run.out_floats()));
            float* const room = scratch.template take<float>(run.x_floats());
            float* const sums = scratch.template take<float>(run.out_floats());
            for (index first = 0; first < xs.tokens(); first += run.most_tokens) {
              index const n = smaller(xs.tokens() - first, run.most_tokens);
              tokens_view<T const> const some(xs.token(first), xs.features(), n, xs.stride());
              run.take(n);
              run(context, some, room, sums);
              matmul<S>(
                  view.dense(), some, tokens_view<U>(ys.token(first), ys.features(), n, ys.stride()),
                  [&](auto acc, index row, index token) __attribute__((always_inline)) {
                    return epilogue(acc + load_like(acc, sums + run.place(row, token)), row, first + token);
                  },
                  context);
            }
          },
      options...);
}

}  // namespace v0
}  // namespace octavo
