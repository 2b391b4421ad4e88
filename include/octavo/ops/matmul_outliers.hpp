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

/// The products of the sparse matrix with some tokens, [token][row].
template <class A, class X>
class sparse_run {
  static constexpr int few = 3;
  /// From so many tokens on, tokens are lanes.
  static constexpr index many = 4;

 public:
  /// Tokens whose products are kept at a time.
  static constexpr index most_tokens = 256;

  sparse_run(sparse_matrix_view const& w, index tokens) noexcept : w_(w), tokens_(smaller(tokens, most_tokens)) {}

  [[nodiscard]] index out_stride() const noexcept { return w_.slices() * sparse_matrix_view::slice_rows; }
  [[nodiscard]] index out_floats() const { return product(round_up(tokens_, kernel::sparse_tokens), out_stride()); }
  [[nodiscard]] index x_floats() const { return product(round_up(tokens_, kernel::sparse_tokens), w_.cols()); }

  /// `x` has room for x_floats, `out` for out_floats.
  template <class Context>
  void operator()(Context const& context, tokens_view<X const> const& tokens, float* x, float* out) const {
    index const n = tokens.tokens();
    index const together = n >= many ? kernel::sparse_tokens : 1;
    index const groups = ceil_div(n, together);
    index const fillers = context.pieces(n * w_.cols() < 65536 ? 1 : groups);
    context.execute(fillers, [&](index piece) noexcept {
      for (index g = groups * piece / fillers; g < groups * (piece + 1) / fillers; ++g) {
        float* const to = x + g * together * w_.cols();
        if (together == 1) {
          simd::copy_as_floats<A>(tokens.token(g), w_.cols(), to);
        } else {
          kernel::tokens_to_lanes<A>(tokens, g * together, smaller(n - g * together, together), to);
        }
      }
    });
    index const pieces = context.pieces(w_.slices());
    context.execute(pieces, [&](index piece) noexcept {
      index const first = w_.slices() * piece / pieces;
      index const last = w_.slices() * (piece + 1) / pieces;
      if (together == 1) {
        kernel::for_tiles<few>(n, [&](auto count, index t) {
          for (index s = first; s < last; ++s) {
            kernel::sparse_rows<A, count()>(w_.slice(s), w_.entries(s), x + t * w_.cols(), w_.cols(), at(out, t, s),
                                            out_stride());
          }
        });
        return;
      }
      for (index t = 0; t < n; t += together) {  // whose 16 * cols floats stay near
        for (index s = first; s < last; ++s) {
          kernel::sparse_token_lanes<A>(w_.slice(s), w_.entries(s), x + t * w_.cols(), at(out, t, s), out_stride());
        }
      }
    });
  }

 private:
  [[nodiscard, gnu::always_inline]] float* at(float* out, index t, index slice) const noexcept {
    return out + t * out_stride() + slice * sparse_matrix_view::slice_rows;
  }

  sparse_matrix_view w_;
  index tokens_;
};

}  // namespace ops

/// Y = W X where W = dense + sparse: matmul<S>(w.dense(), x, y), to whose sums, before the epilogue, comes a chain of
/// fma(number, x, .) over the numbers of a row in w.sparse(), columns ascending from +0, on x as it is. Bits do not depend on
/// tokens, threads, or on the instruction set (with fma). An x that is not finite may make an output NaN where infinity were due.
///
/// - *Scratch*, beside that of the dense product: (rows + cols) floats for each of at most 256 tokens.
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
            ops::sparse_run<A, T> const run(view.sparse(), xs.tokens());
            using scratch_type = detail::scratch_block<A>;
            scratch_type scratch(context.memory(), scratch_type::template bytes<float>(run.x_floats()) +
                                                       scratch_type::template bytes<float>(run.out_floats()));
            float* const room = scratch.template take<float>(run.x_floats());
            float* const sums = scratch.template take<float>(run.out_floats());
            for (index first = 0; first < xs.tokens(); first += run.most_tokens) {
              index const n = smaller(xs.tokens() - first, run.most_tokens);
              tokens_view<T const> const some(xs.token(first), xs.features(), n, xs.stride());
              run(context, some, room, sums);
              matmul<S>(
                  view.dense(), some, tokens_view<U>(ys.token(first), ys.features(), n, ys.stride()),
                  [&](auto acc, index row, index token) __attribute__((always_inline)) {
                    return epilogue(acc + load_like(acc, sums + token * run.out_stride() + row), row, first + token);
                  },
                  context);
            }
          },
      options...);
}

}  // namespace v0
}  // namespace octavo
