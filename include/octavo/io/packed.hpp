// SPDX-License-Identifier: MIT
// Files of matrices and of floats beside them: packed_writer saves them, packed_file finds them where they are.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "octavo/io/cursor.hpp"
#include "octavo/io/scheme_text.hpp"
#include "octavo/io/whole_file.hpp"
#include "octavo/storage/additive_matrix.hpp"
#include "octavo/storage/fixed_matrix.hpp"
#include "octavo/storage/outlier_matrix.hpp"
#include "octavo/storage/quantized_matrix.hpp"

namespace octavo {
inline namespace v0 {
namespace io {

namespace detail {

/// The first 40 bytes of a file.
///
///     header | table | zeros | matrix 0 | zeros | matrix 1 | ...      every matrix at a multiple of 64 bytes
///     entry of the table: packed_entry, its name, its scheme as text, without padding
///
///     scheme                                       parts of the matrix, each at a multiple of 64 bytes
///     int4 x f16, per_group<128>                   panels (storage/panel.hpp)
///     int4 x f16, per_group<128> + f16 outliers    panels | starts, slices (storage/sparse_matrix.hpp)
///     fixed_point<12, 10>                          panels of pairs of words (storage/fixed_matrix.hpp)
///     additive 2x8, groups of 8, f16               codes | codebooks | scales (storage/additive_matrix.hpp)
///     f32                                          floats, column-major
///
/// `layout` is panel_layout_version, which changes when a byte of any of these would. A new scheme changes no older
/// file, and an older reader refuses it by its text.
struct packed_header {
  std::array<char, 8> magic;
  std::uint32_t byte_order;
  std::uint32_t layout;
  std::uint32_t alignment;
  std::uint32_t matrices;
  std::uint64_t table_bytes;
  std::uint64_t file_bytes;
};
struct packed_entry {
  std::int64_t rows;
  std::int64_t cols;
  std::uint64_t offset;  ///< from the start of the file
  std::uint64_t bytes;
  std::uint32_t name_length;
  std::uint32_t scheme_length;
};
static_assert(sizeof(packed_header) == 40 && sizeof(packed_entry) == 40);

inline constexpr std::array<char, 8> packed_magic = {'o', 'c', 't', 'a', 'v', 'o', '\n', 1};
inline constexpr std::uint32_t packed_byte_order = 0x01020304;
inline constexpr std::string_view packed_floats = "f32";  // in place of a scheme

template <class S>
[[nodiscard]] std::string outliers_text() {
  return scheme_text<S>() + " + f16 outliers";
}
[[nodiscard]] inline std::string fixed_text(fixed_point type) {
  return "fixed_point<" + std::to_string(type.word_length) + ", " + std::to_string(type.fraction_length) + ">";
}
/// The type that a text is of, if kernels take it.
[[nodiscard]] inline std::optional<fixed_point> fixed_of(std::string_view text) {
  constexpr std::string_view start = "fixed_point<";
  if (!text.starts_with(start)) { return std::nullopt; }
  fixed_point type{0, 0};
  char const* const end = text.data() + text.size();
  char const* const comma = std::from_chars(text.data() + start.size(), end, type.word_length).ptr;
  if (end - comma > 2) { (void)std::from_chars(comma + 2, end, type.fraction_length); }
  bool const known = type.word_length >= 2 && type.word_length <= 16 && type.fraction_length >= -60 &&
                     type.fraction_length <= 60 && text == fixed_text(type);
  return known ? std::optional(type) : std::nullopt;
}
template <int M, int B, int G, class T>
[[nodiscard]] std::string additive_text() {
  return "additive " + std::to_string(M) + "x" + std::to_string(B) + ", groups of " + std::to_string(G) + ", " +
         scale_text<T>;
}

/// The product of what a file claims, or far more than any file has.
template <class... Ns>
[[nodiscard]] std::uint64_t bytes_times(Ns... ns) {
  constexpr auto most = std::uint64_t{1} << 60;
  std::uint64_t result = 1;
  bool overflow = false;
  ((overflow = __builtin_mul_overflow(result, static_cast<std::uint64_t>(ns), &result) || overflow), ...);
  return overflow || result > most ? most : result;
}
[[nodiscard]] constexpr std::uint64_t padded(std::uint64_t n) {
  constexpr auto align = static_cast<std::uint64_t>(alignment);
  return (n + align - 1) / align * align;
}

}  // namespace detail

/// Collects matrices, then writes them. Refers to their bytes until then.
class packed_writer {
 public:
  template <class S>
  void add(std::string name, quantized_matrix_view<S> const& m) {
    add({std::move(name), scheme_text<S>(), m.rows(), m.cols(), {bytes_at(m.data(), m.size_bytes())}});
  }
  template <class S>
  void add(std::string name, quantized_matrix<S> const& m) {
    add(std::move(name), m.view());
  }
  template <class S>
  void add(std::string name, outlier_matrix_view<S> const& m) {
    static constexpr std::array<std::byte, alignment> no_rows{};  // the starts of a matrix that was never made
    auto const sparse = m.sparse().data() == nullptr ? std::span<std::byte const>(no_rows)
                                                     : bytes_at(m.sparse().data(), m.sparse().size_bytes());
    add({std::move(name),
         detail::outliers_text<S>(),
         m.rows(),
         m.cols(),
         {bytes_at(m.dense().data(), m.dense().size_bytes()), sparse}});
  }
  template <class S>
  void add(std::string name, outlier_matrix<S> const& m) {
    add(std::move(name), m.view());
  }
  void add(std::string name, fixed_matrix_view const& m) {
    add({std::move(name), detail::fixed_text(m.type()), m.rows(), m.cols(), {bytes_at(m.data(), m.size_bytes())}});
  }
  template <int M, int B, int G, class T>
  void add(std::string name, additive_matrix_view<M, B, G, T> const& m) {
    using W = additive_matrix_view<M, B, G, T>;
    if (m.codebooks() == nullptr) {
      octavo::detail::fail("packed_writer: an additive matrix has no codebooks. It was never made, or moved from.");
    }
    add({std::move(name),
         detail::additive_text<M, B, G, T>(),
         m.rows(),
         m.cols(),
         {bytes_at(m.codes(0), product(m.rows(), m.groups(), M)), bytes_at(m.codebooks(), W::codebook_size),
          bytes_at(m.scales(), m.rows())}});
  }
  template <int M, int B, int G, class T>
  void add(std::string name, additive_matrix<M, B, G, T> const& m) {
    add(std::move(name), m.view());
  }
  /// Plain floats beside the matrices, rows x cols, column-major: factors of features, biases, low-rank terms, norms.
  void add(std::string name, std::span<float const> values, index rows, index cols = 1) {
    if (rows < 0 || cols < 0 || static_cast<std::size_t>(product(rows, cols)) != values.size()) {
      octavo::detail::fail_extents("packed_writer", "floats are", static_cast<index>(values.size()),
                                   "rows times columns", product(rows, cols), "There is one for each element.");
    }
    add({std::move(name), std::string(detail::packed_floats), rows, cols, {std::as_bytes(values)}});
  }

  /// The bytes of the file: the same on every machine.
  [[nodiscard]] std::vector<std::byte> bytes() const {
    std::vector<std::byte> result;
    (void)write_to([&](void const* from, std::size_t n) {
      auto const* const first = static_cast<std::byte const*>(from);
      result.insert(result.end(), first, first + n);
      return true;
    });
    return result;
  }

  /// Writes the file, whole or not at all (io/whole_file.hpp). False, and why in `error`, if that cannot be done, or
  /// two matrices have one name.
  [[nodiscard]] bool write(std::string const& path, std::string& error) const {
    std::vector<std::string_view> names;
    for (auto const& m : matrices_) { names.push_back(m.name); }
    std::sort(names.begin(), names.end());
    auto const twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) {
      error = shown(*twice) + " is there twice";
      return false;
    }
    return write_whole_file(
        path, [this](auto const& put) { return write_to(put); }, error);
  }

 private:
  struct matrix {
    std::string name;
    std::string scheme;
    index rows;
    index cols;
    std::vector<std::span<std::byte const>> parts;

    [[nodiscard]] std::uint64_t bytes() const {
      std::uint64_t at = 0;
      for (auto const& part : parts) { at = detail::padded(at) + part.size(); }
      return at;
    }
  };
  void add(matrix m) { matrices_.push_back(std::move(m)); }
  template <class T>
  [[nodiscard]] static std::span<std::byte const> bytes_at(T const* data, index count) {
    return std::as_bytes(std::span<T const>(data, static_cast<std::size_t>(count)));
  }

  /// Calls put(address, count) for the file's bytes in order, until it returns false.
  template <class Put>
  [[nodiscard]] bool write_to(Put const& put) const {
    using detail::padded;
    std::uint64_t table = 0;
    for (auto const& m : matrices_) { table += sizeof(detail::packed_entry) + m.name.size() + m.scheme.size(); }
    std::uint64_t end = sizeof(detail::packed_header) + table;
    for (auto const& m : matrices_) { end = padded(end) + m.bytes(); }
    detail::packed_header const header{detail::packed_magic,
                                       detail::packed_byte_order,
                                       panel_layout_version,
                                       static_cast<std::uint32_t>(alignment),
                                       static_cast<std::uint32_t>(matrices_.size()),
                                       table,
                                       end};
    bool ok = put(&header, sizeof header);
    std::uint64_t at = sizeof header + table;
    for (auto const& m : matrices_) {
      at = padded(at);
      detail::packed_entry const entry{m.rows,
                                       m.cols,
                                       at,
                                       m.bytes(),
                                       static_cast<std::uint32_t>(m.name.size()),
                                       static_cast<std::uint32_t>(m.scheme.size())};
      ok = ok && put(&entry, sizeof entry) && put(m.name.data(), m.name.size()) &&
           put(m.scheme.data(), m.scheme.size());
      at += m.bytes();
    }
    at = sizeof header + table;
    for (auto const& m : matrices_) {
      for (auto const& part : m.parts) {
        std::array<std::byte, alignment> const zeros{};
        ok = ok && put(zeros.data(), static_cast<std::size_t>(padded(at) - at)) && put(part.data(), part.size());
        at = padded(at) + part.size();
      }
    }
    return ok;
  }

  std::vector<matrix> matrices_;
};

/// The matrices of a file by packed_writer. Refers to the memory that it was parsed from, which is aligned to 64 bytes,
/// as a mapped_file is.
class packed_file {
 public:
  struct matrix {
    std::string_view scheme;  ///< scheme_text of its scheme
    index rows;
    index cols;
    std::span<std::byte const> bytes;
  };

  /// Nothing, and what is wrong in `error`, for a file that is cut, contradicts itself, or has another layout.
  [[nodiscard]] static std::optional<packed_file> parse(std::span<std::byte const> file, std::string& error) {
    cursor at(file);
    detail::packed_header header{};
    if (!at.read(header)) {
      error = "the file has " + std::to_string(file.size()) + " bytes, too few for packed matrices";
    } else if (header.magic != detail::packed_magic) {
      error = "the file does not start as packed matrices do";
    } else if (header.byte_order != detail::packed_byte_order) {
      error = "the file was written with another byte order; pack the matrices again on this machine";
    } else if (header.layout != panel_layout_version) {
      error = "the file has layout panel64_v" + std::to_string(header.layout) + ", this version reads panel64_v" +
              std::to_string(panel_layout_version) + "; pack the matrices again";
    } else if (header.alignment != static_cast<std::uint32_t>(alignment)) {
      error = "the file is aligned to " + std::to_string(header.alignment) + " bytes, but must be to " +
              std::to_string(alignment);
    } else if (header.file_bytes != file.size()) {
      error = "the file says that it has " + std::to_string(header.file_bytes) + " bytes, but has " +
              std::to_string(file.size()) + "; it is truncated, or was changed";
    } else if (reinterpret_cast<std::uintptr_t>(file.data()) % static_cast<std::uintptr_t>(alignment) != 0) {
      error = "the memory is not aligned to " + std::to_string(alignment) + " bytes; map the file, or align its copy";
    } else {
      packed_file result;
      std::span<std::byte const> table;
      if (!at.take(header.table_bytes, table)) {
        error = "the table claims " + std::to_string(header.table_bytes) + " bytes, the file has " +
                std::to_string(at.left()) + " after its header";
      } else if (result.read_table(cursor(table), header.matrices, file, at.position(), error)) {
        return result;
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] std::map<std::string_view, matrix> const& matrices() const noexcept { return matrices_; }

  /// The matrix `name`, which must be of a scheme that decodes as S does. Nothing is copied.
  template <class S>
  [[nodiscard]] std::optional<quantized_matrix_view<S>> view(std::string_view name, std::string& error) const {
    auto const* const m = find(name, scheme_text<S>(), error);
    if (m == nullptr || !has_bytes(name, *m, bytes_of<S>(m->rows, m->cols), error)) { return std::nullopt; }
    return quantized_matrix_view<S>(m->bytes.data(), static_cast<index>(m->bytes.size()), m->rows, m->cols);
  }

  /// The same with outliers beside it. Those are looked at, once: where they are, and that they are finite.
  template <class S>
  [[nodiscard]] std::optional<outlier_matrix_view<S>> outliers(std::string_view name, std::string& error) const {
    auto const* const m = find(name, detail::outliers_text<S>(), error);
    if (m == nullptr) { return std::nullopt; }
    auto const dense = bytes_of<S>(m->rows, m->cols);
    auto const least = dense == UINT64_MAX ? dense : detail::padded(dense) + alignment;  // there are starts
    if (least > m->bytes.size()) {
      (void)has_bytes(name, *m, least, error);
      return std::nullopt;
    }
    auto const sparse = m->bytes.subspan(static_cast<std::size_t>(detail::padded(dense)));
    auto const left = static_cast<index>(sparse.size());
    if (char const* const why = sparse_matrix_view::fault(sparse.data(), left, m->rows, m->cols)) {
      error = shown(name) + ": " + why;
      return std::nullopt;
    }
    return outlier_matrix_view<S>(
        quantized_matrix_view<S>(m->bytes.data(), static_cast<index>(dense), m->rows, m->cols),
        sparse_matrix_view(sparse.data(), left, m->rows, m->cols));
  }

  /// The matrix `name` in fixed point, of the type that the file has.
  [[nodiscard]] std::optional<fixed_matrix_view> fixed(std::string_view name, std::string& error) const {
    auto const* const m = find(name, error);
    if (m == nullptr) { return std::nullopt; }
    auto const type = detail::fixed_of(m->scheme);
    if (!type) {
      error = shown(name) + " is '" + shown(m->scheme) + "', but fixed point of 2 to 16 bits was asked for";
      return std::nullopt;
    }
    auto const needed =
        detail::bytes_times(ceil_div(m->rows, panel_rows), ceil_div(m->cols, 2), fixed_matrix_view::pair_bytes);
    if (!has_bytes(name, *m, needed, error)) { return std::nullopt; }
    return fixed_matrix_view(m->bytes.data(), static_cast<index>(m->bytes.size()), m->rows, m->cols, *type);
  }

  /// The matrix `name` of additive codebooks.
  template <int M, int B, int G = 8, class T = f16>
  [[nodiscard]] std::optional<additive_matrix_view<M, B, G, T>> additive(std::string_view name,
                                                                         std::string& error) const {
    using W = additive_matrix_view<M, B, G, T>;
    auto const* const m = find(name, detail::additive_text<M, B, G, T>(), error);
    if (m == nullptr) { return std::nullopt; }
    if (m->cols % G != 0) {
      error = shown(name) + " has " + std::to_string(m->cols) + " columns, no multiple of " + std::to_string(G);
      return std::nullopt;
    }
    auto const codes = detail::bytes_times(m->rows, m->cols / G, M * sizeof(typename W::code_type));
    auto const books = detail::padded(codes);
    auto const scales = detail::padded(books + detail::bytes_times(W::codebook_size, sizeof(T)));
    if (!has_bytes(name, *m, scales + detail::bytes_times(m->rows, sizeof(float)), error)) { return std::nullopt; }
    return W(m->rows, m->cols, elements<typename W::code_type>(*m, 0, m->rows * (m->cols / G) * M),
             elements<T>(*m, books, W::codebook_size), elements<float>(*m, scales, m->rows));
  }

  /// The floats `name`, rows x cols, column-major: read by w.token(c)[r]. Nothing is copied.
  [[nodiscard]] std::optional<tokens_view<float const>> floats(std::string_view name, std::string& error) const {
    auto const* const m = find(name, detail::packed_floats, error);
    if (m == nullptr || !has_bytes(name, *m, detail::bytes_times(m->rows, m->cols, sizeof(float)), error)) {
      return std::nullopt;
    }
    return tokens_view<float const>(reinterpret_cast<float const*>(m->bytes.data()), m->rows, m->cols, m->rows);
  }

 private:
  /// size_bytes() for extents that a file claims: those too large for it need more than any file has.
  template <class S>
  [[nodiscard]] static std::uint64_t bytes_of(index rows, index cols) {
    constexpr index most = index{1} << 40;  // far above any file, and the products in size_bytes() hold
    if (cols > most || rows > most / (cols + longest_leaf)) { return UINT64_MAX; }
    return static_cast<std::uint64_t>(quantized_matrix_view<S>::size_bytes(rows, cols));
  }
  template <class T>
  [[nodiscard]] static std::span<T const> elements(matrix const& m, std::uint64_t at, index count) {
    return {reinterpret_cast<T const*>(m.bytes.data() + at), static_cast<std::size_t>(count)};
  }

  /// The matrix of this name, and of this scheme; else why not, in `error`.
  [[nodiscard]] matrix const* find(std::string_view name, std::string& error) const {
    auto const found = matrices_.find(name);
    if (found != matrices_.end()) { return &found->second; }
    error = "there is no matrix " + shown(name);
    return nullptr;
  }
  [[nodiscard]] matrix const* find(std::string_view name, std::string_view wanted, std::string& error) const {
    auto const* const m = find(name, error);
    if (m == nullptr || m->scheme == wanted) { return m; }
    error = shown(name) + " is '" + shown(m->scheme) + "', but '" + std::string(wanted) + "' was asked for";
    return nullptr;
  }
  [[nodiscard]] static bool has_bytes(std::string_view name, matrix const& m, std::uint64_t needed,
                                      std::string& error) {
    if (needed == m.bytes.size()) { return true; }
    error = shown(name) + " has " + std::to_string(m.bytes.size()) + " bytes, but " + std::to_string(m.rows) + " x " +
            std::to_string(m.cols) + " of its scheme need " + std::to_string(needed);
    return false;
  }

  [[nodiscard]] bool read_table(cursor at, std::uint32_t count, std::span<std::byte const> file,
                                std::uint64_t first_byte, std::string& error) {
    std::uint64_t next = first_byte;
    for (std::uint32_t i = 0; i < count; ++i) {
      detail::packed_entry entry{};
      std::string_view name;
      matrix m{};
      if (!at.read(entry) || !at.text(entry.name_length, name) || !at.text(entry.scheme_length, m.scheme)) {
        error = "the table ends in matrix " + std::to_string(i + 1) + " of " + std::to_string(count);
        return false;
      }
      auto const complain = [&error, name](std::string const& why) {
        error = shown(name) + " " + why;
        return false;
      };
      if (!is_utf8(name)) {
        error = "the name of matrix " + std::to_string(i + 1) + " is not UTF-8";
        return false;
      }
      if (entry.rows < 0 || entry.cols < 0) { return complain("has negative extents"); }
      if (entry.offset % static_cast<std::uint64_t>(alignment) != 0) {
        return complain("starts at byte " + std::to_string(entry.offset) + ", no multiple of " +
                        std::to_string(alignment));
      }
      if (entry.offset > file.size() || entry.bytes > file.size() - entry.offset) {
        return complain("needs " + std::to_string(entry.bytes) + " bytes from byte " + std::to_string(entry.offset) +
                        " of a file of " + std::to_string(file.size()));
      }
      if (entry.offset < next) { return complain("overlaps what stands before it in the file"); }
      next = entry.offset + entry.bytes;
      m.rows = static_cast<index>(entry.rows);
      m.cols = static_cast<index>(entry.cols);
      m.bytes = file.subspan(static_cast<std::size_t>(entry.offset), static_cast<std::size_t>(entry.bytes));
      if (!matrices_.emplace(name, m).second) { return complain("is there twice"); }
    }
    if (at.left() != 0) {
      error = "the table has " + std::to_string(at.left()) + " bytes more than its matrices";
      return false;
    }
    return true;
  }

  std::map<std::string_view, matrix> matrices_;
};

}  // namespace io
}  // namespace v0
}  // namespace octavo
