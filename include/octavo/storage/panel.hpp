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

/// Codes of B bits as one or two planes: the low 2, 4 or 8 bits of each code, and the 1 or 2 bits above them.
struct code_planes {
  int bits;  ///< of a stored code: 2, 3, 4, 5, 6 or 8
  int low;   ///< of them in the low plane
  [[gnu::always_inline]] constexpr explicit code_planes(int b) noexcept
      : bits(b <= 2   ? 2
             : b >= 7 ? 8
                      : b),
        low(bits == 3                ? 2
            : bits == 5 || bits == 6 ? 4
                                     : bits) {}
  [[nodiscard, gnu::always_inline]] constexpr int high() const noexcept { return bits - low; }
  /// Quads of k in a step, and the words (4 bytes of a row) of its low plane.
  [[nodiscard, gnu::always_inline]] constexpr int quads() const noexcept { return high() == 0 ? 8 / low : 4; }
  [[nodiscard, gnu::always_inline]] constexpr int low_words() const noexcept { return quads() * low / 8; }
  /// Vectors of 16 rows that share the bytes of the high plane: with one bit, four quads fill half a byte.
  [[nodiscard, gnu::always_inline]] constexpr int sharing() const noexcept { return high() == 1 ? 2 : 1; }
};

namespace detail {

/// How the scales of a quantizer are stored.
template <class Q>
struct stored_scale {
  using type = typename scale_type_of<Q>::type;
  using shared_type = float;  // there is none
  static constexpr index sharing_groups = 0;
  static constexpr index sharing_rows = 1;
  static constexpr bool offsets = false;
  static constexpr bool real_zeros = false;
};
template <has_quantized_scales Q>
struct stored_scale<Q> {
  using type = std::conditional_t<Q::integer_scales, byte_integer<lattice<typename Q::scale_format>.lowest>, ue4m3>;
  using shared_type = typename Q::super_type;
  static constexpr index sharing_groups = [] {
    if constexpr (requires { Q::scale_granularity::size; }) { return index{Q::scale_granularity::size}; }
    return index{0};
  }();
  static constexpr index sharing_rows = [] {
    if constexpr (is_per_tile<typename Q::scale_granularity>) { return index{Q::scale_granularity::rows}; }
    return index{1};
  }();
  static constexpr bool offsets = Q::offsets;
  static constexpr bool real_zeros = Q::real_zeros;
};

}  // namespace detail

