// SPDX-License-Identifier: MIT
// Packing a dense matrix whose scales are quantized themselves: floats of all groups that share, then what is stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/core/views.hpp"
#include "octavo/kernel/panel_encoder.hpp"
#include "octavo/kernel/stage.hpp"
#include "octavo/storage/panel_writer.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Packs panels of one matrix by a two_level quantizer: first what groups are fitted to, then what those that share
/// store, then codes. Panels are independent of each other. Numbers are read twice, where the law is built in by
/// vectors: lanes are rows.
template <class A, class S, class T>
class two_level_packer {
  using layout_type = panel_layout<S>;
  using Q = typename S::quantizer;
  using base = typename Q::base_quantizer;
  using encoder = panel_encoder<A, S, base>;
  using params = typename encoder::params;
  static constexpr bool by_matrix = detail::is_per_tensor<typename Q::scale_granularity>;
  static constexpr bool vectors = vector_quantizer<base> && !std::is_same_v<A, scalar>;
  using tracker = range_tracker<A, base>;
  static constexpr int L = simd::lanes<A>;
  static constexpr int registers = simd::panel_registers<A>;

 public:
  two_level_packer(matrix_view<T> const& weights, layout_type const& layout, std::byte* out) noexcept
      : weights_(weights), source_(weights), layout_(layout), out_(out) {}

  /// Of one piece of work: the values of a group of all rows, then scales and minima of those that share.
  [[nodiscard]] index scratch_floats() const noexcept {
    return group_floats() + 2 * product(panel_rows + index{layout_type::sharing_rows}, sharing());
  }
  /// Of begin(): scales and minima of all groups, if all of them share.
  [[nodiscard]] index shared_floats() const noexcept {
    return by_matrix ? product(layout_.rows, layout_.groups(), 2) : 0;
  }

  /// What all rows share, if they do: of the scales that are numbers.
  void begin([[maybe_unused]] float* scales, [[maybe_unused]] float* room) const {
    if constexpr (by_matrix) {
      float* const drops = scales + layout_.rows * layout_.groups();
      ends_of_rows const ends{room + group_floats(), room + group_floats() + panel_rows};
      for (index p = 0; p < layout_.panels(); ++p) {
        for (index g = 0; g < layout_.groups(); ++g) {
          fit(p, g, room, ends);
          for (index row = 0; row < smaller(panel_rows, layout_.rows - p * panel_rows); ++row) {
            scales[(p * panel_rows + row) * layout_.groups() + g] = ends.scales[row];
            drops[(p * panel_rows + row) * layout_.groups() + g] = ends.drops[row];
          }
        }
      }
      index n = 0;
      for (index i = 0; i < layout_.rows * layout_.groups(); ++i) {
        if (!detail::is_finite(scales[i])) { continue; }
        scales[n] = scales[i];
        drops[n++] = drops[i];
      }
      shared_ = Q::share(scales, drops, n);
    }
  }

  void panels(index from, index to, float* room) const noexcept {
    float* const shared = room + group_floats();
    for (index p = from; p < to; ++p) {
      std::byte* const panel = out_ + p * layout_.panel_bytes();
      std::memset(panel, 0, static_cast<std::size_t>(layout_.panel_bytes()));
      for (index g = 0; g < layout_.groups(); g += sharing()) {
        index const n = smaller(sharing(), layout_.groups() - g);
        ends_of_rows const ends{shared, shared + n * panel_rows};
        for (index i = 0; i < n; ++i) { fit(p, g + i, room, ends.of_group(i)); }
        for (index row = 0; row < smaller(panel_rows, layout_.rows - p * panel_rows);
             row += layout_type::sharing_rows) {
          settle(p, row, g, n, ends, shared + 2 * n * panel_rows);
        }
        for (index i = 0; i < n; ++i) { encode(p, g + i, room, ends.of_group(i)); }
      }
    }
  }

 private:
  /// [group][row] of scales and minima times -1; then, where vectors encode, of what encode_lanes takes.
  struct ends_of_rows {
    float* scales;
    float* drops;

    [[nodiscard]] ends_of_rows of_group(index i) const noexcept {
      return {scales + i * panel_rows, drops + i * panel_rows};
    }
  };

  [[nodiscard]] index sharing() const noexcept {
    return layout_type::sharing_groups != 0 ? index{layout_type::sharing_groups} : layout_.groups();
  }
  [[nodiscard]] index group_floats() const noexcept {
    return product(smaller(layout_.group(), layout_.cols), vectors ? panel_rows : 1);
  }

