// SPDX-License-Identifier: MIT
// Packing a dense matrix into panels: parameters of a group, then its codes; by vectors where the law is built in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "octavo/core/views.hpp"
#include "octavo/kernel/activations.hpp"
#include "octavo/storage/panel_writer.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Packs panels of one matrix. Panels are independent of each other.
template <class A, class S, class T>
class packer {
  using layout_type = panel_layout<S>;
  using Q = typename S::quantizer;
  using F = typename Q::format;
  using params = typename Q::params;
  static constexpr bool per_tensor_scale = detail::is_per_tensor<typename S::granularity>;
  static constexpr bool vectors = vector_quantizer<Q> && !layout_type::by_column && !per_tensor_scale;
  static constexpr code_planes planes = layout_type::planes;
  static constexpr int L = simd::lanes<A>;
  static constexpr int registers = simd::panel_registers<A>;

 public:
  packer(matrix_view<T> const& weights, layout_type const& layout, std::byte* out) noexcept
      : weights_(weights), layout_(layout), out_(out) {}

  [[nodiscard]] index scratch_floats() const noexcept {
    if constexpr (vectors) { return streams() ? layout_.group() * panel_rows : 0; }
    if constexpr (per_tensor_scale) { return product(layout_.rows, layout_.cols); }
    return layout_type::by_column ? layout_.rows : layout_.group();
  }

  /// What all panels share: the params of a tensor, or those of the columns.
  void begin(float* room) const {
    if constexpr (per_tensor_scale) {
      for (index r = 0; r < layout_.rows; ++r) {
        for (index c = 0; c < layout_.cols; ++c) { room[r * layout_.cols + c] = weights_(r, c); }
      }
      shared_ = detail::calibrate<Q>(room, layout_.rows * layout_.cols);
    } else if constexpr (layout_type::by_column) {
      auto* const scales = reinterpret_cast<float*>(out_ + layout_.panels() * layout_.panel_bytes());
      auto* const zeros = reinterpret_cast<std::int32_t*>(scales + layout_.cols);
      for (index c = 0; c < layout_.cols; ++c) {
        auto const p = column_params(c, room);
        scales[c] = Q::scale(p);
        zeros[c] = zero_of<Q>(p);
      }
    }
  }

  /// Packs panels [from, to), up to 16 at a time, group by group.
  void panels(index from, index to, float* room) const noexcept {
    for (index block = from; block < to; block += at_once) {
      index const end = smaller(block + at_once, to);
      if constexpr (!vectors) {
        for (index p = block; p < end; ++p) {
          std::memset(out_ + p * layout_.panel_bytes(), 0, static_cast<std::size_t>(layout_.panel_bytes()));
        }
      }
      for (index g = 0; g < layout_.groups(); ++g) {
        index p = block;
        if constexpr (vectors) {
          index const full = smaller(end, layout_.rows / panel_rows);
          for (; streams() && p < full; ++p) { group_by_copy(p, g, room); }
        }
        for (; p < end; ++p) { group(p, g, room); }
      }
    }
  }

 private:
  void group(index p, index g, float* room) const noexcept {
    std::byte* const to = out_ + p * layout_.panel_bytes();
    index const rows = smaller(panel_rows, layout_.rows - p * panel_rows);
    if constexpr (vectors) {
      if (weights_.row_stride() == 1 && rows == panel_rows) {
        group_by_vectors<true>(p, g, rows, to);
      } else {
        group_by_vectors<false>(p, g, rows, to);
      }
    } else {
      group_by_scalars(p, g, rows, to, room);
      if constexpr (layout_type::by_column) { codes_by_column(p, rows, to, room); }
    }
  }

  // ---- vectors: lanes are rows ----

  /// L rows from `row` of the panel at column c; lanes beyond `rows` hold 0.
  template <bool Contiguous>
  [[nodiscard, gnu::always_inline]] simd::floats<A> load(index p, index row, index rows, index c) const noexcept {
    T const* const from = weights_.at(p * panel_rows + row, c);
    if constexpr (Contiguous) {
      return simd::load_as_floats<A>(from);
    } else {
      float values[static_cast<std::size_t>(L)];
      for (index i = 0; i < L; ++i) {
        values[i] = row + i < rows ? static_cast<float>(from[i * weights_.row_stride()]) : 0.0f;
      }
      return simd::load_floats<A>(values);
    }
  }

