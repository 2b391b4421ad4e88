// SPDX-License-Identifier: MIT
// sparse_matrix: the few numbers of a matrix that are not 0, in slices of 16 rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "octavo/core/buffer.hpp"
#include "octavo/core/error.hpp"
#include "octavo/core/scalar.hpp"

namespace octavo {
inline namespace v0 {

/// A number and where it is.
struct sparse_element {
  index row;
  index col;
  float value;
};

/// rows x cols, at most 65536 columns, numbers f16. Slices of 16 rows have as many entries as the longest of their rows; an
/// entry is 16 columns of 16 bits, then 16 numbers, row by row, columns ascending:
///
///     slice 0: entry 0: 16 columns | 16 numbers, entry 1: ... | slice 1 ...
///
/// Shorter rows are filled up with 0 in column 0. (SELL-C-sigma of Kreutzer et al. 2014, with C = 16 and rows in order.)
class sparse_matrix {
 public:
  static constexpr index slice_rows = 16;
  static constexpr index entry_bytes = 4 * slice_rows;

  [[gnu::always_inline]] sparse_matrix() = default;
  [[gnu::always_inline]] sparse_matrix(sparse_matrix const&) = default;
  [[gnu::always_inline]] sparse_matrix(sparse_matrix&&) noexcept = default;
  [[gnu::always_inline]] sparse_matrix& operator=(sparse_matrix const&) = default;
  [[gnu::always_inline]] sparse_matrix& operator=(sparse_matrix&&) noexcept = default;
  [[gnu::always_inline]] ~sparse_matrix() = default;

  /// From `count` elements, row by row, in each by ascending columns. *Errors*: another order, two at one place; one outside of
  /// the matrix; more than 65536 columns; numbers that f16 does not hold (their rounding is finite).
  [[gnu::always_inline]] sparse_matrix(index rows, index cols, sparse_element const* elements, index count)
      : rows_(rows), cols_(cols) {
    constexpr auto* where = "sparse_matrix";
    if (rows < 0 || cols < 0 || cols > 65536) {
      detail::fail_extents(where, "rows are", rows, "columns", cols, "At most 65536 columns, none negative.");
    }
    first_ = aligned_buffer(product(slices() + 1, sizeof(index)));
    auto* const first = reinterpret_cast<index*>(first_.data());
    for (index i = 0, in_row = 0; i < count; ++i) {
      auto const& e = elements[i];
      if (e.row < 0 || e.row >= rows || e.col < 0 || e.col >= cols) {
        detail::fail_extents(where, "an element is in row", e.row, "column", e.col, "It must lie within the matrix.");
      }
      bool const same = i > 0 && elements[i - 1].row == e.row;
      if (i > 0 && (elements[i - 1].row > e.row || (same && elements[i - 1].col >= e.col))) {
        detail::fail_extents(where, "an element is in row", e.row, "column", e.col,
                             "It must come behind the one before it: row by row, in each by ascending columns.");
      }
      if (!detail::is_finite(static_cast<float>(f16(e.value)))) {
        detail::fail_extents(where, "no number of f16 is in row", e.row, "column", e.col, "Numbers reach to 65504.");
      }
      in_row = same ? in_row + 1 : 1;
      index& longest = first[e.row / slice_rows + 1];
      longest = larger(longest, in_row);
    }
    for (index s = 0; s < slices(); ++s) { first[s + 1] += first[s]; }
    bytes_ = aligned_buffer(product(first[slices()], entry_bytes));
    for (index i = 0, in_row = 0; i < count; ++i) {
      auto const& e = elements[i];
      in_row = i > 0 && elements[i - 1].row == e.row ? in_row + 1 : 0;
      std::byte* const to =
          bytes_.data() + (first[e.row / slice_rows] + in_row) * entry_bytes + e.row % slice_rows * 2;
      auto const column = static_cast<std::uint16_t>(e.col);
      f16 const number(e.value);
      std::memcpy(to, &column, 2);
      std::memcpy(to + slice_rows * 2, &number, 2);
    }
  }

  [[nodiscard, gnu::always_inline]] index rows() const noexcept { return rows_; }
  [[nodiscard, gnu::always_inline]] index cols() const noexcept { return cols_; }
  [[nodiscard, gnu::always_inline]] index size_bytes() const noexcept { return bytes_.size(); }
  [[nodiscard, gnu::always_inline]] index slices() const noexcept { return ceil_div(rows_, slice_rows); }
  /// Entries of a slice, and where they are.
  [[nodiscard, gnu::always_inline]] index entries(index slice) const noexcept {
    return first(slice + 1) - first(slice);
  }
  [[nodiscard, gnu::always_inline]] std::byte const* slice(index slice) const noexcept {
    return bytes_.data() + first(slice) * entry_bytes;
  }
  [[nodiscard, gnu::always_inline]] float operator()(index row, index col) const noexcept {
    std::byte const* const from = slice(row / slice_rows);
    for (index e = 0; e < entries(row / slice_rows); ++e) {
      std::byte const* const at = from + e * entry_bytes + row % slice_rows * 2;
      std::uint16_t column;
      f16 number;
      std::memcpy(&column, at, 2);
      std::memcpy(&number, at + slice_rows * 2, 2);
      if (column == col && static_cast<float>(number) != 0) { return static_cast<float>(number); }
    }
    return 0;
  }

 private:
  [[nodiscard, gnu::always_inline]] index first(index slice) const noexcept {
    return reinterpret_cast<index const*>(first_.data())[slice];
  }

  index rows_ = 0;
  index cols_ = 0;
  aligned_buffer first_;  ///< the number of the first entry of each slice, and that of all
  aligned_buffer bytes_;
};

}  // namespace v0
}  // namespace octavo
