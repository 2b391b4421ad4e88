// SPDX-License-Identifier: MIT
// quantized_matrix<Scheme> owns a packed matrix; quantized_matrix_view<Scheme> is one over memory of the caller.
#pragma once

#include <cstdint>
#include <cstring>

#include "octavo/core/buffer.hpp"
#include "octavo/core/views.hpp"
#include "octavo/storage/panel.hpp"

namespace octavo {
inline namespace v0 {

/// rows x cols in panel64_v1, over memory that somebody else keeps alive (a mapped file, an arena).
template <class Scheme>
class quantized_matrix_view {
 public:
  using scheme = Scheme;
  using layout_type = panel_layout<Scheme>;
  using quantizer = typename Scheme::quantizer;

  [[gnu::always_inline]] constexpr quantized_matrix_view() = default;

  /// Pre, checked: `size` is at least size_bytes(rows, cols), `data` is 64-byte aligned.
  [[gnu::always_inline]] quantized_matrix_view(std::byte const* data, index size, index rows, index cols)
      : data_(data), layout_{rows, cols} {
    index const needed = layout_.size_bytes();
    if (size < needed) {
      detail::fail_extents("quantized_matrix_view", "the memory has bytes", size, "the matrix needs", needed,
                           "The file is truncated, or its extents are wrong.");
    }
    if (needed != 0 && data == nullptr) {
      detail::fail_extents("quantized_matrix_view", "the data pointer is null but rows are", rows, "columns are",
                           cols, "Pass memory, or an extent of 0.");
    }
    auto const misaligned = static_cast<index>(reinterpret_cast<std::uintptr_t>(data) % std::uintptr_t{alignment});
    if (misaligned != 0) {
      detail::fail_extents("quantized_matrix_view", "the address modulo 64 is", misaligned, "but must be", 0,
                           "Align packed matrices to 64 bytes in the file.");
    }
  }

  /// Bytes of a packed rows x cols matrix of this scheme.
  [[nodiscard, gnu::always_inline]] static constexpr index size_bytes(index rows, index cols) {
    return layout_type{rows, cols}.size_bytes();
  }

  [[nodiscard, gnu::always_inline]] index rows() const noexcept { return layout_.rows; }
  [[nodiscard, gnu::always_inline]] index cols() const noexcept { return layout_.cols; }
  [[nodiscard, gnu::always_inline]] layout_type layout() const noexcept { return layout_; }
  [[nodiscard, gnu::always_inline]] std::byte const* data() const noexcept { return data_; }
  [[nodiscard, gnu::always_inline]] index size_bytes() const noexcept {
    return layout_.panels() * layout_.panel_bytes() + layout_.column_bytes();
  }
  [[nodiscard, gnu::always_inline]] std::byte const* panel(index p) const noexcept {
    return data_ + p * layout_.panel_bytes();
  }

  /// The code of element (r, c), as the quantizer encoded it.
  [[nodiscard, gnu::always_inline]] code code_at(index r, index c) const noexcept {
    int const packed = layout_type::get(panel(r / panel_rows), layout_.at(r % panel_rows, c));
    return static_cast<code>((packed ^ layout_type::flip) & (code_count<typename quantizer::format> - 1));
  }

  /// The scale of row r in group g (linear quantizers; 1 for per_column).
  [[nodiscard, gnu::always_inline]] float scale_at(index r, index g) const noexcept {
    float const s = value<typename layout_type::scale_type>(params(r, g), r);
    if constexpr (layout_type::two_level) { return shared_times(s, shared(r, g), r); }
    return s;
  }
  /// The zero point of row r in group g, an integer of the format.
  [[nodiscard, gnu::always_inline]] int zero_at(index r, index g) const noexcept {
    if constexpr (layout_type::zero_points) {
      auto const z = params(r, g)[layout_type::scale_bytes + r % panel_rows];
      return static_cast<int>(z) + lattice<typename quantizer::format>.lowest;
    }
    return 0;
  }
  /// The minimum of row r in group g; 0 for quantizers without.
  [[nodiscard, gnu::always_inline]] float minimum_at(index r, index g) const noexcept {
    if constexpr (layout_type::minima) {
      float const m = value<typename layout_type::scale_type>(panel(r / panel_rows) + layout_.minima_at(g), r);
      if constexpr (layout_type::two_level) {
        float const drop = detail::opaque(shared_times(m, shared(r, g) + layout_type::shared_scale_bytes, r));
        return layout_type::real_zeros ? detail::opaque(scale_at(r, g) * drop) : drop;
      }
      return m;
    }
    return 0;
  }
  /// Scales and zero points of the columns (per_column only).
  [[nodiscard, gnu::always_inline]] float const* column_scales() const noexcept {
    return reinterpret_cast<float const*>(data_ + layout_.panels() * layout_.panel_bytes());
  }
  [[nodiscard, gnu::always_inline]] std::int32_t const* column_zeros() const noexcept {
    return reinterpret_cast<std::int32_t const*>(column_scales() + layout_.cols);
  }

  /// The value that element (r, c) stands for.
  [[nodiscard, gnu::always_inline]] float operator()(index r, index c) const noexcept {
    using F = typename quantizer::format;
    code const q = code_at(r, c);
    index const g = c / layout_.group();
    if constexpr (layout_type::by_column) {
      return column_scales()[c] * (F::decode(q) - static_cast<float>(column_zeros()[c]));
    } else if constexpr (layout_type::minima) {
      return __builtin_fmaf(scale_at(r, g), F::decode(q), minimum_at(r, g));
    } else if constexpr (layout_type::linear) {
      return scale_at(r, g) * (F::decode(q) - static_cast<float>(zero_at(r, g)));
    } else {
      typename quantizer::params p;
      std::memcpy(&p, params(r, g) + r % panel_rows * layout_type::row_params, sizeof p);
      return quantizer::decode(q, p);
    }
  }

 private:
  [[nodiscard, gnu::always_inline]] std::byte const* params(index r, index g) const noexcept {
    return panel(r / panel_rows) + layout_.params_at(g);
  }
  [[nodiscard, gnu::always_inline]] std::byte const* shared(index r, index g) const noexcept {
    return panel(r / panel_rows) + layout_type::shared_at(g);
  }
  /// x times what row r shares at `from`, and the offset.
  [[nodiscard, gnu::always_inline]] static float shared_times(float x, std::byte const* from, index r) noexcept {
    using T = typename layout_type::shared_type;
    index const entry = r % panel_rows / layout_type::sharing_rows;
    if constexpr (layout_type::offsets) {
      return __builtin_fmaf(value<T>(from, entry), x, value<T>(from + layout_type::offset_at, entry));
    }
    return value<T>(from, entry) * x;
  }
  /// That of row r, of the 64 scales at `from`.
  template <class T>
  [[nodiscard, gnu::always_inline]] static float value(std::byte const* from, index r) noexcept {
    T s;
    std::memcpy(&s, from + r % panel_rows * static_cast<index>(sizeof s), sizeof s);
    return static_cast<float>(s);
  }

  std::byte const* data_ = nullptr;
  layout_type layout_{};
};

/// rows x cols in panel64_v1, owned. Made by quantize<Scheme>(weights).
template <class Scheme>
class quantized_matrix {
 public:
  using scheme = Scheme;
  using view_type = quantized_matrix_view<Scheme>;

  [[gnu::always_inline]] quantized_matrix() = default;
  [[gnu::always_inline]] quantized_matrix(quantized_matrix const&) = default;
  [[gnu::always_inline]] quantized_matrix(quantized_matrix&&) noexcept = default;
  [[gnu::always_inline]] quantized_matrix& operator=(quantized_matrix const&) = default;
  [[gnu::always_inline]] quantized_matrix& operator=(quantized_matrix&&) noexcept = default;
  [[gnu::always_inline]] ~quantized_matrix() = default;

  /// All bytes zero; quantize() fills it.
  [[gnu::always_inline]] quantized_matrix(index rows, index cols)
      : rows_(rows), cols_(cols), bytes_(view_type::size_bytes(rows, cols)) {}

  [[nodiscard, gnu::always_inline]] index rows() const noexcept { return rows_; }
  [[nodiscard, gnu::always_inline]] index cols() const noexcept { return cols_; }
  [[nodiscard, gnu::always_inline]] std::byte* data() noexcept { return bytes_.data(); }
  [[nodiscard, gnu::always_inline]] std::byte const* data() const noexcept { return bytes_.data(); }
  [[nodiscard, gnu::always_inline]] index size_bytes() const noexcept { return bytes_.size(); }
  [[nodiscard, gnu::always_inline]] view_type view() const {
    return view_type(bytes_.data(), bytes_.size(), rows_, cols_);
  }
  [[gnu::always_inline]] operator view_type() const { return view(); }

 private:
  index rows_ = 0;
  index cols_ = 0;
  aligned_buffer bytes_;
};

}  // namespace v0
}  // namespace octavo
