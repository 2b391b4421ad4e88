// SPDX-License-Identifier: MIT
// Packing a dense matrix into panels: parameters of a group, then its codes; by vectors where the law is built in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "octavo/core/views.hpp"
#include "octavo/kernel/codebook_search.hpp"
#include "octavo/kernel/panel_encoder.hpp"
#include "octavo/simd/ordered_sum.hpp"
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
  /// octavo::scalar has nothing to gain from emulated lanes: there the scalar law is what runs.
  static constexpr bool encodes = vector_quantizer<Q> && !std::is_same_v<A, scalar>;
  static constexpr bool vectors = encodes && !layout_type::by_column;
  static constexpr bool tracks_tensor = vectors && tracks_range<Q>;
  /// Sums have the order of rows.
  static constexpr bool sums_tensor = vectors && detail::is_absmean<Q>;
  static constexpr index rows_turned = 16;
  static constexpr int L = simd::lanes<A>;
  static constexpr int registers = simd::panel_registers<A>;

 public:
  packer(matrix_view<T> const& weights, layout_type const& layout, std::byte* out) noexcept
      : weights_(weights),
        source_(weights),
        layout_(layout),
        out_(out),
        streams_(simd::has_stream<A> && reinterpret_cast<std::uintptr_t>(out) % alignment == 0 &&
                 layout.panels() * layout.panel_bytes() > large) {}

  /// Of one piece of work.
  [[nodiscard]] index scratch_floats() const noexcept {
    if constexpr (vectors) { return product(staged(), panel_rows) + row_floats(); }
    if constexpr (encodes) { return larger(more_columns * panel_rows, tracks_lanes<Q> ? 0 : layout_.rows); }
    return layout_type::by_column ? larger(layout_.rows, 0) : layout_.group();
  }
  /// Of begin(), for all of them: a copy of a tensor that is calibrated as a whole, or the params of columns.
  [[nodiscard]] index shared_floats() const noexcept {
    if constexpr (per_tensor_scale) {
      if constexpr (sums_tensor) { return product(round_up(layout_.cols, panel_rows), rows_turned); }
      return tracks_tensor || whole_tensor() ? 0 : product(layout_.rows, layout_.cols);
    }
    constexpr index of_column = ceil_div(static_cast<index>(sizeof(params)), index{4}) + (encodes ? 2 : 0);
    return layout_type::by_column ? product(round_up(layout_.cols, panel_rows), of_column) : 0;
  }

  /// What all panels share: the params of a tensor, or those of the columns.
  void begin([[maybe_unused]] float* shared, [[maybe_unused]] float* room) const {
    if constexpr (per_tensor_scale) {
      shared_ = tensor_params(shared, room);
    } else if constexpr (layout_type::by_column) {
      index const wide = round_up(layout_.cols, panel_rows);
      columns_ = reinterpret_cast<params*>(shared + (encodes ? 2 * wide : 0));
      if constexpr (encodes) { in_columns_ = {shared, reinterpret_cast<std::int32_t*>(shared + wide)}; }
      if constexpr (encodes && tracks_lanes<Q>) {
        columns_by_vectors(room);
      } else {
        for (index c = 0; c < layout_.cols; ++c) {
          for (index r = 0; r < layout_.rows; ++r) { room[r] = weights_(r, c); }
          put_column(c, detail::calibrate<Q>(room, layout_.rows));
        }
      }
    }
  }

  /// Packs panels [from, to), group by group.
  void panels(index from, index to, float* room) const noexcept {
    if constexpr (vectors) {
      for (index p = from; p < to; p += at_once()) {
        index const end = smaller(p + at_once(), to);
        if (layout_.group() > longest_staged) {
          for (index g = 0; g < layout_.groups(); ++g) { long_group(p, end, g, room); }
        } else {
          for (index g = 0; g < layout_.groups(); g += groups_at_once()) { groups(p, end, g, room); }
        }
      }
      if (streams_) { simd::finish_streams<A>(); }
    } else if constexpr (encodes) {
      index const whole = smaller(to, layout_.rows / panel_rows);
      for (index p = from; p < whole; p += at_once()) { panels_by_column(p, smaller(p + at_once(), whole), room); }
      if (streams_) { simd::finish_streams<A>(); }
      panels_by_scalars(larger(from, whole), to, room);
    } else {
      panels_by_scalars(from, to, room);
    }
  }

 private:
  // ---- vectors: lanes are rows ----

  /// Panels that take turns at a few columns: those of a column-major matrix share the pages of its columns.
  static constexpr index most_at_once = 32;
  [[nodiscard]] index at_once() const noexcept { return source_.by_rows() ? 1 : most_at_once; }

  /// More bytes than these are not read again soon: they go past the caches.
  static constexpr index large = index{4} << 20;

  /// Groups become floats, which stay in a near cache until they are encoded: columns that are a power of two apart
  /// share few cache sets, so that even a short group would come from memory twice. Only longer groups do, a few
  /// columns of all panels first. Rows give twice as many columns at a time, since memory likes long runs.
  static constexpr index some_columns = 64;
  static constexpr index few_columns = 4;
  static constexpr index longest_staged = 512;
  [[nodiscard]] index groups_at_once() const noexcept {
    return larger((source_.by_rows() ? 2 : 1) * some_columns / layout_.group(), 1);
  }
  [[nodiscard]] index staged() const noexcept {
    return smaller(layout_.group() > longest_staged ? some_columns : layout_.group(), layout_.cols);
  }
  /// Floats of a row whose params come one by one.
  [[nodiscard]] index row_floats() const noexcept {
    return tracks_lanes<Q> || per_tensor_scale ? 0 : smaller(layout_.group(), layout_.cols);
  }

  using encoder = panel_encoder<A, S, Q>;
  using panel_params = typename encoder::params;

  using tracker = range_tracker<A, Q>;
  using trackers = tracker[static_cast<std::size_t>(registers)];

  /// The groups from g that are staged together.
  void groups(index from, index to, index g, float* room) const noexcept {
    index const first = g * layout_.group();
    index const end = smaller(g + groups_at_once(), layout_.groups());
    index const n = smaller(groups_at_once() * layout_.group(), layout_.cols - first);
    panel_params in_lanes;
    for (index p = from; p < to; ++p) {
      runs_ahead<T> ahead = p + 1 < to ? source_.ahead(p + 1, first, n) : next_columns(from, to, first + n);
      for (index i = g; i < end; ++i) {
        index const at = i * layout_.group();
        index const length = layout_.group_length(i);
        staged_columns values;
        if constexpr (per_tensor_scale || !tracks_lanes<Q>) {
          values = source_.columns(p, at, length, room);
          params_by_scalars(p, i, values, room + staged() * panel_rows, in_lanes);
        } else {
          trackers ranges;
          values = source_.track_columns(p, at, length, room, ranges);
          params_by_vectors(p, i, ranges, in_lanes);
        }
        encoder::encode(values, length, in_lanes, out_ + p * layout_.panel_bytes() + layout_.codes_at(i), streams_,
                        ahead);
      }
    }
  }
  /// What comes after the columns before `first` of panels [from, to).
  [[nodiscard]] runs_ahead<T> next_columns(index from, index to, index first) const noexcept {
    index const n = groups_at_once() * layout_.group();
    return first < layout_.cols ? source_.ahead(from, first, smaller(n, layout_.cols - first))
                                : source_.ahead(to, 0, smaller(n, layout_.cols));
  }

  /// One that comes from memory twice.
  void long_group(index from, index to, index g, float* room) const noexcept {
    index const first = g * layout_.group();
    index const length = layout_.group_length(g);
    panel_params in_lanes[static_cast<std::size_t>(most_at_once)];
    if constexpr (per_tensor_scale || !tracks_lanes<Q>) {
      for (index p = from; p < to; ++p) {
        params_by_scalars(p, g, {}, room + staged() * panel_rows, in_lanes[p - from]);
      }
    } else {
      trackers ranges[static_cast<std::size_t>(most_at_once)];
      track_panels(source_, from, to, first, length, room, ranges);
      for (index p = from; p < to; ++p) { params_by_vectors(p, g, ranges[p - from], in_lanes[p - from]); }
    }
    bool const by_rows = source_.by_rows();  // these are in a near cache
    runs_ahead<T> ahead = by_rows ? source_.ahead(to, first, length) : source_.ahead(from, first, some_columns);
    for (index k = 0; k < length; k += some_columns) {
      index const n = smaller(some_columns, length - k);
      for (index p = from; p < to; ++p) {
        if (!by_rows) {
          ahead = p + 1 < to ? source_.ahead(p + 1, first + k, n)
                             : source_.ahead(from, first + k + n, smaller(some_columns, length - k - n));
        }
        encoder::encode(
            source_.columns(p, first + k, n, room), n, in_lanes[p - from],
            out_ + p * layout_.panel_bytes() + layout_.codes_at(g) + k / layout_type::step * layout_type::step_bytes,
            streams_, ahead);
      }
    }
  }

  static void track_panels(panel_source<A, T> const& source, index from, index to, index first, index length,
                           float* room, trackers* ranges) noexcept {
    index const most = !source.by_rows() ? few_columns : tracks_range<Q> ? length : some_columns;
    for (index k = 0; k < length; k += most) {
      index const n = smaller(most, length - k);
      for (index p = from; p < to; ++p) {
        if (!source.by_rows()) {
          runs_ahead<T> next = source.ahead(p, first + k + n, smaller(n, length - k - n));
          next.ask(next.left());
        }
        source.template track<!tracks_range<Q>>(p, first + k, n, room, ranges[p - from]);
      }
    }
  }

  void params_by_vectors(index p, index g, tracker const* ranges, panel_params& out) const noexcept {
    std::byte* const to = out_ + p * layout_.panel_bytes() + layout_.params_at(g);
    for (int r = 0; r < registers; ++r) {
      auto const lanes = ranges[r].lanes();
      out.put(r, lanes);
      store_params(to, r * L, lanes);
    }
    if constexpr (layout_type::zero_points && lattice<F>.lowest != 0) {  // rows that do not exist: bytes of zero
      index const rows = smaller(panel_rows, layout_.rows - p * panel_rows);
      std::memset(to + layout_type::scale_bytes + rows, 0, static_cast<std::size_t>(panel_rows - rows));
    }
  }

  /// As panel_writer::put_params, for L rows from `row`.
  [[gnu::always_inline]] static void store_params(std::byte* to, index row, lane_params<A, Q> const& p) noexcept {
    using scale_type = typename layout_type::scale_type;
    constexpr auto size = static_cast<index>(sizeof(scale_type));
    store_scales<A, scale_type>(to + row * size, p.scale);
    if constexpr (layout_type::zero_points) {
      simd::store_unsigned_bytes<A>(to + layout_type::scale_bytes + row, p.zero - simd::ints<A>(lattice<F>.lowest));
    }
    if constexpr (layout_type::minima) {
      store_scales<A, scale_type>(to + layout_type::scale_bytes + row * size, p.minimum);
    }
  }

  /// Params of one row after the other, from `values`, or from the matrix where these are null.
  void params_by_scalars(index p, index g, staged_columns values, float* row_room, panel_params& out) const noexcept {
    std::byte* const panel = out_ + p * layout_.panel_bytes();
    detail::panel_writer<S> const writer(layout_, panel);
    index const length = layout_.group_length(g);
    index const rows = smaller(panel_rows, layout_.rows - p * panel_rows);
    std::memset(panel + layout_.params_at(g), 0, static_cast<std::size_t>(layout_type::param_bytes));
    for (index row = 0; row < panel_rows; ++row) {
      if (row >= rows) {  // codes of 0, scale 0
        out.put_row(row, encoder::zero_params());
        continue;
      }
      params group = shared_;
      if constexpr (!per_tensor_scale) {
        for (index k = 0; k < length; ++k) {
          row_room[k] = values.at != nullptr ? values.at[k * values.stride + row]
                                             : weights_(p * panel_rows + row, g * layout_.group() + k);
        }
        group = detail::calibrate<Q>(row_room, length);
      }
      writer.put_params(row, g, group);
      out.put_row(row, group);
    }
  }

  // ---- vectors, params of columns ----

  static constexpr index more_columns = 2 * some_columns;

  void put_column(index c, params const& p) const noexcept {
    auto* const scales = reinterpret_cast<float*>(out_ + layout_.panels() * layout_.panel_bytes());
    auto* const zeros = reinterpret_cast<std::int32_t*>(scales + layout_.cols);
    columns_[c] = p;
    scales[c] = Q::scale(p);
    zeros[c] = zero_of<Q>(p);
    if constexpr (encodes) {
      in_columns_.inverse[c] = p.inverse;
      in_columns_.zero[c] = zeros[c];
    }
  }

  /// Columns are the rows of the matrix that is turned: so they are tracked as those of a long group.
  void columns_by_vectors(float* room) const noexcept {
    panel_source<A, T> const turned(matrix_view<T>(weights_.data(), weights_.cols(), weights_.rows(),
                                                   weights_.col_stride(), weights_.row_stride()));
    index const sixty_fours = ceil_div(layout_.cols, panel_rows);
    for (index from = 0; from < sixty_fours; from += most_at_once) {
      index const to = smaller(from + most_at_once, sixty_fours);
      trackers ranges[static_cast<std::size_t>(most_at_once)];
      track_panels(turned, from, to, 0, layout_.rows, room, ranges);
      for (index p = from; p < to; ++p) {
        for (int r = 0; r < registers; ++r) { put_columns(p * panel_rows + r * L, ranges[p - from][r].lanes()); }
      }
    }
  }
  void put_columns(index first, lane_params<A, Q> const& in_lanes) const noexcept {
    constexpr auto n = static_cast<std::size_t>(L);
    float scale[n];
    float inverse[n];
    std::int32_t zero[n];
    in_lanes.scale.store_unaligned(scale);
    in_lanes.inverse.store_unaligned(inverse);
    in_lanes.zero.store_unaligned(zero);
    for (index i = 0; i < smaller(index{L}, layout_.cols - first); ++i) {
      params p{};
      p.scale = scale[i];
      p.inverse = inverse[i];
      if constexpr (has_zero_point<Q>) { p.zero_point = zero[i]; }
      put_column(first + i, p);
    }
  }

  /// Panels [from, to), which have all their rows.
  void panels_by_column(index from, index to, float* room) const noexcept {
    index const most = source_.by_rows() ? more_columns : some_columns;
    for (index k = 0; k < layout_.cols; k += most) {
      index const n = smaller(most, layout_.cols - k);
      for (index p = from; p < to; ++p) {
        runs_ahead<T> ahead = p + 1 < to             ? source_.ahead(p + 1, k, n)
                              : k + n < layout_.cols ? source_.ahead(from, k + n, smaller(most, layout_.cols - k - n))
                                                     : source_.ahead(to, 0, smaller(most, layout_.cols));
        typename encoder::column_params const in_columns{in_columns_.inverse + k, in_columns_.zero + k};
        encoder::encode(
            source_.columns(p, k, n, room), n, in_columns,
            out_ + p * layout_.panel_bytes() + layout_.codes_at(0) + k / layout_type::step * layout_type::step_bytes,
            streams_, ahead);
      }
    }
    for (index p = from; p < to; ++p) {
      auto* const scales = reinterpret_cast<float*>(out_ + p * layout_.panel_bytes() + layout_.params_at(0));
      for (index row = 0; row < panel_rows; ++row) { scales[row] = 1.0f; }
    }
  }

  // ---- scalars: any quantizer ----

  void panels_by_scalars(index from, index to, float* room) const noexcept {
    for (index p = from; p < to; ++p) {
      index const rows = smaller(panel_rows, layout_.rows - p * panel_rows);
      std::byte* const panel = out_ + p * layout_.panel_bytes();
      std::memset(panel, 0, static_cast<std::size_t>(layout_.panel_bytes()));
      for (index g = 0; g < layout_.groups(); ++g) { group_by_scalars(p, g, rows, panel, room); }
      if constexpr (layout_type::by_column) { codes_by_column(p, rows, panel); }
    }
  }

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
        params group = shared_;
        if constexpr (!per_tensor_scale || detail::is_codebook<Q>) {
          for (index k = 0; k < length; ++k) { room[k] = weights_(p * panel_rows + row, first + k); }
        }
        if constexpr (!per_tensor_scale) { group = detail::calibrate<Q>(room, length); }
        writer.put_params(row, g, group);
        if constexpr (detail::is_codebook<Q>) {
          codebook_search<A, F::bits> const search(group);
          constexpr index some = 64;
          code codes[some];
          for (index k = 0; k < length; k += some) {
            index const n = smaller(some, length - k);
            encode_by_table(search, group, room + k, n, codes);
            for (index i = 0; i < n; ++i) { writer.put_code(layout_.at(row, g, k + i), codes[i]); }
          }
        } else {
          for (index k = 0; k < length; ++k) {
            writer.put_code(layout_.at(row, g, k), Q::encode(weights_(p * panel_rows + row, first + k), group));
          }
        }
      }
    }
  }

  void codes_by_column(index p, index rows, std::byte* to) const noexcept {
    detail::panel_writer<S> const writer(layout_, to);
    for (index c = 0; c < layout_.cols; ++c) {
      for (index row = 0; row < rows; ++row) {
        writer.put_code(layout_.at(row, c), Q::encode(weights_(p * panel_rows + row, c), columns_[c]));
      }
    }
  }

  // ---- params of a tensor ----

  [[nodiscard]] params tensor_params(float* shared, float* room) const {
    if constexpr (tracks_tensor) {
      trackers all[static_cast<std::size_t>(most_at_once)];
      for (index p = 0; p < layout_.panels(); p += most_at_once) {
        track_panels(source_, p, smaller(p + most_at_once, layout_.panels()), 0, layout_.cols, room, all);
      }
      tracker* const ranges = all[0];
      for (index p = 1; p < most_at_once; ++p) {
        for (int r = 0; r < registers; ++r) { ranges[r].add(all[p][r]); }
      }
      for (int r = 1; r < registers; ++r) { ranges[0].add(ranges[r]); }
      return ranges[0].params();
    } else if constexpr (sums_tensor) {
      return Q::from_sum(sum_of_tensor(shared), layout_.rows * layout_.cols);
    } else {
      if constexpr (std::is_same_v<T, float>) {
        if (whole_tensor()) { return detail::calibrate<Q>(weights_.data(), layout_.rows * layout_.cols); }
      }
      for (index r = 0; r < layout_.rows; ++r) {
        for (index c = 0; c < layout_.cols; ++c) { shared[r * layout_.cols + c] = weights_(r, c); }
      }
      return detail::calibrate<Q>(shared, layout_.rows * layout_.cols);
    }
  }
  /// Numbers row after row: those of some rows at a time, as rows, where they do not lie so.
  [[nodiscard]] double sum_of_tensor(float* turned_rows) const noexcept {
    double sum = 0;
    if constexpr (std::is_same_v<T, float>) {
      if (weights_.col_stride() == 1) {
        for (index r = 0; r < layout_.rows; ++r) {
          sum = simd::ordered_sum<A>::add(sum, weights_.at(r, 0), layout_.cols);
        }
        return sum;
      }
    }
    panel_source<A, T> const turned(matrix_view<T>(weights_.data(), weights_.cols(), weights_.rows(),
                                                   weights_.col_stride(), weights_.row_stride()));
    constexpr index part = rows_turned * panel_rows;
    for (index row = 0; row < layout_.rows; row += rows_turned) {
      index const n = smaller(rows_turned, layout_.rows - row);
      for (index p = 0; p < ceil_div(layout_.cols, panel_rows); ++p) {
        float* const to = turned_rows + p * part;
        runs_ahead<T> next = turned.ahead(p + 1, row, n);
        next.ask(next.left());
        staged_columns const there = turned.columns(p, row, n, to);
        if (there.at != to) {  // a float matrix of one column
          for (index i = 0; i < n * panel_rows; ++i) {
            to[i] = there.at[i / panel_rows * there.stride + i % panel_rows];
          }
        }
      }
      for (index i = 0; i < n; ++i) {
        for (index p = 0; p < ceil_div(layout_.cols, panel_rows); ++p) {
          float const* const first = turned_rows + p * part + i * panel_rows;
          sum = simd::ordered_sum<A>::add(sum, first, panel_rows);  // columns that are not there add 0
        }
      }
    }
    return sum;
  }
  /// A tensor of floats, row after row, is calibrated as it stands.
  [[nodiscard]] bool whole_tensor() const noexcept {
    return std::is_same_v<T, float> && weights_.col_stride() == 1 && weights_.row_stride() == layout_.cols;
  }

  matrix_view<T> weights_;
  panel_source<A, T> source_;
  layout_type layout_;
  std::byte* out_;
  bool streams_;
  mutable params shared_{};
  mutable params* columns_ = nullptr;
  /// For vectors, one array for each.
  struct column_arrays {
    float* inverse;
    std::int32_t* zero;
  };
  mutable column_arrays in_columns_{};
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
