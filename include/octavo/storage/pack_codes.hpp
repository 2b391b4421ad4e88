// SPDX-License-Identifier: MIT
// pack_codes<Scheme>: a packed matrix from codes and parameters that exist already, such as those of a file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octavo/core/buffer.hpp"
#include "octavo/storage/panel_writer.hpp"
#include "octavo/storage/quantized_matrix.hpp"

namespace octavo {
inline namespace v0 {

namespace detail {

/// Whether what two groups share has the same bits.
template <class P>
[[nodiscard, gnu::always_inline]] inline bool same_shared(P const& a, P const& b) noexcept {
  auto const same = [](float x, float y) __attribute__((always_inline)) {
    return __builtin_bit_cast(std::uint32_t, x) == __builtin_bit_cast(std::uint32_t, y);
  };
  bool equal = same(a.super, b.super);
  if constexpr (requires { a.super_minimum; }) { equal = equal && same(a.super_minimum, b.super_minimum); }
  if constexpr (requires { a.offset; }) {
    equal = equal && same(a.offset, b.offset) && same(a.minimum_offset, b.minimum_offset);
  }
  return equal;
}

}  // namespace detail

/// Packs rows x cols without quantizing anything: `group(r, g, codes)` writes the codes of group g of row r to `codes`,
/// as the quantizer would encode them, and returns its params. A group is as long as the scheme says (a whole row if it
/// is not per_group), the last of a row may be shorter. Rows come in ascending order, in a row its groups.
///
///     auto const w = pack_codes<schemes::w4_g<32>>(rows, cols, [&](index r, index g, code* codes) {
///       for (int i = 0; i < 32; ++i) { codes[i] = my_code(r, g * 32 + i) & 15; }  // two's complement
///       return schemes::w4_g<32>::quantizer::params{my_scale(r, g), 0.0f};        // the inverse is not stored
///     });
///
/// Where scales are quantized themselves, groups that share a scale must have the same one.
///
/// *Errors*: groups that should share a scale and do not, by row and group; extents whose product overflows fail as in
/// quantize. *Scratch*: one byte for each element of a group.
template <class Scheme, class Group>
[[nodiscard]] quantized_matrix<Scheme> pack_codes(index rows, index cols, Group&& group) {
  using layout_type = panel_layout<Scheme>;
  static_assert(
      !layout_type::by_column,
      "Octavo: pack_codes packs row by row, but the scales of per_column belong to columns. Use quantize, or "
      "per_row with the columns' scales multiplied into the activations.");
  quantized_matrix<Scheme> result(rows, cols);
  layout_type const layout{rows, cols};
  if (rows == 0 || cols == 0) { return result; }
  using params = typename Scheme::quantizer::params;
  aligned_buffer code_room(smaller(layout.group(), cols) * static_cast<index>(sizeof(code)));
  auto* const codes = reinterpret_cast<code*>(code_room.data());
  // What the first of those that share had, by run of groups.
  aligned_buffer shared_room(layout.shared_count() * static_cast<index>(sizeof(params)));
  for (index r = 0; r < layout.panels() * panel_rows; ++r) {
    index const row = r % panel_rows;
    detail::panel_writer<Scheme> const to(layout, result.data() + r / panel_rows * layout.panel_bytes());
    for (index g = 0; g < layout.groups(); ++g) {
      index const length = r < rows ? layout.group_length(g) : 0;
      if (length > 0) {
        params const p = group(r, g, codes);
        to.put_params(row, g, p);
        if constexpr (layout_type::two_level) {
          bool const first = (layout_type::sharing_groups == 0 ? g == 0 : g % layout_type::sharing_groups == 0) &&
                             r % layout_type::sharing_rows == 0;
          auto& shared = reinterpret_cast<params*>(shared_room.data())[layout_type::shared_of(g)];
          if (!first && !detail::same_shared(shared, p)) {
            detail::fail_extents("pack_codes", "the row is", r,
                                 "and the group that shares no scale with that before is", g,
                                 "Groups that share a scale must have the same one.");
          }
          shared = p;
        }
      }
      for (index k = 0; k < length; ++k) { to.put_code(layout.at(row, g, k), codes[k]); }
      to.put_padding(row, g, length);
    }
  }
  return result;
}

}  // namespace v0
}  // namespace octavo
