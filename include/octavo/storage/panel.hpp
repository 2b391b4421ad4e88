// SPDX-License-Identifier: MIT
// panel64_v1: where the codes and parameters of a packed matrix lie, one constexpr function per question.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/core/buffer.hpp"
#include "octavo/core/index.hpp"
#include "octavo/format/table.hpp"
#include "octavo/quant/scheme.hpp"

namespace octavo {
inline namespace v0 {

/// Version of the layout, for files: changes when any byte of a packed matrix would.
inline constexpr int panel_layout_version = 1;

/// Rows of a panel.
inline constexpr index panel_rows = 64;

/// The longest run of k that an int32 accumulator takes: 255 * 128 * 32768 < 2^31.
inline constexpr index longest_leaf = 32768;

/// The packing of one scheme.
///
/// A panel is 64 output rows. Codes take 2, 4 or 8 bits (a 3-bit code takes 4). One *step* is four 64-byte vectors,
/// vector v for rows 16 v ... 16 v + 15, and a lane (4 bytes) for each row:
///
///     8 bits, one quad of k     row r: | k0 | k1 | k2 | k3 |                          4 k per step
///     4 bits, two quads         row r: | k4 k0 | k5 k1 | k6 k2 | k7 k3 |              8 k, first quad in the low bits
///     2 bits, four quads        row r: | k12 k8 k4 k0 | ... | k15 k11 k7 k3 |        16 k, first quad in the low bits
///
/// 8-bit formats that are bf16 numbers but no integers (e4m3, e5m2) instead order the 16 bytes of four rows so that one in-lane
/// unpack yields pairs of k: r0k0 r0k1 r1k0 r1k1 r2k0 r2k1 r3k0 r3k1, then the same rows with k2 k3.
///
///     panel = group 0: codes, params | group 1: codes, params | ...        one stream
///     params = 64 scales (padded to 64 bytes), then 64 zero points (1 byte each) or 64 minima (of the type of the
///              scales) if the quantizer has them;
///              for a quantizer without scale(), 64 of its params
///
/// Groups are padded to whole steps, the last panel to 64 rows, with the code of 0 and scale 0. After the panels of a
/// per_column scheme stand its column scales (f32) and column zero points (int32).
template <class Scheme>
struct panel_layout {
  static_assert(detail::check_stored_scheme<Scheme>());
  using quantizer = typename Scheme::quantizer;
  using format = typename quantizer::format;
  using granularity = typename Scheme::granularity;
  static constexpr bool linear = linear_quantizer<quantizer>;
  static constexpr bool by_column = detail::is_per_column<granularity>;
  static constexpr bool grouped = detail::is_per_group<granularity>;
  static constexpr bool zero_points = has_zero_point<quantizer> && !by_column;
  static constexpr bool minima = has_minimum<quantizer>;
  using scale_type = std::conditional_t<by_column, float, typename detail::scale_type_of<quantizer>::type>;

  static constexpr int bits = format::bits <= 2 ? 2 : format::bits <= 4 ? 4 : 8;
  /// Quads of k in a byte vector, and k per step.
  static constexpr int quads = 8 / bits;
  static constexpr index step = 4 * quads;
  static constexpr index step_bytes = 4 * panel_rows;
  /// Packed code = code ^ flip, so that integers are stored as code - lowest.
  static constexpr int flip = consecutive_flip<format> > 0 ? consecutive_flip<format> : 0;
  static constexpr bool pair_order = bits == 8 && !lattice<format>.exact && exact_in_bf16<format>;

  static constexpr index scale_bytes =
      linear ? static_cast<index>(sizeof(scale_type)) * panel_rows
             : (static_cast<index>(sizeof(typename quantizer::params)) * panel_rows + alignment - 1) / alignment *
                   alignment;
  static constexpr index param_bytes = scale_bytes + (zero_points ? panel_rows : 0) + (minima ? scale_bytes : 0);

  index rows = 0;
  index cols = 0;

  /// Elements that share a scale within a row, groups in a row, and elements of group g.
  [[nodiscard, gnu::always_inline]] constexpr index group() const noexcept {
    if constexpr (grouped) { return granularity::size; }
    return cols > 0 ? cols : 1;
  }
  [[nodiscard, gnu::always_inline]] constexpr index groups() const noexcept { return ceil_div(cols, group()); }
  [[nodiscard, gnu::always_inline]] constexpr index group_length(index g) const noexcept {
    return cols - g * group() < group() ? cols - g * group() : group();
  }
  /// k of a full group after padding to whole steps: the stride of groups in prepared activations.
  [[nodiscard, gnu::always_inline]] constexpr index padded_group() const noexcept {
    return ceil_div(group(), step) * step;
  }
  [[nodiscard, gnu::always_inline]] constexpr index group_steps(index g) const noexcept {
    return ceil_div(group_length(g), step);
  }
  [[nodiscard, gnu::always_inline]] constexpr index group_bytes() const noexcept {
    return padded_group() / step * step_bytes + param_bytes;
  }
  [[nodiscard, gnu::always_inline]] constexpr index panels() const noexcept { return ceil_div(rows, panel_rows); }
  /// The last group may be short, but every panel starts at a multiple of this.
  [[nodiscard, gnu::always_inline]] constexpr index panel_bytes() const noexcept {
    if (cols == 0) { return 0; }
    index const last = groups() - 1;
    return last * group_bytes() + group_steps(last) * step_bytes + param_bytes;
  }
  [[nodiscard, gnu::always_inline]] constexpr index column_bytes() const noexcept {
    return by_column ? ceil_div(cols * 8, alignment) * alignment : 0;
  }
  /// Size of the whole; fails when it does not fit.
  [[nodiscard, gnu::always_inline]] constexpr index size_bytes() const {
    if (rows < 0 || cols < 0) {
      detail::fail_extents("quantized_matrix", "rows are", rows, "columns are", cols,
                           "Extents must not be negative.");
    }
    // The padded product first, with a margin for parameters, so that nothing below can overflow.
    (void)product(rows + panel_rows, cols + longest_leaf, 2 + param_bytes);
    return panels() * panel_bytes() + column_bytes();
  }

  /// Byte of a code within a panel, and the shift of the code within the byte.
  struct position {
    index byte;
    int shift;
  };
  [[nodiscard, gnu::always_inline]] constexpr position at(index row, index k) const noexcept {
    return at(row, k / group(), k % group());
  }
  /// The same by group; behind a short group stands its padding.
  [[nodiscard, gnu::always_inline]] constexpr position at(index row, index g, index in_group) const noexcept {
    index const in_step = in_group % step;
    index const base = g * group_bytes() + in_group / step * step_bytes + row / 16 * 64;
    int const shift = static_cast<int>(in_step / 4) * bits;
    index const j = in_step % 4;
    index const lane = row % 16;
    if constexpr (pair_order) { return {base + lane / 4 * 16 + j / 2 * 8 + lane % 4 * 2 + j % 2, shift}; }
    return {base + lane * 4 + j, shift};
  }
  /// Offset of the parameters of group g within a panel.
  [[nodiscard, gnu::always_inline]] constexpr index params_at(index g) const noexcept {
    return g * group_bytes() + group_steps(g) * step_bytes;
  }
};

}  // namespace v0
}  // namespace octavo
