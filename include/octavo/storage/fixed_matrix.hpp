// SPDX-License-Identifier: MIT
// fixed_matrix and its view: weights in fixed point of up to 16 bits, one type for all, packed for products of words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "octavo/core/buffer.hpp"
#include "octavo/core/views.hpp"
#include "octavo/format/fixed_point.hpp"
#include "octavo/storage/panel.hpp"

namespace octavo {
inline namespace v0 {

/// rows x cols codes of two bytes in panels of 64 rows: [panel][pair of columns][row][2], padding is 0; over memory
/// that somebody else keeps alive.
class fixed_matrix_view {
 public:
  static constexpr index pair_bytes = 4 * panel_rows;

  [[gnu::always_inline]] constexpr fixed_matrix_view() = default;

  /// Pre, checked: `size` is at least size_bytes(rows, cols), `data` is 64-byte aligned, fixed_point::check.
  [[gnu::always_inline]] fixed_matrix_view(std::byte const* data, index size, index rows, index cols,
                                           fixed_point type)
      : data_(data), rows_(rows), cols_(cols), type_(type) {
    constexpr auto* where = "fixed_matrix_view";
    type.check(where);
    if (rows < 0 || cols < 0) {
      detail::fail_extents(where, "rows are", rows, "columns are", cols, "Extents must not be negative.");
    }
    if (size < size_bytes(rows, cols)) {
      detail::fail_extents(where, "the memory has bytes", size, "the matrix needs", size_bytes(rows, cols),
                           "The file is truncated, or its extents are wrong.");
    }
    auto const misaligned = static_cast<index>(reinterpret_cast<std::uintptr_t>(data) % std::uintptr_t{alignment});
    if (misaligned != 0 || (data == nullptr && size_bytes() != 0)) {
      detail::fail_extents(where, "the address modulo 64 is", misaligned, "the matrix needs bytes", size_bytes(),
                           "Pass memory that is aligned to 64 bytes.");
    }
  }

  /// Bytes of a rows x cols matrix.
  [[nodiscard, gnu::always_inline]] static constexpr index size_bytes(index rows, index cols) {
    return product(ceil_div(rows, panel_rows), ceil_div(cols, 2), pair_bytes);
  }

  [[nodiscard, gnu::always_inline]] index rows() const noexcept { return rows_; }
  [[nodiscard, gnu::always_inline]] index cols() const noexcept { return cols_; }
  [[nodiscard, gnu::always_inline]] fixed_point type() const noexcept { return type_; }
  [[nodiscard, gnu::always_inline]] index pairs() const noexcept { return ceil_div(cols_, 2); }
  [[nodiscard, gnu::always_inline]] index panels() const noexcept { return ceil_div(rows_, panel_rows); }
  [[nodiscard, gnu::always_inline]] std::byte const* data() const noexcept { return data_; }
  [[nodiscard, gnu::always_inline]] index size_bytes() const noexcept { return panels() * pairs() * pair_bytes; }
  [[nodiscard, gnu::always_inline]] std::byte const* panel(index p) const noexcept {
    return data_ + p * pairs() * pair_bytes;
  }
  [[nodiscard, gnu::always_inline]] std::int16_t code_at(index r, index c) const noexcept {
    std::int16_t word;
    std::memcpy(&word, data_ + at(r, c, pairs()), sizeof word);
    return word;
  }
  /// The value that element (r, c) stands for.
  [[nodiscard, gnu::always_inline]] float operator()(index r, index c) const noexcept {
    return type_.decode(code_at(r, c));
  }

 private:
  friend class fixed_matrix;
  [[nodiscard, gnu::always_inline]] static constexpr index at(index r, index c, index pairs) noexcept {
    return (r / panel_rows * pairs + c / 2) * pair_bytes + r % panel_rows * 4 + c % 2 * 2;
  }

  std::byte const* data_ = nullptr;
  index rows_ = 0;
  index cols_ = 0;
  fixed_point type_{16, 0};
};

/// The same, owned.
class fixed_matrix {
 public:
  using view_type = fixed_matrix_view;

  [[gnu::always_inline]] fixed_matrix() = default;
  [[gnu::always_inline]] fixed_matrix(fixed_matrix const&) = default;
  [[gnu::always_inline]] fixed_matrix(fixed_matrix&&) noexcept = default;
  [[gnu::always_inline]] fixed_matrix& operator=(fixed_matrix const&) = default;
  [[gnu::always_inline]] fixed_matrix& operator=(fixed_matrix&&) noexcept = default;
  [[gnu::always_inline]] ~fixed_matrix() = default;

  /// Rounds a dense matrix, any strides, elements float, bf16 or f16, to `type`: ties to even, saturating, NaN to the
  /// lowest. *Errors*: fixed_point::check, extents that do not fit.
  template <class M>
  [[gnu::always_inline]] fixed_matrix(M const& weights, fixed_point type) : type_(type) {
    type.check("fixed_matrix");
    matrix_view const w(weights);
    rows_ = w.rows();
    cols_ = w.cols();
    bytes_ = aligned_buffer(view_type::size_bytes(rows_, cols_));
    for (index r = 0; r < rows_; ++r) {
      for (index c = 0; c < cols_; ++c) {
        std::int16_t const word = type.encode(static_cast<float>(w(r, c)));
        std::memcpy(bytes_.data() + view_type::at(r, c, ceil_div(cols_, 2)), &word, sizeof word);
      }
    }
  }

  [[nodiscard, gnu::always_inline]] index rows() const noexcept { return rows_; }
  [[nodiscard, gnu::always_inline]] index cols() const noexcept { return cols_; }
  [[nodiscard, gnu::always_inline]] fixed_point type() const noexcept { return type_; }
  [[nodiscard, gnu::always_inline]] std::byte const* data() const noexcept { return bytes_.data(); }
  [[nodiscard, gnu::always_inline]] index size_bytes() const noexcept { return bytes_.size(); }
  [[nodiscard, gnu::always_inline]] std::int16_t code_at(index r, index c) const { return view().code_at(r, c); }
  /// The value that element (r, c) stands for.
  [[nodiscard, gnu::always_inline]] float operator()(index r, index c) const { return view()(r, c); }
  [[nodiscard, gnu::always_inline]] view_type view() const {
    return {bytes_.data(), bytes_.size(), rows_, cols_, type_};
  }
  [[gnu::always_inline]] operator view_type() const { return view(); }

 private:
  index rows_ = 0;
  index cols_ = 0;
  fixed_point type_{16, 0};
  aligned_buffer bytes_;
};

}  // namespace v0
}  // namespace octavo
