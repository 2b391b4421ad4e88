// SPDX-License-Identifier: MIT
// How matmul cuts its work: tokens are prepared, then panels x blocks of tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/core/ask_for.hpp"
#include "octavo/core/views.hpp"
#include "octavo/kernel/burst_tile.hpp"
#include "octavo/kernel/expand.hpp"
#include "octavo/kernel/group_tile.hpp"
#include "octavo/kernel/matrix_tile.hpp"
#include "octavo/kernel/minima.hpp"
#include "octavo/kernel/tile.hpp"
#include "octavo/kernel/tile_shape.hpp"
#include "octavo/ops/context.hpp"
#include "octavo/ops/epilogue.hpp"
#include "octavo/ops/prepared_tokens.hpp"
#include "octavo/storage/quantized_matrix.hpp"

namespace octavo {
inline namespace v0 {
namespace ops {

/// One call of matmul. S: scheme of the weights. Act: scheme of the activations, or their element type. X: element type
/// of the tokens, or quantized_tokens<Act>.
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

  /// Whether many tokens go through a matrix unit.
  static constexpr bool matrix = kernel::on_matrix_unit<weights>;

  /// So few tokens take several panels at a time: one where unpacking is most of the work, two otherwise.
  static constexpr int few_tokens = (!layout_type::linear && !layout_type::one_table) || weights::operand_zeros ? 0
                                    : weights::units > 4 ? (shape::few_tokens < 1 ? shape::few_tokens : 1)
                                                         : shape::few_tokens;
  /// Quads of a short group, if its weights fit registers.
  static constexpr int stationary_units = [] {
    if constexpr (integers && layout_type::grouped && detail::is_avx512<A> && weights::burst == 0) {
      constexpr index quads = layout_type{0, 0}.padded_group() / 4;
      return quads <= 8 ? static_cast<int>(quads) : 0;
    }
    return 0;
  }();
  /// So many tokens share weights that are unpacked before; fewer unpack in registers.
  static constexpr index wide_tokens = matrix ? 2 * simd::matrix_block : shape::wide_tokens;
  /// Whether sums of many tokens stay in registers beside accumulators: groups longer than what is stationary.
  static constexpr bool keeps_sums = integers && layout_type::grouped && detail::is_avx512<A> &&
                                     weights::burst == 0 && stationary_units == 0 && !matrix;
  static constexpr int wide_registers = keeps_sums ? shape::registers / 2 : shape::registers;
  using wide = kernel::expanded<weights, wide_registers>;
  /// Whether weights are unpacked by a shift and a mask, which some CPUs do while they multiply.
  static constexpr bool shifts = kernel::unpacks_by_shifts<weights> && !matrix;
  static constexpr bool short_swapped = types::swapped && layout_type::bits <= 4 && detail::is_avx512<A>;
  static constexpr bool expands = wide_tokens != 0 && (stationary_units == 0 || matrix);
  /// From so many tokens on unpacking before pays: expanded weights are stored, which is dear (e4m3 and FP6 x bf16, 16
  /// tokens on Zen 5: 1.89 ms expanded, 1.58 not; 4 bits, 32 tokens: 2.72 and 2.45). Integers: measured on Sapphire
  /// Rapids.
  static constexpr index expand_from =
      matrix && stationary_units == 0                 ? 16
      : keeps_sums && layout_type::planes.high() != 0 ? 24
      : integers                                      ? 48
      : kernel::unpacks_by_eights<weights> ||
              (types::which == path::bf16_dot && (short_swapped || layout_type::bits > 4))
          ? 18
          : 33;
  /// Tiles that unpack in registers; Keep: whose sums stay there.
  template <int Tokens, int Registers, bool Keep>
  struct packed_tiles {
    static constexpr int tokens = Tokens;
    static constexpr int registers = Registers;
    template <int T>
    [[gnu::always_inline]] static void run(kernel::weight_stream const& w, kernel::token_block<weights> const& x,
                                           index row, float* sums) noexcept {
      if constexpr (Keep) {
        kernel::group_tile<weights, T, Registers>(w, x, row, sums);
      } else {
        kernel::tile<weights, T, Registers>(w, x, row, sums);
      }
    }
  };
  using plain_tiles = packed_tiles<shape::tokens, shape::registers, false>;
  using group_tiles = packed_tiles<kernel::group_tile_tokens, shape::registers, true>;
  /// For five to sixteen tokens where reading or unpacking a weight takes much: half as often (w8 from L3 on Zen 5, 8
  /// tokens: 0.67 of the peak by 4 x 64, 0.84 by 8 x 32).
  using tall_tiles = packed_tiles<2 * shape::tokens, larger(shape::registers / 2, 1), false>;
  static constexpr bool has_tall_tiles = [] {
    if constexpr (integers && detail::is_avx512<A> && weights::burst == 0 && stationary_units == 0) {
      return weights::direct && (layout_type::bits == 8 || layout_type::planes.high() != 0);
    }
    return kernel::unpacks_by_eights<weights> && detail::is_avx512<A>;
  }();
  /// They take more tokens than this; of rows with tables of their own three, whose 3 or 4 x 64 would not fit registers.
  static constexpr index tall_from = kernel::unpacks_by_eights<weights> ? 2 : shape::tokens;
  /// From so many tokens on sums in registers pay for tiles of fewer tokens, which unpack more often.
  static constexpr index group_tiles_from = layout_type::grouped && layout_type{0, 0}.padded_group() <= 64 ? 3 : 24;
  /// Bytes of weights at a time, which stay in the second level cache; more where nothing has to be unpacked; in the
  /// first level where a load serves few products (AVX2, one scale for a row; tiles that keep their sums).
  static constexpr index chunk = keeps_sums                            ? 16384
                                 : wide::as_packed                     ? 262144
                                 : weights::burst != 0 && !shape::many ? 24576
                                                                       : 131072;

  /// Tokens that meet a panel at most, and bytes of their activations, which stay in the second level cache (on Zen 5, 512
  /// tokens: w4_g128 is 1.3 per cent faster by 512 KiB than by 768, e4m3 x bf16 3 per cent slower).
  static constexpr index most_tokens = matrix ? 256 : 264;
  static constexpr index most_bytes = index{integers ? 512 : 768} << 10;

 public:
  matmul_run(quantized_matrix_view<S> const& w, tokens_of<X> const& x, tokens_view<Y> const& y)
      : w_(w), y_(y), layout_(w.layout()), x_(w, x) {
    if constexpr (shifts) { beside_products_ = detail::unpacks_beside_products<A>(); }
  }

  template <class Context, class Epilogue>
  void operator()(Context const& context, Epilogue const& epilogue) {
    index const tokens = y_.tokens();
    if (tokens == 0 || layout_.rows == 0) { return; }
    index const block = tokens_at_once();
    index const blocks = ceil_div(tokens, block);
    index const items = product(layout_.panels(), blocks);
    index const pieces = context.pieces(items);
    index const fillers = context.pieces(tokens * layout_.cols < 65536 ? 1 : tokens);

    using scratch_type = detail::scratch_block<A>;
    scratch_type scratch(context.memory(),
                         x_.scratch_bytes(fillers) +
                             scratch_type::template bytes<std::byte>(product(pieces, piece_bytes())) + alignment);
    x_.fill(context, scratch, fillers);
    pieces_ = scratch.template take<std::byte>(pieces * piece_bytes());
    context.execute(pieces, [this, &epilogue, tokens, items, block, pieces](index i) noexcept {
      std::byte* const own = pieces_ + i * piece_bytes();
      index const end = items * (i + 1) / pieces;
      // All panels pass by a block of tokens before the next: of the two, the weights are streamed.
      for (index item = items * i / pieces; item < end;) {
        index const p = item % layout_.panels();
        index const first = item / layout_.panels() * block;
        index const most = smaller(end - item, layout_.panels() - p);
        item += multiply_item(p, most, first, smaller(block, tokens - first), own, epilogue);
      }
    });
  }

 private:
  /// Tokens of a block: even blocks of whole tiles.
  [[nodiscard]] index tokens_at_once() const {
    index const most = larger(48, smaller(most_bytes / larger(x_.token_bytes(), 1), most_tokens));
    index const even = ceil_div(y_.tokens(), ceil_div(y_.tokens(), most));
    return expands ? smaller(round_up(even, wide_tokens), most_tokens) : even;
  }
  /// Scratch of one piece of work: sums of weights, then what multiply_expanded needs.
  [[nodiscard]] index piece_bytes() const {
    return weight_sums_bytes() + (!expands || beside_products_ || y_.tokens() < expand_from ? 0 : wide_bytes());
  }
  [[nodiscard]] index weight_sums_bytes() const {
    if constexpr (weights::operand_zeros) { return product(x_.segments().count, panel_rows, sizeof(std::int32_t)); }
    return 0;
  }
  [[nodiscard]] index wide_bytes() const {
    if constexpr (!expands) { return 0; }
    return 2 * most_tokens * panel_rows * 4 + product(chunk_units(), wide::step_bytes);
  }
  /// Units of expanded weights at a time: a chunk, whole groups.
  [[nodiscard]] index chunk_units() const {
    constexpr index units = chunk / wide::step_bytes;
    return layout_type::grouped
               ? larger(units, kernel::filled_units<weights>(x_.segments().steps(layout_, 0) * weights::units))
               : units;
  }

  /// Panel p, or several from there but `most`, times a block of tokens; returns how many.
  template <class Epilogue>
  index multiply_item(index p, index most, index first, index tokens, std::byte* own,
                      Epilogue const& epilogue) noexcept {
    index const rows = smaller(panel_rows, layout_.rows - p * panel_rows);
    if (x_.segments().count == 0) {
      alignas(64) float const nothing[panel_rows] = {};
      store(nothing, 0, p, 0, rows, first, tokens, epilogue);
      return 1;
    }
    if constexpr (few_tokens != 0) {
      index done = 0;
      detail::unroll<few_tokens>([&](auto i) __attribute__((always_inline)) {
        constexpr int T = i + 1;
        if (y_.tokens() == T && most >= shape::panels) { done = multiply_panels<T>(p, most, epilogue); }
      });
      if (done != 0) { return done; }
    }
    multiply(p, rows, first, tokens, own, epilogue);
    return 1;
  }

  /// All of a few tokens, several panels at a time, as often as there are so many among the `most` from p; returns how
  /// many panels these are.
  template <int T, class Epilogue>
  index multiply_panels(index p, index most, Epilogue const& epilogue) noexcept {
    constexpr int panels = shape::panels;
    constexpr int registers = simd::panel_registers<A>;
    constexpr index width = panels * panel_rows;
    alignas(64) float sums[2][static_cast<std::size_t>(T * width)];
    auto const x = x_.block(0);
    auto stream = kernel::packed_stream(layout_, x_.segments(), w_.panel(p));
    index const end = p + most / panels * panels;
    if constexpr (panels > 1) { kernel::begin_panels<weights, T, registers, panels>(stream, x, sums[0]); }
    for (index here = p, turn = 0; here < end; here += panels, turn ^= 1) {
      if constexpr (panels > 1) {
        float* const next = here + panels < end ? sums[turn ^ 1] : nullptr;
        if (next != nullptr) { std::memset(next, 0, sizeof sums[0]); }
        kernel::tile<weights, T, registers, panels>(stream, x, 0, sums[turn], {}, next);
      } else {  // one stream asks for all of the panel behind, which begins when it is there
        kernel::begin_sums<weights, registers>(stream, x, 0, T, sums[turn], width);
        stream.ask_for(w_.panel(here) + layout_.panel_bytes(), layout_.panel_bytes(), 0, 1, 1);
        kernel::tile<weights, T, registers>(stream, x, 0, sums[turn]);
      }
      store(sums[turn], width, here, 0, smaller(width, layout_.rows - here * panel_rows), 0, T, epilogue);
      stream.next_panels(panels);
    }
    return end - p;
  }

  template <class Epilogue>
  void multiply(index p, index rows, index first, index tokens, std::byte* own, Epilogue const& epilogue) noexcept {
    auto const stream = kernel::packed_stream(layout_, x_.segments(), w_.panel(p));
    auto* const sums = reinterpret_cast<std::int32_t*>(own);
    if constexpr (weights::operand_zeros) { kernel::weight_byte_sums<weights>(stream, sums); }
    if constexpr (kernel::takes_bursts<weights>) {
      if (tokens >= 8 && stream.last_steps == stream.steps) {
        multiply_bursts(stream, x_.block(first, sums), p, rows, first, tokens, epilogue);
        return;
      }
    }
    if constexpr (kernel::takes_group_tile<weights>) {
      if (beside_products_ && (tokens >= group_tiles_from || tokens == kernel::group_tile_tokens) &&
          stream.last_steps == stream.steps) {
        multiply_tiles<group_tiles>(stream, x_.block(first, sums), p, rows, first, tokens, epilogue);
        return;
      }
    }
    bool const expanding = expands && tokens >= expand_from && !beside_products_ && can_expand() &&
                           (!keeps_sums || stream.last_steps == stream.steps);
    if constexpr (stationary_units != 0) {
      if (tokens >= 8 && !expanding && stream.last_steps == stream.steps) {
        multiply_stationary(stream, x_.block(first, sums), p, rows, first, tokens, epilogue);
        return;
      }
    }
    if constexpr (has_tall_tiles) {
      if (!expanding && tokens > tall_from && tokens <= 2 * tall_tiles::tokens) {
        multiply_tiles<tall_tiles>(stream, x_.block(first, sums), p, rows, first, tokens, epilogue);
        return;
      }
    }
    index done = 0;
    if constexpr (expands) {
      if (expanding) { done = matrix ? tokens : tokens / wide_tokens * wide_tokens; }
      if (done != 0) {
        multiply_expanded(stream, x_.template block<wide>(first, sums), p, rows, first, done,
                          own + weight_sums_bytes(), epilogue);
      }
    }
    if (done != tokens) {
      multiply_tiles<plain_tiles>(stream, x_.block(first + done, sums), p, rows, first + done, tokens - done,
                                  epilogue);
    }
  }

  /// Tiles that unpack in registers.
  template <class Tiles, class Epilogue>
  void multiply_tiles(kernel::weight_stream const& stream, kernel::token_block<weights> const& x, index p, index rows,
                      index first, index tokens, Epilogue const& epilogue) noexcept {
    constexpr int most = Tiles::tokens;
    constexpr int registers = Tiles::registers;
    constexpr index width = registers * L;
    auto w = stream;
    auto here = x;
    index size = 0;
    for (index t = 0; t < tokens; t += size) {
      size = kernel::tokens_of_tile<most>(tokens - t);
      for (index r = 0; r < rows; r += width) {
        alignas(64) float sums[static_cast<std::size_t>(most * width)];
        kernel::begin_sums<weights, registers>(w, here, r, size, sums, width);
        if (width == panel_rows && size == tokens) {
          w.ask_for_own(layout_type::step_bytes);
        } else {
          w.ask_for(w_.panel(p) + layout_.panel_bytes(), layout_.panel_bytes(), t * panel_rows + r, size * width,
                    tokens * panel_rows);
        }
        detail::unroll<most>([&](auto i) __attribute__((always_inline)) {
          if (size == i() + 1) { Tiles::template run<i() + 1>(w, here, r, sums); }
        });
        store(sums, width, p, r, smaller(rows - r, width), first + t, size, epilogue);
      }
      here.advance(size);
    }
  }

  template <class Epilogue>
  void multiply_stationary(kernel::weight_stream const& stream, kernel::token_block<weights> x, index p, index rows,
                           index first, index tokens, Epilogue const& epilogue) noexcept {
    if constexpr (stationary_units != 0) {
      constexpr index most = 64;  // tokens whose sums and activations stay in the first level cache
      constexpr int registers = stationary_units <= 4 ? 4 : 2;
      constexpr int together = stationary_units <= 4 ? 2 : 5;  // tokens, as many as leave no register over
      constexpr index width = registers * L;
      for (index t = 0; t < tokens; t += most) {
        index const n = smaller(most, tokens - t);
        for (index r = 0; r < rows; r += width) {
          alignas(64) float sums[static_cast<std::size_t>(most * width)];
          kernel::begin_sums<weights, registers>(stream, x, r, n, sums, width);
          kernel::stationary_tile<weights, stationary_units, registers, together>(stream, x, n, r, sums, width);
          store(sums, width, p, r, smaller(rows - r, width), first + t, n, epilogue);
        }
        x.advance(n);
      }
    }
  }

  template <class Epilogue>
  void multiply_bursts(kernel::weight_stream const& stream, kernel::token_block<weights> x, index p, index rows,
                       index first, index tokens, Epilogue const& epilogue) noexcept {
    if constexpr (kernel::takes_bursts<weights>) {
      constexpr index most = kernel::burst_tokens;
      index n = 0;
      for (index t = 0; t < tokens; t += n) {
        n = ceil_div(tokens - t, ceil_div(tokens - t, most));
        alignas(64) float sums[static_cast<std::size_t>(most * panel_rows)];
        for (index r = 0; r < rows; r += L) { kernel::begin_sums<weights, 1>(stream, x, r, n, sums + r * most, L); }
        kernel::burst_tile<weights>(stream, x, n, rows, sums);
        for (index r = 0; r < rows; r += L) {
          store(sums + r * most, L, p, r, smaller(rows - r, L), first + t, n, epilogue);
        }
        x.advance(n);
      }
    }
  }

  /// Linux may refuse tile registers; then all tokens take the tile of few.
  [[nodiscard]] static bool can_expand() noexcept {
    if constexpr (matrix) { return detail::tiles_allowed<A>(); }
    return true;
  }

  /// Whole tiles of tokens, times weights that are unpacked chunk by chunk.
  template <class Epilogue>
  void multiply_expanded(kernel::weight_stream const& stream, kernel::token_block<wide> x, index p, index rows,
                         index first, index tokens, std::byte* own, Epilogue const& epilogue) noexcept {
    constexpr int T = static_cast<int>(wide_tokens);
    constexpr index U = weights::units;
    constexpr index width = wide_registers * L;
    auto* const sums = reinterpret_cast<float*>(own);  // [rows / width][tokens][width]
    std::byte* const carried = own + most_tokens * panel_rows * 4;
    std::byte* const codes = carried + most_tokens * panel_rows * 4;

    auto const filled = [](index units) noexcept { return kernel::filled_units<weights>(units); };
    kernel::weight_stream w{};
    // `segments` segments from s, or if it is one, `steps` of its steps from step i.
    auto const run = [&](index s, index segments, index i, index steps, bool begins, bool ends) noexcept {
      std::byte const* const from = stream.codes + s * stream.segment_bytes + i * layout_type::step_bytes;
      index const bytes = (segments - 1) * stream.segment_bytes + steps * layout_type::step_bytes;
      bool const ready = wide::as_packed && filled(stream.steps) == stream.steps && filled(steps) == steps;
      w.segments = segments;
      w.steps = filled(stream.steps * U);
      w.last_steps = filled(steps * U);
      w.codes = ready ? from : codes;
      w.segment_bytes = ready ? stream.segment_bytes : w.steps * wide::step_bytes;
      w.params = stream.params + s * stream.param_stride;
      w.param_stride = stream.param_stride;
      w.last_params = stream.params_of(s + segments - 1);
      w.shared = stream.shared;
      w.minima = stream.minima;
      w.first = s;
      index const total_steps = (segments - 1) * w.steps + w.last_steps;
      for (index r = 0; r < rows; r += width) {
        for (index j = 0; !ready && j < segments; ++j) {
          kernel::expand<weights, wide_registers>(from + j * stream.segment_bytes, stream.params_of(s + j), r,
                                                  j + 1 < segments ? stream.steps : steps,
                                                  codes + j * w.segment_bytes);
        }
        auto here = x;
        // Of the next chunk, each step of each tile asks for its part.
        index const tiles = ceil_div(tokens, T) * (panel_rows / width);
        w.ahead_step = kernel::units_at_once<weights>(w.steps) * bytes / (tiles * total_steps);
        for (index t = 0; t < tokens; t += T) {
          index const n = smaller(index{T}, tokens - t);
          index const tile = (r / width * tokens + t) * width;
          index const part = r * tokens + t * width;
          w.ahead = from + bytes + bytes * part / (tokens * panel_rows);
          if (s == 0 && begins) { kernel::begin_sums<wide, width / L>(stream, here, r, n, sums + tile, width); }
          if (!begins) { detail::ask_for(carried + (tile + n * width) * 4, n * width * 4); }
          kernel::carry const carry{begins ? nullptr : carried + tile * 4, ends ? nullptr : carried + tile * 4};
          if constexpr (matrix) {
            kernel::matrix_tile<wide>(w, here, n, sums + tile, carry);
          } else if constexpr (keeps_sums) {
            kernel::group_tile<wide, T, wide_registers>(w, here, r, sums + tile);
          } else {
            kernel::tile<wide, T, wide_registers>(w, here, r, sums + tile, carry);
          }
          if (ends && s + segments == stream.segments) {
            store(sums + tile, width, p, r, smaller(rows - r, width), first + t, n, epilogue);
          }
          here.advance(T);
        }
      }
    };
    if constexpr (layout_type::grouped) {
      // A group longer than a chunk is there whole; one that is short, the only one, has less room than a whole one.
      index const at_once = larger(chunk_units() / filled(stream.steps * U), 1);
      for (index s = 0; s < stream.segments; s += at_once) {
        index const n = smaller(at_once, stream.segments - s);
        run(s, n, 0, s + n == stream.segments ? stream.last_steps : stream.steps, true, true);
        x.next_segments(n);
      }
    } else {
      index const most = chunk_units() / U;
      for (index s = 0; s < stream.segments; ++s) {
        index const steps = s + 1 == stream.segments ? stream.last_steps : stream.steps;
        auto const begin = x;
        for (index i = 0; i < steps; i += most) {
          index const n = smaller(most, steps - i);
          run(s, 1, i, n, i == 0, i + n == steps);
          x.data += n * layout_type::step;
        }
        x = begin;
        x.next_segments(1);
      }
    }
  }

  /// Sums of `rows` rows from row r of panel p, for tokens from `first`.
  template <class Epilogue>
  [[gnu::noinline]] void store(float const* sums, index stride, index p, index r, index rows, index first,
                               index tokens, Epilogue const& epilogue) noexcept {
    index const row = p * panel_rows + r;
    for (index t = 0; t < tokens; ++t) {
      Y* const y = y_.token(first + t) + row;
      float const scale = quantized ? x_.scale(first + t) : 1.0f;
      for (index i = 0; i < rows; i += L) {
        kernel::finish<A, quantized>(sums + t * stride + i, scale, y + i, smaller(rows - i, L), row + i, first + t,
                                     epilogue);
      }
    }
  }

  quantized_matrix_view<S> w_;
  tokens_view<Y> y_;
  layout_type layout_;
  prepared_tokens<A, S, Act, X> x_;
  bool beside_products_ = false;
  std::byte* pieces_ = nullptr;
};

}  // namespace ops
}  // namespace v0
}  // namespace octavo
