// SPDX-License-Identifier: MIT
// sparse_matrix: the few numbers of a matrix that are not 0, in slices of 16 rows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

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
  /// From elements in any order. *Errors*: one outside of the matrix, two at one place, more than 65536 columns, numbers that
  /// f16 does not hold (their rounding is finite).
  [[gnu::always_inline]] sparse_matrix(index rows, index cols, std::span<sparse_element const> elements)
      : rows_(rows), cols_(cols) {
    constexpr auto* where = "sparse_matrix";
    if (rows < 0 || cols < 0 || cols > 65536) {
      detail::fail_extents(where, "rows are", rows, "columns", cols, "At most 65536 columns, none negative.");
    }
    std::vector<sparse_element> sorted(elements.begin(), elements.end());
    std::sort(sorted.begin(), sorted.end(), [](sparse_element const& a, sparse_element const& b) {
      return a.row != b.row ? a.row < b.row : a.col < b.col;
    });
    std::vector<index> lengths(static_cast<std::size_t>(slices() + 1), 0);
    index in_row = 0;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      auto const& e = sorted[i];
      if (e.row < 0 || e.row >= rows || e.col < 0 || e.col >= cols) {
        detail::fail_extents(where, "an element is in row", e.row, "column", e.col, "It must lie within the matrix.");
      }
      bool const same = i > 0 && sorted[i - 1].row == e.row;
      if (same && sorted[i - 1].col == e.col) {
        detail::fail_extents(where, "two elements are in row", e.row, "column", e.col, "Pass their sum.");
      }
      if (!detail::is_finite(static_cast<float>(f16(e.value)))) {
        detail::fail_extents(where, "no number of f16 is in row", e.row, "column", e.col, "Numbers reach to 65504.");
      }
      in_row = same ? in_row + 1 : 1;
      index& longest = lengths[static_cast<std::size_t>(e.row / slice_rows)];
      longest = larger(longest, in_row);
    }
    first_.resize(lengths.size());
    index total = 0;
    for (std::size_t s = 0; s < lengths.size(); ++s) {
      first_[s] = total;
      total += lengths[s];
    }
    bytes_ = aligned_buffer(product(total, entry_bytes));
    if (total > 0) { std::memset(bytes_.data(), 0, static_cast<std::size_t>(total * entry_bytes)); }
    index last = -1;
    for (auto const& e : sorted) {
      in_row = e.row == last ? in_row + 1 : 0;
      last = e.row;
      std::byte* const to =
          bytes_.data() + (first_[static_cast<std::size_t>(e.row / slice_rows)] + in_row) * entry_bytes;
      auto const column = static_cast<std::uint16_t>(e.col);
      f16 const number(e.value);
      std::memcpy(to + e.row % slice_rows * 2, &column, 2);
      std::memcpy(to + slice_rows * 2 + e.row % slice_rows * 2, &number, 2);
    }
  }

  [[nodiscard, gnu::always_inline]] index rows() const noexcept { return rows_; }
  [[nodiscard, gnu::always_inline]] index cols() const noexcept { return cols_; }
  [[nodiscard, gnu::always_inline]] index size_bytes() const noexcept { return bytes_.size(); }
  [[nodiscard, gnu::always_inline]] index slices() const noexcept { return ceil_div(rows_, slice_rows); }
  /// Entries of a slice, and where they are.
  [[nodiscard, gnu::always_inline]] index entries(index slice) const noexcept {
    auto const s = static_cast<std::size_t>(slice);
    return first_[s + 1] - first_[s];
  }
  [[nodiscard, gnu::always_inline]] std::byte const* slice(index slice) const noexcept {
    return bytes_.data() + first_[static_cast<std::size_t>(slice)] * entry_bytes;
  }
  [[nodiscard, gnu::always_inline]] float operator()(index row, index col) const noexcept {
    std::byte const* at = slice(row / slice_rows) + row % slice_rows * 2;
    for (index e = 0; e < entries(row / slice_rows); ++e, at += entry_bytes) {
      std::uint16_t column;
      f16 number;
      std::memcpy(&column, at, 2);
      std::memcpy(&number, at + slice_rows * 2, 2);
      if (column == col && static_cast<float>(number) != 0) { return static_cast<float>(number); }
    }
    return 0;
  }

 private:
  index rows_ = 0;
  index cols_ = 0;
  std::vector<index> first_ = {0};
  aligned_buffer bytes_;
};

}  // namespace v0
}  // namespace octavo
