// SPDX-License-Identifier: MIT
// fixed_matrix: weights in fixed point of up to 16 bits, one type for the matrix, packed for products of words.
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

/// rows x cols codes of two bytes in panels of 64 rows: [pair of columns][row][2]. Padding is 0.
class fixed_matrix {
 public:
  static constexpr index pair_bytes = 4 * panel_rows;

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
    bytes_ = aligned_buffer(product(panels(), pairs(), pair_bytes));
    for (index r = 0; r < rows_; ++r) {
      for (index c = 0; c < cols_; ++c) {
        std::int16_t const word = type.encode(static_cast<float>(w(r, c)));
        std::memcpy(bytes_.data() + at(r, c), &word, sizeof word);
      }
    }
  }

  [[nodiscard, gnu::always_inline]] index rows() const noexcept { return rows_; }
  [[nodiscard, gnu::always_inline]] index cols() const noexcept { return cols_; }
  [[nodiscard, gnu::always_inline]] fixed_point type() const noexcept { return type_; }
  [[nodiscard, gnu::always_inline]] index pairs() const noexcept { return ceil_div(cols_, 2); }
  [[nodiscard, gnu::always_inline]] index panels() const noexcept { return ceil_div(rows_, panel_rows); }
  [[nodiscard, gnu::always_inline]] index size_bytes() const noexcept { return bytes_.size(); }
  [[nodiscard, gnu::always_inline]] std::byte const* panel(index p) const noexcept {
    return bytes_.data() + p * pairs() * pair_bytes;
  }
  [[nodiscard, gnu::always_inline]] std::int16_t code_at(index r, index c) const noexcept {
    std::int16_t word;
    std::memcpy(&word, bytes_.data() + at(r, c), sizeof word);
    return word;
  }
  /// The value that element (r, c) stands for.
  [[nodiscard, gnu::always_inline]] float operator()(index r, index c) const noexcept {
    return type_.decode(code_at(r, c));
  }

 private:
  [[nodiscard, gnu::always_inline]] index at(index r, index c) const noexcept {
    return (r / panel_rows * pairs() + c / 2) * pair_bytes + r % panel_rows * 4 + c % 2 * 2;
  }

  index rows_ = 0;
  index cols_ = 0;
  fixed_point type_{16, 0};
  aligned_buffer bytes_;
};

}  // namespace v0
}  // namespace octavo