  /// Panels that take turns at a group: of a column-major matrix they share the pages of its columns.
  static constexpr index at_once = 16;

  /// Short groups of a column-major matrix are read once and kept as floats until they are encoded: columns that are a
  /// power of two apart share few cache sets, so even a short group would come from memory twice.
  [[nodiscard]] bool streams() const noexcept { return weights_.row_stride() == 1 && layout_.group() <= 512; }

  void group_by_copy(index p, index g, float* room) const noexcept {
    index const first = g * layout_.group();
    index const length = layout_.group_length(g);
    range_tracker<A, Q> ranges[static_cast<std::size_t>(registers)];
    for (index k = 0; k < length; ++k) {
      index const ahead = smaller(first + k + 8, layout_.cols - 1);
      auto const* const line = reinterpret_cast<char const*>(weights_.at(p * panel_rows, ahead));
      for (index b = 0; b < panel_rows * static_cast<index>(sizeof(T)); b += 64) { __builtin_prefetch(line + b); }
      for (int r = 0; r < registers; ++r) {
        auto const x = load<true>(p, r * L, panel_rows, first + k);
        ranges[r].add(x);
        x.store_unaligned(room + k * panel_rows + r * L);
      }
    }
    for (int r = 0; r < registers; ++r) {
      encode_register(
          [ room, r ](index k)
              __attribute__((always_inline)) { return simd::load_floats<A>(room + k * panel_rows + r * L); },
          ranges[r], r * L, g, out_ + p * layout_.panel_bytes());
    }
  }

  template <bool Contiguous>
  void group_by_vectors(index p, index g, index rows, std::byte* to) const noexcept {
    index const first = g * layout_.group();
    index const length = layout_.group_length(g);
    range_tracker<A, Q> ranges[static_cast<std::size_t>(registers)];
    for (index k = 0; k < length; ++k) {
      for (int r = 0; r < registers; ++r) { ranges[r].add(load<Contiguous>(p, r * L, rows, first + k)); }
    }
    for (int r = 0; r < registers; ++r) {
      encode_register(
          [&](index k) __attribute__((always_inline)) { return load<Contiguous>(p, r * L, rows, first + k); },
          ranges[r], r * L, g, to);
    }
  }

