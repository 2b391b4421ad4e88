// SPDX-License-Identifier: MIT
// The tokens of one matmul as its path wants them: quantized or converted once, read by every panel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/core/views.hpp"
#include "octavo/kernel/activations.hpp"
#include "octavo/kernel/expand.hpp"
#include "octavo/kernel/path.hpp"
#include "octavo/kernel/token_codes.hpp"
#include "octavo/ops/context.hpp"
#include "octavo/storage/quantized_matrix.hpp"
#include "octavo/storage/quantized_tokens.hpp"

namespace octavo {
inline namespace v0 {
namespace ops {

/// What follows from an instruction set, a scheme of weights, and a scheme or element type of activations.
template <class A, class S, class Act>
struct matmul_types {
  static constexpr path which = path_of<S, Act>;
  static constexpr bool integers = which == path::int8_dot;
  static constexpr bool quantized = detail::is_scheme<Act>;
  static constexpr bool swapped = which == path::bf16_dot && !detail::fast_pairs<A>;
  static constexpr bool rounded = which == path::bf16_dot;

  static auto choose_weights() {
    using layout = panel_layout<S>;
    if constexpr (integers) {
      return std::type_identity<
          kernel::byte_weights<A, layout, kernel::has_operand_zeros<typename Act::quantizer>>>{};
    } else if constexpr (which == path::bf16_dot && detail::fast_pairs<A>) {
      return std::type_identity<kernel::pair_weights<A, layout>>{};
    } else {
      return std::type_identity<kernel::float_weights<A, layout, swapped>>{};
    }
  }
  using weights = typename decltype(choose_weights())::type;
};

/// What tokens of element type X are read through, or those that are quantized already.
template <class X>
struct tokens_to_read {
  using type = tokens_view<X const>;
};
template <class Act>
struct tokens_to_read<quantized_tokens<Act>> {
  using type = quantized_tokens_view<Act>;
};
template <class X>
using tokens_of = typename tokens_to_read<X>::type;

/// Prepared activations: [segment][token][padded k] operands, and what accumulators and outputs need of each token.
template <class A, class S, class Act, class X>
class prepared_tokens {
  using layout_type = panel_layout<S>;
  using types = matmul_types<A, S, Act>;
  using weights = typename types::weights;
  using operand = typename weights::operand;
  using start_type = typename weights::start;
  static constexpr bool integers = types::integers;
  static constexpr bool quantized = types::quantized;
  /// Codes and parameters come with the tokens.
  static constexpr bool given = detail::is_quantized_tokens<X>;
  static constexpr int L = simd::lanes<A>;

  // Not every member of a scheme exists where Act is an element type.
  template <class T>
  struct parts {
    using granularity = per_token;
    struct quantizer {
      struct params {};
    };
  };
  template <class Q, class G>
  struct parts<scheme<Q, G>> {
    using granularity = G;
    using quantizer = Q;
  };
  using granularity = typename parts<Act>::granularity;
  using quantizer = typename parts<Act>::quantizer;
  using params_type = typename quantizer::params;

  /// Whether calibration needs a token as contiguous floats.
  template <class Q = quantizer>
  static constexpr bool needs_row = [] {
    if constexpr (quantized && !given) { return !kernel::tracks_range<Q>; }
    return false;
  }();

 public:
  prepared_tokens(quantized_matrix_view<S> const& w, tokens_of<X> const& x)
      : w_(w), x_(x), layout_(w.layout()), segments_(w.layout(), integers ? longest_leaf : w.cols() + 1) {}

  [[nodiscard]] auto const& segments() const noexcept { return segments_; }

  /// Bytes of operands of one token.
  [[nodiscard]] index token_bytes() const { return product(segments_.count, stride(), sizeof(operand)); }

  /// Scratch that fill() takes when the work is cut into so many tasks.
  [[nodiscard]] index scratch_bytes(index fillers) const {
    using scratch_type = detail::scratch_block<A>;
    index const tokens = x_.tokens();
    return scratch_type::template bytes<operand>(product(segments_.count, tokens, stride())) +
           scratch_type::template bytes<start_type>(product(segments_.count, tokens)) +
           scratch_type::template bytes<float>(product(sum_count(), tokens)) +
           scratch_type::template bytes<float>(tokens) + scratch_type::template bytes<std::int32_t>(tokens) +
           scratch_type::template bytes<float>(row_floats(fillers));
  }

  template <class Context>
  void fill(Context const& context, detail::scratch_block<A>& scratch, index fillers) {
    index const tokens = x_.tokens();
    operands_ = scratch.template take<operand>(segments_.count * tokens * stride());
    start_ = scratch.template take<start_type>(segments_.count * tokens);
    sums_ = scratch.template take<float>(sum_count() * tokens);
    scales_ = scratch.template take<float>(tokens);
    zeros_ = scratch.template take<std::int32_t>(tokens);
    rows_ = scratch.template take<float>(row_floats(fillers));
    if constexpr (quantized && !given) {
      if constexpr (detail::is_per_tensor<granularity>) { calibrate_tensor(); }
    }
    context.execute(fillers, [this, tokens, fillers](index i) noexcept {
      for (index t = tokens * i / fillers; t < tokens * (i + 1) / fillers; ++t) { prepare(t, i); }
    });
  }

  /// The scale of a quantized token.
  [[nodiscard]] float scale(index t) const noexcept { return scales_[t]; }

  /// Tokens from `first` for W: `weights`, or their expanded form.
  template <class W = weights>
  [[nodiscard]] kernel::token_block<W> block(index first, std::int32_t const* weight_sums = nullptr) const noexcept {
    kernel::token_block<W> b{};
    b.data = at(0, first);
    b.token_stride = stride();
    b.segment_stride = x_.tokens() * stride();
    b.start = weights::has_start ? start_ + first : nullptr;
    b.start_stride = x_.tokens();
    b.sums = layout_type::minima ? sums_ + first : nullptr;
    b.zeros = zeros_ + first;
    b.weight_sums = weight_sums;
    return b;
  }

 private:
  /// k of a segment that stand there; an expanded tile may read a few more than the segment has.
  [[nodiscard]] index padded_length() const noexcept {
    constexpr index unit = weights::unit_operands;
    return kernel::filled_units<weights>(ceil_div(segments_.length, unit)) * unit;
  }
  /// From token to token: not a large power of two, or tokens would share a few lines of the first level cache.
  [[nodiscard]] index stride() const noexcept {
    constexpr index line = 64 / static_cast<index>(sizeof(operand));
    index const length = padded_length();
    return length + (length >= 16 * line && length % (8 * line) == 0 ? line : 0);
  }
  /// Sums of activations that minima are multiplied with, for each token.
  [[nodiscard]] index sum_count() const noexcept { return layout_type::minima ? segments_.count : 0; }
  /// Floats that calibration copies tokens to: one token for each task, or all.
  [[nodiscard]] index row_floats(index fillers) const {
    if (!needs_row<>) { return 0; }
    return product(detail::is_per_tensor<granularity> ? x_.tokens() : fillers, layout_.cols);
  }
  [[nodiscard]] float const* column_scales() const noexcept {
    if constexpr (layout_type::by_column) { return w_.column_scales(); }
    return nullptr;
  }
  [[nodiscard]] std::int32_t const* column_zeros() const noexcept {
    if constexpr (layout_type::by_column && has_zero_point<typename S::quantizer>) { return w_.column_zeros(); }
    return nullptr;
  }
  [[nodiscard]] kernel::token_source<A, X> source(index t) const noexcept {
    return {x_.token(t), column_scales(), layout_.cols};
  }

  void calibrate_tensor() noexcept {
    if constexpr (kernel::tracks_range<quantizer>) {
      kernel::range_tracker<A, quantizer> range;
      for (index t = 0; t < x_.tokens(); ++t) { kernel::track_token(source(t), range); }
      tensor_params_ = range.params();
    } else {
      for (index t = 0; t < x_.tokens(); ++t) { copy_token(t, rows_ + t * layout_.cols); }
      tensor_params_ = detail::calibrate<quantizer>(rows_, x_.tokens() * layout_.cols);
    }
  }

  void copy_token(index t, float* out) const noexcept {
    auto const x = source(t);
    for (index k = 0; k < x.features; ++k) { out[k] = x[k]; }
  }

  [[nodiscard]] params_type token_params(index t, index filler) noexcept {
    if constexpr (detail::is_per_tensor<granularity>) {
      return tensor_params_;
    } else if constexpr (kernel::tracks_range<quantizer>) {
      return kernel::token_params<quantizer>(source(t));
    } else {
      float* const row = rows_ + filler * layout_.cols;
      copy_token(t, row);
      return detail::calibrate<quantizer>(row, layout_.cols);
    }
  }

  [[nodiscard]] operand* at(index s, index t) const noexcept { return operands_ + (s * x_.tokens() + t) * stride(); }

  void prepare(index t, index filler) noexcept {
    if constexpr (integers) {
      prepare_integers(t, filler);
    } else {
      prepare_floats(t, filler);
    }
  }

  void prepare_integers(index t, index filler) noexcept {
    using F = typename quantizer::format;
    params_type p{};
    if constexpr (given) {
      scales_[t] = x_.scale(t);
      zeros_[t] = x_.zero(t);
    } else {
      p = token_params(t, filler);
      scales_[t] = quantizer::scale(p) * lattice<F>.step;
      zeros_[t] = kernel::zero_of<quantizer>(p) - kernel::operand_shift<F>;
    }
    int const zero = zeros_[t];
    for (index s = 0; s < segments_.count; ++s) {
      index const first = segments_.first(layout_, s);
      index const present = segments_.present(layout_, s);
      std::int64_t sum = 0;
      if constexpr (given) {
        sum = kernel::copy_codes<A>(x_.codes(t) + first, present, padded_length(), zero, at(s, t));
      } else {
        sum = kernel::quantize_segment<A, quantizer>(source(t), p, first, present, padded_length(), zero,
                                                     column_zeros(), at(s, t));
      }
      if constexpr (layout_type::minima) { sums_[s * x_.tokens() + t] = static_cast<float>(sum); }
      // Accumulators begin at -c * sum: c is the zero point of a row (a factor of its own), of a column (in the sum),
      // or that of all weights.
      if (column_zeros() != nullptr) {
        start_[s * x_.tokens() + t] = static_cast<std::int32_t>(-sum + lowest_sum(s, t, zero));
      } else {
        constexpr std::int64_t c =
            layout_type::zero_points ? 1 : -lattice<typename S::format>.lowest - weights::offset;
        start_[s * x_.tokens() + t] = static_cast<std::int32_t>(-c * sum);
      }
    }
  }

  /// lowest * sum(a - zero): column zero points are counted from 0, bytes from the lowest integer.
  [[nodiscard]] std::int64_t lowest_sum(index s, index t, int zero) const noexcept {
    std::int64_t sum = 0;
    for (index k = 0; k < segments_.length; ++k) { sum += at(s, t)[k] - zero; }
    return sum * (lattice<typename S::format>.lowest + weights::offset);
  }

  void prepare_floats(index t, index filler) noexcept {
    using writer = kernel::operand_writer<weights, types::rounded, types::swapped>;
    params_type p{};
    if constexpr (given) {
      scales_[t] = x_.scale(t);
    } else if constexpr (quantized) {
      p = token_params(t, filler);
      scales_[t] = quantizer::scale(p);
    }
    for (index s = 0; s < segments_.count; ++s) {
      index const first = segments_.first(layout_, s);
      index const present = segments_.present(layout_, s);
      if constexpr (given) {
        kernel::copy_codes<writer>(x_.codes(t) + first, present, padded_length(), x_.zero(t), at(s, t));
      } else if constexpr (quantized) {
        kernel::quantize_segment<writer, quantizer>(source(t), p, first, present, padded_length(), at(s, t));
      } else {
        kernel::copy_segment<writer>(source(t), first, present, padded_length(), at(s, t));
      }
      if constexpr (layout_type::minima) { sums_[s * x_.tokens() + t] = float_sum(at(s, t), present); }
    }
    if constexpr (weights::has_start) {  // one segment, k as they come: path_of gives per_column no bf16_dot
      static_assert(!types::swapped && !types::rounded);
      float begin = 0;
      for (index k = 0; k < layout_.cols; ++k) {
        begin = __builtin_fmaf(static_cast<float>(-column_zeros()[k]), at(0, t)[k], begin);
      }
      start_[t] = begin;
    }
  }

  /// The sum of n operands by 16 lanes, k in lane k % 16, then halves are added.
  [[nodiscard]] static float float_sum(operand const* from, index n) noexcept {
    float lanes[16] = {};
    for (index k = 0; k < n; ++k) {
      operand const a = from[types::swapped ? k ^ 1 : k];
      if constexpr (std::is_same_v<operand, float>) {
        lanes[k % 16] += a;
      } else {
        lanes[k % 16] += __builtin_bit_cast(float, static_cast<std::uint32_t>(a) << 16);
      }
    }
    for (int half = 8; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) { lanes[i] += lanes[i + half]; }
    }
    return lanes[0];
  }

  quantized_matrix_view<S> w_;
  tokens_of<X> x_;
  layout_type layout_;
  kernel::segmentation<layout_type> segments_;
  operand* operands_ = nullptr;
  start_type* start_ = nullptr;
  float* sums_ = nullptr;
  float* scales_ = nullptr;
  std::int32_t* zeros_ = nullptr;
  float* rows_ = nullptr;
  params_type tensor_params_{};
};

}  // namespace ops
}  // namespace v0
}  // namespace octavo
