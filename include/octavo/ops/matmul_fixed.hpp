// SPDX-License-Identifier: MIT
// matmul(w, in_fixed(x, type), y) for weights and activations in fixed point of up to 16 bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/core/views.hpp"
#include "octavo/kernel/encode.hpp"
#include "octavo/kernel/fixed_tile.hpp"
#include "octavo/kernel/tile_shape.hpp"
#include "octavo/ops/matmul.hpp"

namespace octavo {
inline namespace v0 {

/// Tokens that matmul rounds to fixed point. Refers to x.
template <class X>
struct fixed_operand {
  X const& tokens;
  fixed_point type;
};
template <class X>
[[nodiscard, gnu::always_inline]] inline fixed_operand<X> in_fixed(X const& tokens, fixed_point type) {
  type.check("in_fixed");
  return {tokens, type};
}

namespace ops {

/// One call: tokens become words, then panels meet tiles of tokens.
template <class A, class X, class Y>
class fixed_run {
  static constexpr int L = simd::lanes<A>;
  static constexpr int most_tokens = detail::is_scalar<A> ? 1 : 4;
  /// Where bursts are short their halves want registers, too.
  static constexpr int few_tokens = detail::is_scalar<A> ? 1 : 2;
  /// Registers of rows at a time: 16 accumulators on AVX-512, 8 elsewhere.
  static constexpr int registers = detail::is_scalar<A> ? 1 : detail::is_avx512<A> ? 4 : 2;
  static constexpr index width = registers * L;

 public:
  fixed_run(fixed_matrix_view const& w, fixed_point type, tokens_view<X const> const& x,
            tokens_view<Y> const& y) noexcept
      : w_(w), type_(type), x_(x), y_(y) {}

  template <class Context, class Epilogue>
  void operator()(Context const& context, Epilogue const& epilogue) {
    index const tokens = y_.tokens();
    if (tokens == 0 || w_.rows() == 0) { return; }
    stride_ = 2 * w_.pairs();
    using scratch_type = detail::scratch_block<A>;
    scratch_type scratch(context.memory(), scratch_type::template bytes<std::int16_t>(product(tokens, stride_)));
    words_ = scratch.template take<std::int16_t>(tokens * stride_);
    index const fillers = context.pieces(tokens * w_.cols() < 65536 ? 1 : tokens);
    context.execute(fillers, [&](index piece) noexcept {
      for (index t = tokens * piece / fillers; t < tokens * (piece + 1) / fillers; ++t) { fill(t); }
    });
    bool const short_bursts = kernel::fixed_burst(w_.type(), type_) < 16;
    index const panels = w_.panels();
    index const pieces = context.pieces(panels);
    context.execute(pieces, [&](index piece) noexcept {
      for (index p = panels * piece / pieces; p < panels * (piece + 1) / pieces; ++p) {
        auto const tile = [&](auto count, index t) { panel_times<count()>(p, t, epilogue); };
        if (short_bursts) {
          kernel::for_tiles<few_tokens>(tokens, tile);
        } else {
          kernel::for_tiles<most_tokens>(tokens, tile);
        }
      }
    });
  }

 private:
  /// The lowest code is not in use: kernel::fixed_burst.
  void fill(index t) noexcept {
    X const* const from = x_.token(t);
    std::int16_t* const to = words_ + t * stride_;
    float const units = detail::power_of_two(type_.fraction_length);
    index k = 0;
    for (; k + L <= w_.cols(); k += L) {
      auto const x = simd::load_as_floats<A>(from + k) * simd::floats<A>(units);
      std::int32_t codes[static_cast<std::size_t>(L)];
      simd::to_ints<A>(kernel::clamp<A>(x, -type_.highest(), type_.highest())).store_unaligned(codes);
      for (index i = 0; i < L; ++i) { to[k + i] = static_cast<std::int16_t>(codes[i]); }
    }
    for (; k < w_.cols(); ++k) {
      std::int16_t const c = type_.encode(static_cast<float>(from[k]));
      auto const least = static_cast<std::int16_t>(-type_.highest());
      to[k] = c < least ? least : c;
    }
    for (; k < stride_; ++k) { to[k] = 0; }
  }

  template <int T, class Epilogue>
  void panel_times(index p, index t, Epilogue const& epilogue) noexcept {
    index const rows = smaller(panel_rows, w_.rows() - p * panel_rows);
    index const burst = kernel::fixed_burst(w_.type(), type_);
    float const unit = detail::power_of_two(-w_.type().fraction_length - type_.fraction_length);
    for (index r = 0; r < rows; r += width) {
      std::int64_t sums[static_cast<std::size_t>(T * width)];
      kernel::fixed_tile<A, T, registers>(w_.panel(p) + r * 4, words_ + t * stride_, stride_, w_.pairs(), burst,
                                          sums);
      for (index i = 0; i < T; ++i) {
        alignas(64) float values[static_cast<std::size_t>(width)];
        for (index l = 0; l < width; ++l) { values[l] = static_cast<float>(sums[i * width + l]); }
        for (index l = 0; l < width && r + l < rows; l += L) {
          index const row = p * panel_rows + r + l;
          kernel::finish<A, true>(values + l, unit, y_.token(t + i) + row, smaller(rows - r - l, L), row, t + i,
                                  epilogue);
        }
      }
    }
  }

  fixed_matrix_view w_;
  fixed_point type_;
  tokens_view<X const> x_;
  tokens_view<Y> y_;
  index stride_ = 0;
  std::int16_t* words_ = nullptr;
};

}  // namespace ops

/// Y = W X in fixed point: tokens are rounded to their type (ties to even, saturating, NaN to the lowest; the lowest
/// code itself is not in use), products of words are summed exactly, in int32 for runs that cannot overflow and in
/// int64 beyond, converted to float once (to nearest even) and multiplied by the power of two of both units; then the
/// epilogue. So results have the same bits everywhere.
///
///     fixed_matrix const w(weights, {12, 10});
///     matmul(w, in_fixed(x, {16, 8}), y);
///
/// - *Path*: vpdpwssd, or vpmaddwd and an addition, or smull; words of WL_w + WL_x bits take int32 for
///   2^(33 - WL_w - WL_x) columns, so that 16 by 16 bits are slow and 12 by 12 are not.
/// - *Scratch*: tokens * (cols padded to 2) * 2 bytes.
/// - Options and errors: as for other matrices.
template <class W, class X, class Y, class... Options, class Default = default_arch>
  requires(std::is_same_v<W, fixed_matrix> || std::is_same_v<W, fixed_matrix_view>)
void matmul(W const& w, fixed_operand<X> const& x, Y&& y, Options const&... options) {
  auto const view = detail::stored_view(w);
  detail::run_matmul<Default>(
      view, x.tokens, y,
      [&view, &x ]<class A, class T, class U>(std::type_identity<A>, tokens_view<T const> const& xs,
                                              tokens_view<U> const& ys, auto const& context, auto const& epilogue)
          __attribute__((always_inline)) {
            ops::fixed_run<A, T, U> run(view, x.type, xs, ys);
            run(context, epilogue);
          },
      options...);
}

}  // namespace v0
}  // namespace octavo
