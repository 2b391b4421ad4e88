// SPDX-License-Identifier: MIT
// Unpacking panels into a dense matrix: the values that codes and parameters stand for, lanes are rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/core/ask_for.hpp"
#include "octavo/core/unroll.hpp"
#include "octavo/kernel/columns_as_rows.hpp"
#include "octavo/kernel/float_weights.hpp"
#include "octavo/kernel/scales.hpp"
#include "octavo/storage/quantized_matrix.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Writes panels of a matrix of scheme S as T (float, bf16, f16): element (r, c) to
/// out[r * row_stride + c * col_stride]. Panels are independent of each other.
template <class A, class S, class T>
class unpacker {
  using layout_type = panel_layout<S>;
  using decoder = value_decoder<A, layout_type>;
  using floats = simd::floats<A>;
  static constexpr int L = simd::lanes<A>;
  static constexpr int registers = simd::panel_registers<A>;
  /// Columns that are floats at a time: they stay in the first level cache.
  static constexpr index some_columns = 64;

 public:
  unpacker(quantized_matrix_view<S> const& from, T* out, index row_stride, index col_stride) noexcept
      : from_(from), layout_(from.layout()), out_(out), row_stride_(row_stride), col_stride_(col_stride) {
    if constexpr (std::is_same_v<T, float> && simd::has_stream<A>) {
      constexpr auto line = static_cast<index>(sizeof(floats)) / 4;
      index const far = row_stride == 1 ? col_stride : row_stride;
      bool const whole = reinterpret_cast<std::uintptr_t>(out) % sizeof(floats) == 0 && far % line == 0;
      bool const in_lines = layout_.groups() == 1 || layout_.group() % line == 0;
      bool const lines = row_stride == 1 || (col_stride == 1 && L == 16 && in_lines);
      streams_ = whole && lines && layout_.rows > large / 4 / layout_.cols;
    }
  }

  void panels(index from, index to) const noexcept {
    alignas(64) float room[static_cast<std::size_t>(some_columns * panel_rows)];
    // Panels take turns at a few columns where these are apart: they share pages.
    index const together = col_stride_ == 1 ? 1 : 16;
    for (index block = from; block < to; block += together) {
      index const end = smaller(block + together, to);
      for (index g = 0; g < layout_.groups(); ++g) {
        index const length = layout_.group_length(g);
        for (index k = 0; k < length; k += some_columns) {
          for (index p = block; p < end; ++p) { part(p, g, k, smaller(some_columns, length - k), room); }
        }
      }
    }
    if (streams_) { simd::finish_streams<A>(); }
  }

 private:
  /// n columns from k of group g of panel p.
  void part(index p, index g, index k, index n, float* room) const noexcept {
    index const rows = smaller(panel_rows, layout_.rows - p * panel_rows);
    index const column = g * layout_.group() + k;
    T* const to = out_ + p * panel_rows * row_stride_ + column * col_stride_;
    if (k == 0 && g + 1 < layout_.groups()) {  // params are read before the codes that they stand behind
      detail::ask_for(from_.panel(p) + layout_.params_at(g + 1), layout_type::param_bytes);
    }
    for (int r = 0; r < registers; ++r) { decode(p, g, k, n, r * L, room + r * L); }
    if (row_stride_ == 1 && rows == panel_rows) {
      for (index i = 0; i < n; ++i) {
        detail::unroll<registers>([&](int r) __attribute__((always_inline)) {
          store(to + i * col_stride_ + r * L, simd::load_floats<A>(room + i * panel_rows + r * L));
        });
      }
    } else if (col_stride_ == 1) {
      for (index row = 0; row < rows; row += L) {
        transpose(room + row, smaller(index{L}, rows - row), n, to + row * row_stride_);
      }
    } else {
      for (index i = 0; i < n; ++i) {
        for (index row = 0; row < rows; ++row) {
          to[row * row_stride_ + i * col_stride_] = T(room[i * panel_rows + row]);
        }
      }
    }
  }

  /// The values of L rows, n columns, as floats.
  void decode(index p, index g, index k, index n, index row, float* to) const noexcept {
    decoder const values;
    std::byte const* const panel = from_.panel(p);
    std::byte const* const params = panel + layout_.params_at(g);
    std::byte const* const shared = panel + layout_type::shared_at(g);
    auto const group = decoder::load_group(params, row);
    floats scale(1.0f);
    floats minimum(0.0f);
    if constexpr (layout_type::linear && !layout_type::by_column) {
      scale = load_stored_scales<A, layout_type>(params, shared, row);
    }
    if constexpr (layout_type::minima) {
      minimum = load_stored_minima<A, layout_type>(panel + layout_.minima_at(g), params, shared, row);
    }
    auto const value = [&](auto kk, auto const& step, [[maybe_unused]] index at) __attribute__((always_inline)) {
      auto const v = values.template get<kk()>(step, group);
      if constexpr (layout_type::by_column) {
        index const c = g * layout_.group() + k + at + kk();
        auto const zero = floats(static_cast<float>(from_.column_zeros()[c]));
        return floats(from_.column_scales()[c]) * (v - zero);
      } else if constexpr (layout_type::minima) {
        return simd::fused<A>(scale, v, minimum);
      } else if constexpr (layout_type::linear) {
        return scale * v;
      } else {
        return v;
      }
    };
    constexpr auto step_size = static_cast<int>(layout_type::step);
    std::byte const* from = panel + layout_.codes_at(g) + k / step_size * layout_type::step_bytes + row * 4;
    for (index i = 0; i < n; i += step_size) {
      typename decoder::packed const step(from, row);
      from += layout_type::step_bytes;
      index const there = n - i;
      if constexpr (decoder::row_tables) {
        detail::unroll<step_size / 8>([&](auto e) __attribute__((always_inline)) {
          floats eight[8];
          values.template get_eight<e()>(step, group, eight);
          for (index kk = 0; kk < 8 && 8 * e() + kk < there; ++kk) {
            eight[kk].store_unaligned(to + (i + 8 * e() + kk) * panel_rows);
          }
        });
      } else {
        detail::unroll<step_size>([&](auto kk) __attribute__((always_inline)) {
          if (kk() < there) { value(kk, step, i).store_unaligned(to + (i + kk()) * panel_rows); }
        });
      }
    }
  }

  [[gnu::always_inline]] void store(T* to, floats x) const noexcept {
    if constexpr (std::is_same_v<T, float>) {
      if (streams_) {
        simd::stream<A>(to, x);
        return;
      }
    }
    simd::store_from_floats<A>(to, x);
  }

  void transpose(float const* from, index rows, index n, T* to) const noexcept {
    columns_as_rows<A, panel_rows>(
        from, rows, n, [&](index i, index k, floats x, index there) __attribute__((always_inline)) {
          if (there == L && rows == L) {
            store(to + i * row_stride_ + k, x);
          } else {
            simd::store_first<A>(to + i * row_stride_ + k, x, there);
          }
        });
  }

  quantized_matrix_view<S> from_;
  layout_type layout_;
  T* out_;
  index row_stride_;
  index col_stride_;
  /// Floats beyond this go to memory past the caches, if they are whole lines.
  static constexpr index large = index{16} << 20;
  bool streams_ = false;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
