// SPDX-License-Identifier: MIT
// sparse_matrix and its view: the few numbers of a matrix that are not 0, in slices of 16 rows.
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

/// rows x cols, at most 65536 columns, numbers f16, over memory that somebody else keeps alive. Slices of 16 rows have
/// as many entries as the longest of their rows; an entry is 16 columns of 16 bits, then 16 numbers, row by row,
/// columns ascending:
///
///     starts | zeros to 64 bytes | slice 0: entry 0: 16 columns | 16 numbers, entry 1: ... | slice 1 ...
///     starts: how many entries are before each slice, and how many there are, 64 bits each
///
/// Shorter rows are filled up with 0 in column 0. (SELL-C-sigma of Kreutzer et al. 2014, with C = 16 and rows in
/// order.)
class sparse_matrix_view {
 public:
  static constexpr index slice_rows = 16;
  static constexpr index entry_bytes = 4 * slice_rows;

  [[gnu::always_inline]] constexpr sparse_matrix_view() = default;

  /// All bytes are looked at, once: what a kernel relies on holds from then on. *Errors*: fault().
  [[gnu::always_inline]] sparse_matrix_view(std::byte const* data, index size, index rows, index cols)
      : sparse_matrix_view(data, rows, cols) {
    if (char const* const why = fault(data, size, rows, cols)) { detail::fail(why); }
  }

  /// What is wrong with these bytes, as a sentence; nullptr if a sparse_matrix has written them.
  [[nodiscard, gnu::always_inline]] static char const* fault(std::byte const* data, index size, index rows,
                                                             index cols) noexcept {
    constexpr index start = sizeof(std::int64_t);
    if (rows < 0 || cols < 0 || cols > 65536) { return "a sparse matrix has at most 65536 columns, none negative"; }
    index const n = ceil_div(rows, slice_rows);
    if (n >= size / start || starts_bytes(rows) > size) {
      return "a sparse matrix has fewer bytes than starts of slices";
    }
    if (reinterpret_cast<std::uintptr_t>(data) % std::uintptr_t{alignment} != 0) {
      return "a sparse matrix is not aligned to 64 bytes";
    }
    sparse_matrix_view const m(data, rows, cols);
    index const all = size - starts_bytes(rows);
    bool ascend = m.first(0) == 0 && all % entry_bytes == 0 && m.first(n) == all / entry_bytes;
    for (index s = 0; s < n; ++s) { ascend = ascend && m.first(s) <= m.first(s + 1); }
    if (!ascend) { return "starts of a sparse matrix do not ascend from 0 to the number of its entries"; }
    for (index s = 0; s < n; ++s) {
      index before[static_cast<std::size_t>(slice_rows)];
      for (index& b : before) { b = -1; }
      for (index e = 0; e < m.entries(s); ++e) {
        for (index r = 0; r < slice_rows; ++r) {
          auto const [column, bits] = m.at(s, e, r);
          if (column >= cols) { return "a sparse matrix has a number in a column outside of it"; }
          if ((bits & 0x7c00) == 0x7c00) { return "a sparse matrix has a number that is not finite"; }
          bool const filler = column == 0 && bits == 0;
          if (column <= before[r] && !filler) { return "columns of a row of a sparse matrix do not ascend"; }
          before[r] = column > before[r] ? column : index{65536};  // after one filler come only more
        }
      }
    }
    return nullptr;
  }

  [[nodiscard, gnu::always_inline]] index rows() const noexcept { return rows_; }
  [[nodiscard, gnu::always_inline]] index cols() const noexcept { return cols_; }
  [[nodiscard, gnu::always_inline]] std::byte const* data() const noexcept { return data_; }
  [[nodiscard, gnu::always_inline]] index size_bytes() const noexcept {
    return data_ == nullptr ? 0 : starts_bytes(rows_) + first(slices()) * entry_bytes;
  }
  [[nodiscard, gnu::always_inline]] index slices() const noexcept { return ceil_div(rows_, slice_rows); }
  /// Entries of a slice, and where they are.
  [[nodiscard, gnu::always_inline]] index entries(index slice) const noexcept {
    return first(slice + 1) - first(slice);
  }
  [[nodiscard, gnu::always_inline]] std::byte const* slice(index slice) const noexcept {
    return data_ + starts_bytes(rows_) + first(slice) * entry_bytes;
  }
  [[nodiscard, gnu::always_inline]] float operator()(index row, index col) const noexcept {
    for (index e = 0; e < entries(row / slice_rows); ++e) {
      auto const [column, bits] = at(row / slice_rows, e, row % slice_rows);
      auto const number = static_cast<float>(__builtin_bit_cast(f16, bits));
      if (column == col && number != 0) { return number; }
    }
    return 0;
  }
  /// f(row, column, value) for each number that is not 0, by slices.
  template <class F>
  [[gnu::always_inline]] void for_each(F const& f) const {
    for (index s = 0; s < slices(); ++s) {
      for (index e = 0; e < entries(s); ++e) {
        for (index r = 0; r < slice_rows; ++r) {
          auto const [column, bits] = at(s, e, r);
          auto const number = static_cast<float>(__builtin_bit_cast(f16, bits));
          if (number != 0) { f(s * slice_rows + r, column, number); }
        }
      }
    }
  }

