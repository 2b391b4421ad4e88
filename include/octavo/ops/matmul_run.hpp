// SPDX-License-Identifier: MIT
// How matmul cuts its work: activations first, token by token, then panels x blocks of tokens.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "octavo/core/views.hpp"
#include "octavo/kernel/activations.hpp"
#include "octavo/kernel/path.hpp"
#include "octavo/kernel/tile.hpp"
#include "octavo/kernel/tile_shape.hpp"
#include "octavo/ops/context.hpp"
#include "octavo/ops/epilogue.hpp"
#include "octavo/storage/quantized_matrix.hpp"

namespace octavo {
inline namespace v0 {
namespace ops {

/// One call of matmul. S: scheme of the weights. Act: scheme of the activations, or their element type.
template <class A, class S, class Act, class X, class Y>
class matmul_run {
  using layout_type = panel_layout<S>;
  static constexpr path which = path_of<S, Act>;
  static constexpr bool integers = which == path::int8_dot;
  static constexpr bool quantized = detail::is_scheme<Act>;
  static constexpr bool swapped = which == path::bf16_dot && !detail::has_dpbf16<A>;
  static constexpr bool rounded = which == path::bf16_dot;

  static auto choose_weights() {
    if constexpr (integers) {
      return std::type_identity<
          kernel::byte_weights<A, layout_type, kernel::has_operand_zeros<typename Act::quantizer>>>{};
    } else if constexpr (which == path::bf16_dot && detail::has_dpbf16<A>) {
      return std::type_identity<kernel::pair_weights<A, layout_type>>{};
    } else {
      return std::type_identity<kernel::float_weights<A, layout_type, swapped>>{};
    }
  }
  using weights = typename decltype(choose_weights())::type;
  using operand = typename weights::operand;
  using shape = kernel::tile_shape<A, which>;
  static constexpr int L = simd::lanes<A>;
  static constexpr int tile_rows = shape::registers * L;

  /// Tokens that one piece of work takes: their activations share the second level cache with a panel.
  static constexpr index block = 128;
  /// Units of expanded weights at a time: 128 KiB.
  static constexpr index chunk_units = 512;
  /// From so many tokens on, expanding the weights of a float path pays: below, each tile unpacks them in registers.
  /// Measured for vdpbf16ps and vfmadd231ps, e4m3 and int4.
  static constexpr index expand_from = std::is_same_v<operand, std::uint16_t> ? 13 : 33;
  /// From so many tokens on, tiles ask for the next panel; those of fewer for the codes they are about to read.
  static constexpr index ahead_from = 16;

 public:
  matmul_run(quantized_matrix_view<S> const& w, tokens_view<X const> const& x, tokens_view<Y> const& y)
      : w_(w), x_(x), y_(y), layout_(w.layout()), segments_(w.layout(), integers ? longest_leaf : w.cols() + 1) {}

  template <class Context, class Epilogue>
  void operator()(Context const& context, Epilogue const& epilogue) {
    index const tokens = x_.tokens();
    if (tokens == 0 || layout_.rows == 0) { return; }
    index const blocks = ceil_div(tokens, block);
    index const items = product(layout_.panels(), blocks);
    index const pieces = context.pieces(items);
    index const fillers = context.pieces(tokens * layout_.cols < 65536 ? 1 : tokens);

    using detail::scratch_block;
    index const operands = product(segments_.count, tokens, segments_.length);
    index const row_floats = needs_row<> ? (detail::is_per_tensor<granularity> ? 1 : fillers) : 0;
    index const row_length = detail::is_per_tensor<granularity> ? product(tokens, layout_.cols) : layout_.cols;
    scratch_block scratch(context.memory(),
                          scratch_block::bytes<operand>(operands) +
                              scratch_block::bytes<start_type>(product(segments_.count, tokens)) +
                              scratch_block::bytes<float>(tokens) + scratch_block::bytes<std::int32_t>(tokens) +
                              scratch_block::bytes<float>(product(row_floats, row_length)) +
                              scratch_block::bytes<std::byte>(product(pieces, piece_bytes())) + alignment);
    operands_ = scratch.template take<operand>(operands);
    start_ = scratch.template take<start_type>(segments_.count * tokens);
    scales_ = scratch.template take<float>(tokens);
    zeros_ = scratch.template take<std::int32_t>(tokens);
    rows_ = scratch.template take<float>(row_floats * row_length);
    pieces_ = scratch.template take<std::byte>(pieces * piece_bytes());

    if constexpr (quantized) {
      if constexpr (detail::is_per_tensor<granularity>) { calibrate_tensor(); }
    }
    context.execute(fillers, [this, tokens, fillers](index i) noexcept {
      for (index t = tokens * i / fillers; t < tokens * (i + 1) / fillers; ++t) { prepare(t, i); }
    });
    context.execute(pieces, [this, &epilogue, tokens, items, blocks, pieces](index i) noexcept {
      std::byte* const own = pieces_ + i * piece_bytes();
      for (index item = items * i / pieces; item < items * (i + 1) / pieces; ++item) {
        index const first = item % blocks * block;
        multiply(item / blocks, first, std::min(block, tokens - first), own, epilogue);
      }
    });
  }

 private:
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
  using start_type = typename weights::start;

  /// Whether calibration needs a token as contiguous floats.
  template <class Q = quantizer>
  static constexpr bool needs_row = [] {
    if constexpr (quantized) { return !kernel::vector_quantizer<Q>; }
    return false;
  }();

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

  // ---- activations ----

  void track(index t, kernel::range_tracker<A, quantizer>& range) const noexcept {
    auto const x = source(t);
    index k = 0;
    for (; k + L <= x.features; k += L) { range.add(x.load(k)); }
    if (k < x.features) { range.add(x.load(k, x.features - k)); }
  }

  void calibrate_tensor() noexcept {
    if constexpr (kernel::vector_quantizer<quantizer>) {
      kernel::range_tracker<A, quantizer> range;
      for (index t = 0; t < x_.tokens(); ++t) { track(t, range); }
      tensor_params_ = range.params();
    } else {
      for (index t = 0; t < x_.tokens(); ++t) { copy_token(t, rows_ + t * layout_.cols); }
      tensor_params_ = quantizer::calibrate({rows_, static_cast<std::size_t>(x_.tokens() * layout_.cols)});
    }
  }

  void copy_token(index t, float* out) const noexcept {
    auto const x = source(t);
    for (index k = 0; k < x.features; ++k) { out[k] = x[k]; }
  }

  [[nodiscard]] params_type token_params(index t, index filler) noexcept {
    if constexpr (detail::is_per_tensor<granularity>) {
      return tensor_params_;
    } else if constexpr (kernel::vector_quantizer<quantizer>) {
      kernel::range_tracker<A, quantizer> range;
      track(t, range);
      return range.params();
    } else {
      float* const row = rows_ + filler * layout_.cols;
      copy_token(t, row);
      return quantizer::calibrate({row, static_cast<std::size_t>(layout_.cols)});
    }
  }

  [[nodiscard]] operand* at(index s, index t) const noexcept {
    return operands_ + (s * x_.tokens() + t) * segments_.length;
  }

  void prepare(index t, index filler) noexcept {
    if constexpr (integers) {
      prepare_integers(t, filler);
    } else {
      prepare_floats(t, filler);
    }
  }

  void prepare_integers(index t, index filler) noexcept {
    using F = typename quantizer::format;
    auto const p = token_params(t, filler);
    int const zero = kernel::zero_of<quantizer>(p) - kernel::operand_shift<F>;
    scales_[t] = quantizer::scale(p) * lattice<F>.step;
    zeros_[t] = zero;
    for (index s = 0; s < segments_.count; ++s) {
      std::int64_t sum = kernel::quantize_segment<A, quantizer>(source(t), p, segments_.first(layout_, s),
                                                                segments_.present(layout_, s), segments_.length, zero,
                                                                column_zeros(), at(s, t));
      // Accumulators begin at -c * sum: c is the zero point of a row (a factor of its own), of a column (in the sum),
      // or that of all weights.
      if (column_zeros() != nullptr) {
        start_[s * x_.tokens() + t] = static_cast<std::int32_t>(-sum + lowest_sum(s, t, zero));
      } else {
        constexpr std::int64_t c = layout_type::zero_points ? 1 : -lattice<typename S::format>.lowest;
        start_[s * x_.tokens() + t] = static_cast<std::int32_t>(-c * sum);
      }
    }
  }

  /// lowest * sum(a - zero): column zero points are counted from 0, bytes from the lowest integer.
  [[nodiscard]] std::int64_t lowest_sum(index s, index t, int zero) const noexcept {
    std::int64_t sum = 0;
    for (index k = 0; k < segments_.length; ++k) { sum += at(s, t)[k] - zero; }
    return sum * lattice<typename S::format>.lowest;
  }

  void prepare_floats(index t, index filler) noexcept {
    using writer = kernel::operand_writer<weights, rounded, swapped>;
    auto const x = source(t);
    params_type p{};
    if constexpr (quantized) {
      p = token_params(t, filler);
      scales_[t] = quantizer::scale(p);
    }
    for (index s = 0; s < segments_.count; ++s) {
      index const first = segments_.first(layout_, s);
      index const present = segments_.present(layout_, s);
      if constexpr (quantized) {
        kernel::quantize_segment<writer, quantizer>(x, p, first, present, segments_.length, at(s, t));
      } else {
        kernel::copy_segment<writer>(x, first, present, segments_.length, at(s, t));
      }
    }
    if constexpr (has_start) {  // one segment, k as they come: path_of gives per_column no bf16_dot
      static_assert(!swapped && !rounded);
      float begin = 0;
      for (index k = 0; k < layout_.cols; ++k) {
        begin = std::fma(static_cast<float>(-column_zeros()[k]), at(0, t)[k], begin);
      }
      start_[t] = begin;
    }
  }

  // ---- products ----

  static constexpr bool has_start = layout_type::by_column && has_zero_point<typename S::quantizer>;

  [[nodiscard]] index piece_bytes() const {
    if constexpr (integers) {
      return weights::operand_zeros ? detail::scratch_block::bytes<std::int32_t>(product(segments_.count, panel_rows))
                                    : 0;
    } else {
      index const units = layout_type::grouped ? std::max(chunk_units, segments_.length) : chunk_units;
      return units * 256 + block * panel_rows * 4;
    }
  }

  template <class W>
  [[nodiscard]] kernel::token_block<W> tokens_from(index first, std::int32_t const* weight_sums) const noexcept {
    kernel::token_block<W> b{};
    b.data = at(0, first);
    b.token_stride = segments_.length;
    b.segment_stride = x_.tokens() * segments_.length;
    b.start = integers || has_start ? start_ + first : nullptr;
    b.start_stride = x_.tokens();
    b.zeros = zeros_ + first;
    b.weight_sums = weight_sums;
    return b;
  }

  template <class W>
  static void advance(kernel::token_block<W>& b, index tokens) noexcept {
    b.data += tokens * b.token_stride;
    if (b.start != nullptr) { b.start += tokens; }
    b.zeros += tokens;
  }

  template <class Epilogue>
  void multiply(index p, index first, index tokens, std::byte* own, Epilogue const& epilogue) noexcept {
    index const rows = std::min(panel_rows, layout_.rows - p * panel_rows);
    if (segments_.count == 0) {
      alignas(64) float const nothing[panel_rows] = {};
      store(nothing, 0, p, 0, rows, first, tokens, epilogue);
      return;
    }
    auto const stream = kernel::packed_stream(layout_, segments_, w_.panel(p));
    if constexpr (integers) {
      std::int32_t* sums = nullptr;
      if constexpr (weights::operand_zeros) {
        sums = reinterpret_cast<std::int32_t*>(own);
        kernel::weight_byte_sums<weights>(stream, sums);
      }
      auto x = tokens_from<weights>(first, sums);
      if constexpr (stationary_units != 0) {
        if (tokens >= 8) {
          multiply_stationary(stream, x, p, rows, first, tokens, epilogue);
          return;
        }
      }
      multiply_tiles(stream, x, p, rows, first, tokens, epilogue);
    } else {
      if constexpr (layout_type::linear) {
        if (tokens < expand_from) {
          multiply_tiles(stream, tokens_from<weights>(first, nullptr), p, rows, first, tokens, epilogue);
          return;
        }
      }
      multiply_expanded(stream, p, rows, first, tokens, own, epilogue);
    }
  }

  template <class Epilogue>
  void multiply_tiles(kernel::weight_stream const& stream, kernel::token_block<weights> const& x, index p, index rows,
                      index first, index tokens, Epilogue const& epilogue) noexcept {
    auto w = stream;
    kernel::for_tiles<shape::tokens>(tokens, [&](auto size, index t) {
      constexpr int T = size();
      auto here = x;
      advance(here, t);
      for (index r = 0; r < rows; r += tile_rows) {
        alignas(64) float sums[static_cast<std::size_t>(T * tile_rows)] = {};
        if (tokens < ahead_from) {
          w.ask_for_own(r, weights::prefetch_bytes);
        } else {
          w.ask_for_next(stream.codes + layout_.panel_bytes(), layout_.panel_bytes(), t * panel_rows + r,
                         T * tile_rows, tokens * panel_rows);
          prefetch_outputs(p, r, first + t, T);
        }
        kernel::tile<weights, T, shape::registers>(w, here, r, sums, tile_rows);
        store(sums, tile_rows, p, r, std::min<index>(rows - r, tile_rows), first + t, T, epilogue);
      }
    });
  }

  /// Lines that a tile is going to write.
  void prefetch_outputs(index p, index r, index first, index tokens) const noexcept {
    for (index t = first; t < first + tokens; ++t) {
      Y const* const y = y_.token(t) + p * panel_rows + r;
      for (index i = 0; i < tile_rows * static_cast<index>(sizeof(Y)); i += 64) {
        __builtin_prefetch(reinterpret_cast<std::byte const*>(y) + i, 1);
      }
    }
  }

  /// Quads of a short group, if its weights fit registers.
  static constexpr int stationary_units = [] {
    if constexpr (integers && layout_type::grouped && detail::is_avx512<A>) {
      constexpr index quads = layout_type{0, 0}.padded_group() / 4;
      return quads <= 8 ? static_cast<int>(quads) : 0;
    }
    return 0;
  }();

  template <class Epilogue>
  void multiply_stationary(kernel::weight_stream const& stream, kernel::token_block<weights> x, index p, index rows,
                           index first, index tokens, Epilogue const& epilogue) noexcept {
    if constexpr (stationary_units != 0) {
      constexpr index most = 64;  // tokens whose sums and activations stay in the first level cache
      constexpr int registers = stationary_units <= 4 ? 4 : 2;
      constexpr index width = registers * L;
      auto full = stream;
      bool const ragged = stream.last_steps != stream.steps;
      if (ragged) {
        full.segments -= 1;
        full.last_steps = full.steps;
        full.last_params = full.params + (full.segments - 1) * full.param_stride;
      }
      for (index t = 0; t < tokens; t += most) {
        index const n = std::min(most, tokens - t);
        for (index r = 0; r < rows; r += width) {
          alignas(64) float sums[static_cast<std::size_t>(most * width)];
          std::memset(sums, 0, static_cast<std::size_t>(n * width) * sizeof(float));
          if (full.segments > 0) {
            kernel::stationary_tile<weights, stationary_units, registers, 2>(full, x, n, r, sums, width);
          }
          if (ragged) { finish_ragged<registers>(stream, x, n, r, sums); }
          store(sums, width, p, r, std::min(rows - r, width), first + t, n, epilogue);
        }
        advance(x, n);
      }
    }
  }

  /// The short last group of the stationary form.
  template <int Registers>
  static void finish_ragged(kernel::weight_stream const& stream, kernel::token_block<weights> x, index tokens,
                            index r, float* sums) noexcept {
    kernel::weight_stream last = stream;
    index const skip = stream.segments - 1;
    last.codes += skip * stream.segment_bytes;
    last.segments = 1;
    x.data += skip * x.segment_stride;
    x.start += skip * x.start_stride;
    if (x.weight_sums != nullptr) { x.weight_sums += skip * panel_rows; }
    for (index t = 0; t < tokens; ++t) {
      kernel::tile<weights, 1, Registers>(last, x, r, sums + t * Registers * L, Registers * L);
      advance(x, 1);
    }
  }

  template <class Epilogue>
  void multiply_expanded(kernel::weight_stream const& stream, index p, index rows, index first, index tokens,
                         std::byte* own, Epilogue const& epilogue) noexcept {
    using wide = kernel::expanded<weights>;
    auto* const sums = reinterpret_cast<float*>(own);
    std::byte* const codes = own + block * panel_rows * 4;
    std::memset(sums, 0, static_cast<std::size_t>(tokens * panel_rows) * sizeof(float));
    constexpr int U = weights::units;

    auto const run = [&](kernel::weight_stream w, std::byte const* next, index bytes,
                         kernel::token_block<wide> const& x, kernel::carry mode) {
      kernel::for_tiles<shape::tokens>(tokens, [&](auto size, index t) {
        auto here = x;
        advance(here, t);
        for (index r = 0; r < rows; r += tile_rows) {
          w.ask_for_next(next, bytes, t * panel_rows + r, size() * tile_rows, tokens * panel_rows);
          kernel::tile<wide, size(), shape::registers>(w, here, r, sums + t * panel_rows + r, panel_rows, mode);
        }
      });
    };
    auto x = tokens_from<wide>(first, nullptr);
    kernel::weight_stream w{};
    w.codes = codes;
    if (layout_type::grouped) {
      w.steps = stream.steps * U;
      w.segment_bytes = w.steps * 256;
      w.param_stride = stream.param_stride;
      index const at_once = std::max<index>(1, chunk_units / w.steps);
      for (index s = 0; s < stream.segments; s += at_once) {
        w.segments = std::min(at_once, stream.segments - s);
        for (index i = 0; i < w.segments; ++i) {
          bool const last = s + i + 1 == stream.segments;
          kernel::expand<weights>(stream.codes + (s + i) * stream.segment_bytes, stream.params_of(s + i),
                                  last ? stream.last_steps : stream.steps, codes + i * w.segment_bytes);
        }
        bool const ends = s + w.segments == stream.segments;
        w.last_steps = ends ? stream.last_steps * U : w.steps;
        w.params = stream.params + s * stream.param_stride;
        w.last_params = stream.params_of(s + w.segments - 1);
        index const bytes = at_once * stream.segment_bytes;
        run(w, stream.codes + s * stream.segment_bytes + bytes, bytes, x, kernel::carry::none);
        x.data += w.segments * x.segment_stride;
      }
    } else {  // one long segment, in runs
      index const most = chunk_units / U;
      w.segments = 1;
      w.params = stream.params;
      w.last_params = stream.last_params;
      for (index i = 0; i < stream.last_steps; i += most) {
        index const steps = std::min(most, stream.last_steps - i);
        kernel::expand<weights>(stream.codes + i * 256, stream.params, steps, codes);
        w.last_steps = steps * U;
        bool const more = i + steps < stream.last_steps;
        run(w, stream.codes + (i + most) * 256, most * 256, x,
            static_cast<kernel::carry>((i > 0 ? 1 : 0) | (more ? 2 : 0)));
        x.data += steps * layout_type::step;
      }
    }
    store(sums, panel_rows, p, 0, rows, first, tokens, epilogue);
  }

  /// Sums of `rows` rows from row r of panel p, for tokens from `first`.
  template <class Epilogue>
  void store(float const* sums, index stride, index p, index r, index rows, index first, index tokens,
             Epilogue const& epilogue) noexcept {
    index const row = p * panel_rows + r;
    for (index t = 0; t < tokens; ++t) {
      Y* const y = y_.token(first + t) + row;
      float const scale = quantized ? scales_[first + t] : 1.0f;
      for (index i = 0; i < rows; i += L) {
        kernel::finish<A, quantized>(sums + t * stride + i, scale, y + i, std::min<index>(rows - i, L), row + i,
                                     first + t, epilogue);
      }
    }
  }

  quantized_matrix_view<S> w_;
  tokens_view<X const> x_;
  tokens_view<Y> y_;
  layout_type layout_;
  kernel::segmentation<layout_type> segments_;
  operand* operands_ = nullptr;
  start_type* start_ = nullptr;
  float* scales_ = nullptr;
  std::int32_t* zeros_ = nullptr;
  float* rows_ = nullptr;
  std::byte* pieces_ = nullptr;
  params_type tensor_params_{};
};

}  // namespace ops
}  // namespace v0
}  // namespace octavo
