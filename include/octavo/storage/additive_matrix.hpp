// SPDX-License-Identifier: MIT
// additive_matrix<M, B, G>: each group of G weights of a row is a sum of M codebook vectors (AQLM); codes of B bits.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "octavo/core/buffer.hpp"
#include "octavo/core/views.hpp"

namespace octavo {
inline namespace v0 {

template <int M, int B, int G, class T>
class additive_matrix;

/// rows x cols weights over memory that somebody else keeps alive, as files of AQLM have them (Egiazarian et al. 2024,
/// equation 2; "2x8" there is M = 2, B = 8):
///
///     W(r, G i + j) = scales[r] * (C_0[codes(r, i, 0)][j] + ... + C_M-1[codes(r, i, M - 1)][j])
///
///     codes      [row][group][codebook]      one byte up to 8 bits, two up to 16
///     codebooks  [codebook][2^B][G]          T: f16 (1x16 has 1 MiB, which a second level cache holds) or float
///     scales     [row]                       f32
template <int M, int B, int G = 8, class T = f16>
class additive_matrix_view {
  static_assert(M >= 1 && M <= 8, "Octavo: an additive matrix has 1 to 8 codebooks.");
  static_assert(B >= 1 && B <= 16, "Octavo: codes of an additive matrix have 1 to 16 bits.");
  static_assert(G == 8 || G == 16, "Octavo: a code of an additive matrix stands for 8 or 16 weights.");
  static_assert(std::is_same_v<T, f16> || std::is_same_v<T, float>,
                "Octavo: codebooks of an additive matrix hold octavo::f16 or float.");

 public:
  using code_type = std::conditional_t<B <= 8, std::uint8_t, std::uint16_t>;
  using value_type = T;
  static constexpr int books = M;
  static constexpr int group = G;
  /// Vectors of a codebook, and elements of all codebooks.
  static constexpr index vectors = index{1} << B;
  static constexpr index codebook_size = M * vectors * G;

  [[gnu::always_inline]] constexpr additive_matrix_view() = default;

  /// *Errors*: negative extents, columns that are no multiple of G, sizes that do not fit.
  [[gnu::always_inline]] additive_matrix_view(index rows, index cols, std::span<code_type const> codes,
                                              std::span<T const> codebooks, std::span<float const> scales)
      : rows_(rows), cols_(cols), codes_(codes.data()), codebooks_(codebooks.data()), scales_(scales.data()) {
    if (rows < 0 || cols < 0) {
      detail::fail_extents("additive_matrix", "rows are", rows, "columns are", cols, "Extents must not be negative.");
    }
    if (cols % G != 0) {
      detail::fail_extents("additive_matrix", "columns are", cols, "weights of a code", G,
                           "Columns must be a multiple of it.");
    }
    check("codes are", static_cast<index>(codes.size()), product(rows, cols / G, M));
    check("elements of codebooks are", static_cast<index>(codebooks.size()), codebook_size);
    check("scales are", static_cast<index>(scales.size()), rows);
  }

  [[nodiscard, gnu::always_inline]] index rows() const noexcept { return rows_; }
  [[nodiscard, gnu::always_inline]] index cols() const noexcept { return cols_; }
  [[nodiscard, gnu::always_inline]] index groups() const noexcept { return cols_ / G; }
  /// The codes of a row, [group][codebook].
  [[nodiscard, gnu::always_inline]] code_type const* codes(index row) const noexcept {
    return codes_ + row * groups() * M;
  }
  [[nodiscard, gnu::always_inline]] float scale(index row) const noexcept { return scales_[row]; }
  [[nodiscard, gnu::always_inline]] float const* scales() const noexcept { return scales_; }
  [[nodiscard, gnu::always_inline]] T const* codebooks() const noexcept { return codebooks_; }
  /// Vector `which` of codebook m. Bits above B are ignored, so that no file makes a kernel read outside.
  [[nodiscard, gnu::always_inline]] T const* vector(index m, code_type which) const noexcept {
    return codebooks_ + (m * vectors + (static_cast<index>(which) & (vectors - 1))) * G;
  }

  /// The sum of vectors at element (r, c), in f32, codebooks ascending: the weight less its scale.
  [[nodiscard, gnu::always_inline]] float sum(index r, index c) const noexcept {
    code_type const* const those = codes(r) + c / G * M;
    float total = static_cast<float>(vector(0, those[0])[c % G]);
    for (index m = 1; m < M; ++m) { total += static_cast<float>(vector(m, those[m])[c % G]); }
    return total;
  }
  /// The value that element (r, c) stands for.
  [[nodiscard, gnu::always_inline]] float operator()(index r, index c) const noexcept {
    return detail::opaque(sum(r, c)) * scale(r);
  }

 private:
  friend class additive_matrix<M, B, G, T>;
  /// Of memory that was checked.
  [[gnu::always_inline]] additive_matrix_view(index rows, index cols, std::byte const* codes,
                                              std::byte const* codebooks, std::byte const* scales) noexcept
      : rows_(rows),
        cols_(cols),
        codes_(reinterpret_cast<code_type const*>(codes)),
        codebooks_(reinterpret_cast<T const*>(codebooks)),
        scales_(reinterpret_cast<float const*>(scales)) {}
  [[gnu::always_inline]] static void check(char const* what, index found, index wanted) {
    if (found != wanted) {
      detail::fail_extents("additive_matrix", what, found, "but must be", wanted,
                           "They are codes [rows][cols / G][M], codebooks [M][2^B][G], scales [rows].");
    }
  }

  index rows_ = 0;
  index cols_ = 0;
  code_type const* codes_ = nullptr;
  T const* codebooks_ = nullptr;
  float const* scales_ = nullptr;
};

/// The same, owned. Files store codes as signed integers of 8 or 16 bits: pass their bits.
template <int M, int B, int G = 8, class T = f16>
class additive_matrix {
 public:
  using view_type = additive_matrix_view<M, B, G, T>;
  using code_type = typename view_type::code_type;

  [[gnu::always_inline]] additive_matrix() = default;
  [[gnu::always_inline]] additive_matrix(additive_matrix const&) = default;
  [[gnu::always_inline]] additive_matrix(additive_matrix&&) noexcept = default;
  [[gnu::always_inline]] additive_matrix& operator=(additive_matrix const&) = default;
  [[gnu::always_inline]] additive_matrix& operator=(additive_matrix&&) noexcept = default;
  [[gnu::always_inline]] ~additive_matrix() = default;
  /// Copies. *Errors*: as those of the view.
  [[gnu::always_inline]] additive_matrix(index rows, index cols, std::span<code_type const> codes,
                                         std::span<T const> codebooks, std::span<float const> scales)
      : rows_(view_type(rows, cols, codes, codebooks, scales).rows()),  // checks
        cols_(cols),
        codes_(copy(codes)),
        codebooks_(copy(codebooks)),
        scales_(copy(scales)) {}

  [[nodiscard, gnu::always_inline]] index rows() const noexcept { return rows_; }
  [[nodiscard, gnu::always_inline]] index cols() const noexcept { return cols_; }
  /// Bytes of codes, codebooks and scales.
  [[nodiscard, gnu::always_inline]] index size_bytes() const noexcept {
    return codes_.size() + codebooks_.size() + scales_.size();
  }
  [[nodiscard, gnu::always_inline]] float operator()(index r, index c) const noexcept { return view()(r, c); }
  [[nodiscard, gnu::always_inline]] view_type view() const noexcept {
    if (codebooks_.size() == 0) { return {}; }  // made by the default constructor, or moved from
    return view_type(rows_, cols_, codes_.data(), codebooks_.data(), scales_.data());
  }
  [[gnu::always_inline]] operator view_type() const noexcept { return view(); }

 private:
  template <class E>
  [[gnu::always_inline]] static aligned_buffer copy(std::span<E const> from) {
    aligned_buffer bytes(static_cast<index>(from.size_bytes()));
    if (!from.empty()) { std::memcpy(bytes.data(), from.data(), from.size_bytes()); }
    return bytes;
  }

  index rows_ = 0;
  index cols_ = 0;
  aligned_buffer codes_;
  aligned_buffer codebooks_;
  aligned_buffer scales_;
};

}  // namespace v0
}  // namespace octavo
