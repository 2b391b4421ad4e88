// SPDX-License-Identifier: MIT
// How matmul cuts its work: tokens are prepared, then panels x blocks of tokens.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "octavo/core/views.hpp"
#include "octavo/kernel/tile.hpp"
#include "octavo/kernel/tile_shape.hpp"
#include "octavo/ops/context.hpp"
#include "octavo/ops/epilogue.hpp"
#include "octavo/ops/prepared_tokens.hpp"
#include "octavo/storage/quantized_matrix.hpp"

namespace octavo {
inline namespace v0 {
namespace ops {

/// One call of matmul. S: scheme of the weights. Act: scheme of the activations, or their element type.
template <class A, class S, class Act, class X, class Y>
class matmul_run {
  using layout_type = panel_layout<S>;
  using types = matmul_types<A, S, Act>;
  using weights = typename types::weights;
  static constexpr bool integers = types::integers;
  static constexpr bool quantized = types::quantized;
  using shape = kernel::tile_shape<A, types::which>;
  static constexpr int L = simd::lanes<A>;
  static constexpr int tile_rows = shape::registers * L;
  /// Whether tiles unpack weights themselves.
  static constexpr bool in_registers = integers || layout_type::linear;

  /// So few tokens take several panels at a time: one where unpacking is most of the work, two otherwise.
  static constexpr int few_tokens = !in_registers || weights::operand_zeros ? 0
                                    : weights::units > 4                    ? std::min(shape::few_tokens, 1)
                                                                            : shape::few_tokens;
  /// Whether it pays to unpack them before, for many tokens. The scalar code does not want two forms.
  static constexpr bool expands = !integers && !(in_registers && detail::is_scalar<A>);

  /// Tokens that one piece of work takes: their activations share the second level cache with a panel.
  static constexpr index block = 128;
  /// Units of expanded weights at a time: 128 KiB.
  static constexpr index chunk_units = 512;
  /// From so many tokens on, expanding the weights of a float path pays: below, each tile unpacks them in registers.
  /// Measured for vdpbf16ps and vfmadd231ps, e4m3 and int4.
  static constexpr index expand_from = std::is_same_v<typename weights::operand, std::uint16_t> ? 13 : 33;

 public:
  matmul_run(quantized_matrix_view<S> const& w, tokens_view<X const> const& x, tokens_view<Y> const& y)
      : w_(w), y_(y), layout_(w.layout()), x_(w, x) {}

  template <class Context, class Epilogue>
  void operator()(Context const& context, Epilogue const& epilogue) {
    index const tokens = y_.tokens();
    if (tokens == 0 || layout_.rows == 0) { return; }
    index const blocks = ceil_div(tokens, block);
    index const items = product(layout_.panels(), blocks);
    index const pieces = context.pieces(items);
    index const fillers = context.pieces(tokens * layout_.cols < 65536 ? 1 : tokens);

    using detail::scratch_block;
    scratch_block scratch(
        context.memory(),
        x_.scratch_bytes(fillers) + scratch_block::bytes<std::byte>(product(pieces, piece_bytes())) + alignment);
    x_.fill(context, scratch, fillers);
    pieces_ = scratch.template take<std::byte>(pieces * piece_bytes());
    context.execute(pieces, [this, &epilogue, tokens, items, blocks, pieces](index i) noexcept {
      std::byte* const own = pieces_ + i * piece_bytes();
      index const end = items * (i + 1) / pieces;
      for (index item = items * i / pieces; item < end;) {
        index const first = item % blocks * block;
        item += multiply_item(item / blocks, end - item, first, std::min(block, tokens - first), own, epilogue);
      }
    });
  }

 private:
  [[nodiscard]] index piece_bytes() const {
    if constexpr (integers) {
      return weights::operand_zeros
                 ? detail::scratch_block::bytes<std::int32_t>(product(x_.segments().count, panel_rows))
                 : 0;
    } else {
      index const units = layout_type::grouped ? std::max(chunk_units, x_.segments().length) : chunk_units;
      return units * 256 + block * panel_rows * 4;
    }
  }

  /// Panel p, or several from there but `most`, times a block of tokens; returns how many.
  template <class Epilogue>
  index multiply_item(index p, index most, index first, index tokens, std::byte* own,
                      Epilogue const& epilogue) noexcept {
    index const rows = std::min(panel_rows, layout_.rows - p * panel_rows);
    if (x_.segments().count == 0) {
      alignas(64) float const nothing[panel_rows] = {};
      store(nothing, 0, p, 0, rows, first, tokens, epilogue);
      return 1;
    }
    if constexpr (few_tokens != 0) {
      index done = 0;
      detail::unroll<few_tokens>([&](auto i) __attribute__((always_inline)) {
        constexpr int T = i + 1;
        if (y_.tokens() == T && most >= shape::panels(T)) {
          done = shape::panels(T);
          multiply_panels<T>(p, epilogue);
        }
      });
      if (done != 0) { return done; }
    }
    multiply(p, rows, first, tokens, own, epilogue);
    return 1;
  }

  /// All of a few tokens, several panels at a time.
  template <int T, class Epilogue>
  void multiply_panels(index p, Epilogue const& epilogue) noexcept {
    constexpr int panels = shape::panels(T);
    constexpr index width = panels * panel_rows;
    alignas(64) float sums[static_cast<std::size_t>(T * width)] = {};
    auto stream = kernel::packed_stream(layout_, x_.segments(), w_.panel(p));
    stream.ask_for(stream.codes + layout_.panel_bytes(), layout_.panel_bytes(), 0, 1, 1);
    kernel::tile<weights, T, simd::panel_registers<A>, panels>(stream, x_.block(0), 0, sums, width);
    store(sums, width, p, 0, std::min(width, layout_.rows - p * panel_rows), 0, T, epilogue);
  }

  template <class Epilogue>
  void multiply(index p, index rows, index first, index tokens, std::byte* own, Epilogue const& epilogue) noexcept {
    auto const stream = kernel::packed_stream(layout_, x_.segments(), w_.panel(p));
    if constexpr (integers) {
      std::int32_t* sums = nullptr;
      if constexpr (weights::operand_zeros) {
        sums = reinterpret_cast<std::int32_t*>(own);
        kernel::weight_byte_sums<weights>(stream, sums);
      }
      auto x = x_.block(first, sums);
      if constexpr (stationary_units != 0) {
        if (tokens >= 8) {
          multiply_stationary(stream, x, p, rows, first, tokens, epilogue);
          return;
        }
      }
      multiply_tiles(stream, x, p, rows, first, tokens, epilogue);
    } else {
      if constexpr (in_registers) {
        if (!expands || tokens < expand_from) {
          multiply_tiles(stream, x_.block(first), p, rows, first, tokens, epilogue);
          return;
        }
      }
      if constexpr (expands) { multiply_expanded(stream, p, rows, first, tokens, own, epilogue); }
    }
  }

  template <class Epilogue>
  void multiply_tiles(kernel::weight_stream const& stream, kernel::token_block<weights> const& x, index p, index rows,
                      index first, index tokens, Epilogue const& epilogue) noexcept {
    auto w = stream;
    kernel::for_tiles<shape::tokens>(tokens, [&](auto size, index t) {
      constexpr int T = size();
      auto here = x;
      here.advance(t);
      for (index r = 0; r < rows; r += tile_rows) {
        alignas(64) float sums[static_cast<std::size_t>(T * tile_rows)] = {};
        w.ask_for(stream.codes + layout_.panel_bytes(), layout_.panel_bytes(), t * panel_rows + r, T * tile_rows,
                  tokens * panel_rows);
        prefetch_outputs(p, r, first + t, T);
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
        x.advance(n);
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
      x.advance(1);
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
        here.advance(t);
        for (index r = 0; r < rows; r += tile_rows) {
          w.ask_for(next, bytes, t * panel_rows + r, size() * tile_rows, tokens * panel_rows);
          kernel::tile<wide, size(), shape::registers>(w, here, r, sums + t * panel_rows + r, panel_rows, mode);
        }
      });
    };
    auto x = x_.template block<wide>(first);
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
      float const scale = quantized ? x_.scale(first + t) : 1.0f;
      for (index i = 0; i < rows; i += L) {
        kernel::finish<A, quantized>(sums + t * stride + i, scale, y + i, std::min<index>(rows - i, L), row + i,
                                     first + t, epilogue);
      }
    }
  }

  quantized_matrix_view<S> w_;
  tokens_view<Y> y_;
  layout_type layout_;
  prepared_tokens<A, S, Act, X> x_;
  std::byte* pieces_ = nullptr;
};

}  // namespace ops
}  // namespace v0
}  // namespace octavo