  /// The values of a group of one row to `room`.
  void load(index r, index g, float* room) const noexcept {
    for (index k = 0; k < layout_.group_length(g); ++k) { room[k] = weights_(r, g * layout_.group() + k); }
  }

  /// The unrounded ends of group g of all rows of a panel.
  void fit(index p, index g, float* room, ends_of_rows const& to) const noexcept {
    index const rows = smaller(panel_rows, layout_.rows - p * panel_rows);
    if constexpr (vectors) {
      tracker ranges[static_cast<std::size_t>(registers)];
      source_.template track<true>(p, g * layout_.group(), layout_.group_length(g), room, ranges);
      typename tracker::seen all{};
      for (index row = 0; row < rows; ++row) {
        index const lane = row % L;
        if (lane == 0) { ranges[row / L].store(all); }
        auto const ends = Q::fit({all.bits[lane], all.low[lane], all.high[lane], all.farthest[lane]});
        to.scales[row] = ends.scale;
        to.drops[row] = ends.drop;
      }
    } else {
      for (index row = 0; row < rows; ++row) {
        load(p * panel_rows + row, g, room);
        auto const ends = Q::fit(room, room + layout_.group_length(g));
        to.scales[row] = ends.scale;
        to.drops[row] = ends.drop;
      }
    }
  }

  /// What the rows from `first` of a panel that share store for groups [g, g + n).
  void settle(index p, index first, index g, index n, ends_of_rows const& ends, float* room) const noexcept {
    detail::panel_writer<S> const writer(layout_, out_ + p * layout_.panel_bytes());
    index const end = smaller(first + layout_type::sharing_rows, layout_.rows - p * panel_rows);
    float* const drops = room + layout_type::sharing_rows * n;
    bool finite = true;
    index count = 0;
    for (index row = first; row < end; ++row) {
      for (index i = 0; i < n; ++i, ++count) {
        room[count] = ends.of_group(i).scales[row];
        drops[count] = ends.of_group(i).drops[row];
        finite = finite && detail::is_finite(room[count]);
      }
    }
    auto const shared = by_matrix && finite ? shared_ : Q::share(room, drops, count);
    count = 0;
    for (index row = first; row < end; ++row) {
      for (index i = 0; i < n; ++i, ++count) {
        auto const stored = Q::settle({room[count], drops[count]}, shared);
        writer.put_params(row, g + i, stored);
        ends.of_group(i).scales[row] = stored.inverse;
        if constexpr (has_minimum<Q>) { ends.of_group(i).drops[row] = Q::minimum(stored); }
        if constexpr (!vectors) { encode_row(writer, p * panel_rows + row, g + i, stored); }
      }
    }
  }

  /// Codes of group g of all rows of a panel, of which settle has left what encode_lanes takes.
  void encode(index p, index g, float* room, ends_of_rows const& settled) const noexcept {
    index const rows = smaller(panel_rows, layout_.rows - p * panel_rows);
    std::byte* const panel = out_ + p * layout_.panel_bytes();
    if constexpr (vectors) {
      params in_lanes;
      for (index row = 0; row < panel_rows; ++row) {
        auto of_row = encoder::zero_params();
        if (row < rows) {
          of_row.inverse = settled.scales[row];
          if constexpr (has_minimum<base>) { of_row.minimum = settled.drops[row]; }
        }
        in_lanes.put_row(row, of_row);
      }
      index const length = layout_.group_length(g);
      runs_ahead<T> nothing(weights_.data(), 1, 0, 0);
      encoder::encode(source_.columns(p, g * layout_.group(), length, room), length, in_lanes,
                      panel + layout_.codes_at(g), false, nothing);
    } else {
      detail::panel_writer<S> const writer(layout_, panel);
      for (index row = rows; row < panel_rows; ++row) { writer.put_padding(row, g, 0); }
    }
  }
  void encode_row(detail::panel_writer<S> const& writer, index r, index g,
                  typename Q::params const& p) const noexcept {
    for (index k = 0; k < layout_.group_length(g); ++k) {
      writer.put_code(layout_.at(r % panel_rows, g, k), Q::encode(weights_(r, g * layout_.group() + k), p));
    }
    writer.put_padding(r % panel_rows, g, layout_.group_length(g));
  }

  matrix_view<T> weights_;
  panel_source<A, T> source_;
  layout_type layout_;
  std::byte* out_;
  mutable typename Q::shared shared_{};
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