 private:
  friend class sparse_matrix;
  struct element {
    index column;
    std::uint16_t bits;
  };

  /// Of bytes that are known to be right.
  [[gnu::always_inline]] sparse_matrix_view(std::byte const* data, index rows, index cols) noexcept
      : data_(data), rows_(rows), cols_(cols) {}

  [[nodiscard, gnu::always_inline]] static constexpr index starts_bytes(index rows) noexcept {
    return ceil_div((ceil_div(rows, slice_rows) + 1) * static_cast<index>(sizeof(std::int64_t)), alignment) *
           alignment;
  }
  [[nodiscard, gnu::always_inline]] index first(index slice) const noexcept {
    return static_cast<index>(reinterpret_cast<std::int64_t const*>(data_)[slice]);
  }
  [[nodiscard, gnu::always_inline]] element at(index s, index entry, index row) const noexcept {
    std::byte const* const from = slice(s) + entry * entry_bytes + row * 2;
    std::uint16_t both[2];
    std::memcpy(both, from, 2);
    std::memcpy(both + 1, from + slice_rows * 2, 2);
    return {both[0], both[1]};
  }

  std::byte const* data_ = nullptr;
  index rows_ = 0;
  index cols_ = 0;
};

/// The same, owned.
class sparse_matrix {
 public:
  using view_type = sparse_matrix_view;
  static constexpr index slice_rows = view_type::slice_rows;
  static constexpr index entry_bytes = view_type::entry_bytes;

  [[gnu::always_inline]] sparse_matrix() = default;
  [[gnu::always_inline]] sparse_matrix(sparse_matrix const&) = default;
  [[gnu::always_inline]] sparse_matrix(sparse_matrix&&) noexcept = default;
  [[gnu::always_inline]] sparse_matrix& operator=(sparse_matrix const&) = default;
  [[gnu::always_inline]] sparse_matrix& operator=(sparse_matrix&&) noexcept = default;
  [[gnu::always_inline]] ~sparse_matrix() = default;

  /// From `count` elements, row by row, in each by ascending columns. *Errors*: another order, two at one place; one
  /// outside of the matrix; more than 65536 columns; numbers that f16 does not hold (their rounding is finite).
  [[gnu::always_inline]] sparse_matrix(index rows, index cols, sparse_element const* elements, index count)
      : rows_(rows), cols_(cols) {
    constexpr auto* where = "sparse_matrix";
    if (rows < 0 || cols < 0 || cols > 65536) {
      detail::fail_extents(where, "rows are", rows, "columns", cols, "At most 65536 columns, none negative.");
    }
    if (count < 0 || (count > 0 && elements == nullptr)) {
      detail::fail_extents(where, "elements are", count, "rows are", rows, "Pass memory with so many of them.");
    }
    index const slices = ceil_div(rows, slice_rows);
    aligned_buffer starts(view_type::starts_bytes(rows));
    auto* const first = reinterpret_cast<std::int64_t*>(starts.data());
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
      std::int64_t& longest = first[e.row / slice_rows + 1];
      longest = in_row > longest ? in_row : longest;
    }
    for (index s = 0; s < slices; ++s) { first[s + 1] += first[s]; }
    bytes_ = aligned_buffer(starts.size() + product(static_cast<index>(first[slices]), entry_bytes));
    std::memcpy(bytes_.data(), starts.data(), static_cast<std::size_t>(starts.size()));
    for (index i = 0, in_row = 0; i < count; ++i) {
      auto const& e = elements[i];
      in_row = i > 0 && elements[i - 1].row == e.row ? in_row + 1 : 0;
      std::byte* const to = bytes_.data() + starts.size() +
                            (static_cast<index>(first[e.row / slice_rows]) + in_row) * entry_bytes +
                            e.row % slice_rows * 2;
      auto const column = static_cast<std::uint16_t>(e.col);
      f16 const number(e.value);
      std::memcpy(to, &column, 2);
      std::memcpy(to + slice_rows * 2, &number, 2);
    }
  }

  [[nodiscard, gnu::always_inline]] index rows() const noexcept { return rows_; }
  [[nodiscard, gnu::always_inline]] index cols() const noexcept { return cols_; }
  [[nodiscard, gnu::always_inline]] index size_bytes() const noexcept { return bytes_.size(); }
  [[nodiscard, gnu::always_inline]] float operator()(index row, index col) const noexcept { return view()(row, col); }
  [[nodiscard, gnu::always_inline]] view_type view() const noexcept { return {bytes_.data(), rows_, cols_}; }
  [[gnu::always_inline]] operator view_type() const noexcept { return view(); }

 private:
  index rows_ = 0;
  index cols_ = 0;
  aligned_buffer bytes_;
};

}  // namespace v0
}  // namespace octavo