  /// Parameters and codes of L rows from `row` in group g; value(k) gives their floats at position k of the group.
  template <class Values>
  [[gnu::always_inline]] void encode_register(Values const& value, range_tracker<A, Q> const& range, index row,
                                              index g, std::byte* panel) const noexcept {
    index const length = layout_.group_length(g);
    std::byte* const codes = panel + layout_.codes_at(g);
    detail::panel_writer<S> const writer(layout_, panel);
    params group[static_cast<std::size_t>(L)];
    range.params(group);
    float inverses[static_cast<std::size_t>(L)];
    std::int32_t zeros[static_cast<std::size_t>(L)];
    for (int i = 0; i < L; ++i) {
      writer.put_params(row + i, g, group[i]);
      inverses[i] = group[i].inverse;
      zeros[i] = zero_of<Q>(group[i]);
    }
    auto const inverse = simd::load_floats<A>(inverses);
    auto const zero = simd::load_ints<A>(zeros);
    // A packed code is integer - lowest, because consecutive integers are stored so.
    simd::ints<A> const lowest(lattice<F>.lowest);
    for (index k = 0; k < length; k += layout_type::step) {
      simd::ints<A> low[static_cast<std::size_t>(planes.low_words())];
      for (auto& word : low) { word = simd::ints<A>(0); }
      simd::ints<A> high(0);
      index const present = smaller(layout_type::step, length - k);
      auto const put = [&](auto kk, simd::ints<A> integer) __attribute__((always_inline)) {
        constexpr int quad = kk() / 4;
        constexpr int byte = kk() % 4 * 8;
        constexpr int low_quads = 8 / planes.low;
        auto const code = integer - lowest;
        auto const kept = planes.high() == 0 ? code : simd::bit_and<A>(code, (1u << planes.low) - 1);
        auto& word = low[quad / low_quads];
        word = simd::bit_or<A>(word, simd::shift_left<byte + quad % low_quads * planes.low, A>(kept));
        if constexpr (planes.high() != 0) {
          auto const above = simd::shift_right<planes.low, A>(code);
          high = simd::bit_or<A>(high, simd::shift_left<byte + quad * planes.high(), A>(above));
        }
      };
      if (present == layout_type::step) {
        detail::unroll<static_cast<int>(layout_type::step)>([&](auto kk) __attribute__((always_inline)) {
          put(kk, encode_integers<A, Q>(value(k + kk()), inverse, zero));
        });
      } else {
        detail::unroll<static_cast<int>(layout_type::step)>([&](auto kk) __attribute__((always_inline)) {
          auto integer = padding();
          if (kk() < present) { integer = encode_integers<A, Q>(value(k + kk()), inverse, zero); }
          put(kk, integer);
        });
      }
      std::byte* const to = codes + k / layout_type::step * layout_type::step_bytes;
      auto const word_at = [&](index byte) __attribute__((always_inline)) {
        return reinterpret_cast<std::int32_t*>(to + byte);
      };
      detail::unroll<planes.low_words()>([&](int w) __attribute__((always_inline)) {
        low[w].store_unaligned(word_at(w * layout_type::word_bytes + row * 4));
      });
      if constexpr (planes.high() != 0) {
        auto* const where =
            word_at(planes.low_words() * layout_type::word_bytes + row / 16 / planes.sharing() * 64 + row % 16 * 4);
        // The second of two vectors that share bytes comes after the first.
        if (row / 16 % planes.sharing() != 0) {
          high = simd::bit_or<A>(simd::shift_left<4, A>(high), simd::load_ints<A>(where));
        }
        high.store_unaligned(where);
      }
    }
  }
  [[nodiscard]] static simd::ints<A> padding() noexcept {
    return simd::ints<A>(static_cast<int>(F::decode(zero_code<F>)));
  }

  // ---- scalars: any quantizer ----

  void group_by_scalars(index p, index g, index rows, std::byte* to, float* room) const noexcept {
    detail::panel_writer<S> const writer(layout_, to);
    index const first = g * layout_.group();
    index const length = layout_.group_length(g);
    for (index row = 0; row < panel_rows; ++row) {
      if (row >= rows) {
        writer.put_padding(row, g, 0);
        continue;  // scale 0 (or params of zero bytes) as allocated
      }
      writer.put_padding(row, g, length);
      if constexpr (layout_type::by_column) {
        float const one = 1.0f;
        std::memcpy(to + layout_.params_at(g) + row * 4, &one, sizeof one);
      } else {
        params group;
        if constexpr (per_tensor_scale) {
          group = shared_;
        } else {
          for (index k = 0; k < length; ++k) { room[k] = weights_(p * panel_rows + row, first + k); }
          group = detail::calibrate<Q>(room, length);
        }
        writer.put_params(row, g, group);
        for (index k = 0; k < length; ++k) {
          writer.put_code(layout_.at(row, g, k), Q::encode(weights_(p * panel_rows + row, first + k), group));
        }
      }
    }
  }

  [[nodiscard]] params column_params(index c, float* room) const noexcept {
    for (index r = 0; r < layout_.rows; ++r) { room[r] = weights_(r, c); }
    return detail::calibrate<Q>(room, layout_.rows);
  }
  void codes_by_column(index p, index rows, std::byte* to, float* room) const noexcept {
    detail::panel_writer<S> const writer(layout_, to);
    for (index c = 0; c < layout_.cols; ++c) {
      auto const group = column_params(c, room);
      for (index row = 0; row < rows; ++row) {
        writer.put_code(layout_.at(row, c), Q::encode(weights_(p * panel_rows + row, c), group));
      }
    }
  }

  matrix_view<T> weights_;
  layout_type layout_;
  std::byte* out_;
  mutable params shared_{};
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