/// The packing of one scheme.
///
/// A panel is 64 output rows. Codes take 2, 3, 4, 5, 6 or 8 bits. One *step* is 1 or 2 words (4 bytes) of each row, of
/// which each byte belongs to another k of a quad; word w of row r is at byte 256 w + 4 r:
///
///     8 bits, one quad of k     row r: | k0 | k1 | k2 | k3 |                          4 k per step
///     4 bits, two quads         row r: | k4 k0 | k5 k1 | k6 k2 | k7 k3 |              8 k, first quad in the low bits
///     2 bits, four quads        row r: | k12 k8 k4 k0 | ... | k15 k11 k7 k3 |        16 k, first quad in the low bits
///
/// Other widths have two planes: the low bits as above, then the bits above those.
///
///     6 bits = 4 + 2            two words as of 4 bits, one as of 2                  16 k
///     5 bits = 4 + 1            two words as of 4 bits, half a word                  16 k
///     3 bits = 2 + 1            one word as of 2 bits, half a word                   16 k
///     half a word: a byte holds the bits of four quads of row r (its low half) and of row r + 16 (its high half), with
///     r = 0 ... 15 in the first 64 bytes and r = 32 ... 47 in the next
///
/// Formats of more than 4 bits that are bf16 numbers but no integers (e4m3, e5m2, e3m2) instead order the 16 bytes of
/// four rows so that one in-lane unpack yields pairs of k: r0k0 r0k1 r1k0 r1k1 r2k0 r2k1 r3k0 r3k1, then the same rows
/// with k2 k3.
///
///     panel = group 0: codes, params | group 1: codes, params | ...        one stream
///     params = 64 scales (padded to 64 bytes), then 64 zero points (1 byte each) or 64 minima (of the type of the
///              scales) if the quantizer has them;
///              for a quantizer without scale(), 64 of its params; a codebook that the whole matrix has, once
///
/// Scales that are quantized themselves (quant/two_level.hpp) are 64 bytes in each group, and so are minima: integers
/// less the lowest of their format, or e4m3. What groups share stands before group 0: for each run of groups that
/// share, 64 scales (and 64 offsets, if there are), then the same for the minima (or zeros); where R rows share, 64 / R
/// instead of 64. It is padded to 64 bytes; behind it stand the minima of all groups, since sums begin with them.
///
///     panel = shared by the first groups, by the next ... | minima of group 0, 1 ... | group 0: codes, scales | ...
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
  static constexpr bool two_level = has_quantized_scales<quantizer>;
  using stored_scale = detail::stored_scale<quantizer>;
  /// Of the scales (and minima) in each group, and of those that groups share.
  using scale_type = std::conditional_t<by_column, float, typename stored_scale::type>;
  using shared_type = typename stored_scale::shared_type;

  static constexpr code_planes planes{format::bits};
  static constexpr int bits = planes.bits;
  /// Quads of k, k, and bytes of a step, and the bytes of one word of all rows.
  static constexpr int quads = planes.quads();
  static constexpr index step = 4 * quads;
  static constexpr index word_bytes = 4 * panel_rows;
  static constexpr index step_bytes = panel_rows * quads * bits / 2;
  /// Packed code = code ^ flip, so that integers are stored as code - lowest.
  static constexpr int flip = consecutive_flip<format> > 0 ? consecutive_flip<format> : 0;
  static constexpr bool pair_order = bits > 4 && !lattice<format>.exact && exact_in_bf16<format>;

  /// Whether params are a table of values, and one for all rows; bytes from those of a row to the next (without
  /// scale()).
  static constexpr bool tables = has_table<quantizer>;
  static constexpr bool one_table = tables && detail::is_per_tensor<granularity>;
  static constexpr index row_params = one_table ? 0 : static_cast<index>(sizeof(typename quantizer::params));
  static constexpr index scale_bytes =
      linear ? static_cast<index>(sizeof(scale_type)) * panel_rows
             : round_up(one_table ? static_cast<index>(sizeof(typename quantizer::params)) : row_params * panel_rows,
                        alignment);
  static constexpr index param_bytes =
      scale_bytes + (zero_points ? panel_rows : 0) + (minima && !two_level ? scale_bytes : 0);
  /// What a run of groups shares: bytes of its scales, and of all; and its groups (0: a whole row).
  static constexpr index sharing_rows = stored_scale::sharing_rows;
  static constexpr bool offsets = stored_scale::offsets;
  static constexpr bool real_zeros = stored_scale::real_zeros;
  static constexpr index offset_at = static_cast<index>(sizeof(shared_type)) * (panel_rows / sharing_rows);
  static constexpr index shared_scale_bytes = two_level ? offset_at * (offsets ? 2 : 1) : 0;
  static constexpr index shared_bytes = shared_scale_bytes * (minima ? 2 : 1);
  static constexpr index sharing_groups = stored_scale::sharing_groups;

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
  /// Runs of groups that share, and the one of group g.
  [[nodiscard, gnu::always_inline]] constexpr index shared_count() const noexcept {
    if constexpr (!two_level) { return 0; }
    return groups() == 0 ? 0 : shared_of(groups() - 1) + 1;
  }
  [[nodiscard, gnu::always_inline]] static constexpr index shared_of(index g) noexcept {
    if constexpr (sharing_groups != 0) { return g / sharing_groups; }
    return 0;
  }
  [[nodiscard, gnu::always_inline]] constexpr index shared_end() const noexcept {
    return round_up(shared_count() * shared_bytes, alignment);
  }
  /// Offset of the codes of group g within a panel.
  [[nodiscard, gnu::always_inline]] constexpr index codes_at(index g) const noexcept {
    return shared_end() + (two_level && minima ? groups() * scale_bytes : 0) + g * group_bytes();
  }
  /// The last group may be short, but every panel starts at a multiple of this.
  [[nodiscard, gnu::always_inline]] constexpr index panel_bytes() const noexcept {
    if (cols == 0) { return 0; }
    index const last = groups() - 1;
    return codes_at(last) + group_steps(last) * step_bytes + param_bytes;
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
    (void)product(rows + panel_rows, cols + longest_leaf, 2 + param_bytes + scale_bytes + shared_bytes);
    return panels() * panel_bytes() + column_bytes();
  }

  /// Where the parts of a code are: bytes within a panel, and shifts within the bytes.
  struct position {
    index byte;
    int shift;
    index high_byte;  ///< of the high plane; unused where there is none
    int high_shift;
  };
  [[nodiscard, gnu::always_inline]] constexpr position at(index row, index k) const noexcept {
    return at(row, k / group(), k % group());
  }
  /// The same by group; behind a short group stands its padding.
  [[nodiscard, gnu::always_inline]] constexpr position at(index row, index g, index in_group) const noexcept {
    index const j = in_group % 4;
    index const lane = row % 16;
    index const in_word = pair_order ? lane / 4 * 16 + j / 2 * 8 + lane % 4 * 2 + j % 2 : lane * 4 + j;
    index const base = codes_at(g) + in_group / step * step_bytes + in_word;
    int const quad = static_cast<int>(in_group % step / 4);
    constexpr int low_quads = 8 / planes.low;
    position p{base + row / 16 * 64 + quad / low_quads * word_bytes, quad % low_quads * planes.low, 0, 0};
    if constexpr (planes.high() != 0) {
      p.high_byte = base + planes.low_words() * word_bytes + row / 16 / planes.sharing() * 64;
      p.high_shift = static_cast<int>(row / 16) % planes.sharing() * 4 + quad * planes.high();
    }
    return p;
  }
  /// The packed code at a position, all its bits.
  [[nodiscard, gnu::always_inline]] static constexpr int get(std::byte const* panel, position p) noexcept {
    int const low = static_cast<int>(panel[p.byte]) >> p.shift & ((1 << planes.low) - 1);
    if constexpr (planes.high() == 0) { return low; }
    return low | (static_cast<int>(panel[p.high_byte]) >> p.high_shift & ((1 << planes.high()) - 1)) << planes.low;
  }
  /// Writes a packed code to bits that are zero.
  [[gnu::always_inline]] static constexpr void put(std::byte* panel, position p, int packed) noexcept {
    auto const add = [panel](index byte, int bits) __attribute__((always_inline)) {
      panel[byte] = static_cast<std::byte>(static_cast<int>(panel[byte]) | bits);
    };
    add(p.byte, (packed & ((1 << planes.low) - 1)) << p.shift);
    if constexpr (planes.high() != 0) { add(p.high_byte, packed >> planes.low << p.high_shift); }
  }
  /// Offset of the parameters of group g within a panel.
  [[nodiscard, gnu::always_inline]] constexpr index params_at(index g) const noexcept {
    return codes_at(g) + group_steps(g) * step_bytes;
  }
  /// Offset of the minima of group g.
  [[nodiscard, gnu::always_inline]] constexpr index minima_at(index g) const noexcept {
    if constexpr (two_level) { return shared_end() + g * scale_bytes; }
    return params_at(g) + scale_bytes;
  }
  /// Offset of what group g shares with others.
  [[nodiscard, gnu::always_inline]] static constexpr index shared_at(index g) noexcept {
    return shared_of(g) * shared_bytes;
  }
};

}  // namespace v0
}  // namespace octavo
