// SPDX-License-Identifier: MIT
// Files of packed matrices and of floats beside them: packed_writer saves them, packed_file finds them where they are.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octavo/io/cursor.hpp"
#include "octavo/io/scheme_text.hpp"
#include "octavo/storage/quantized_matrix.hpp"

namespace octavo {
inline namespace v0 {
namespace io {

namespace detail {

/// The first 40 bytes of a file.
///
///     header | table | zeros | matrix 0 | zeros | matrix 1 | ...      every matrix at a multiple of 64 bytes
///     entry of the table: packed_entry, its name, its scheme as text, without padding
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

}  // namespace detail

/// Collects matrices, then writes them. Refers to their bytes until then.
class packed_writer {
 public:
  template <class S>
  void add(std::string name, quantized_matrix_view<S> const& m) {
    add({std::move(name),
         scheme_text<S>(),
         m.rows(),
         m.cols(),
         {m.data(), static_cast<std::size_t>(m.size_bytes())}});
  }
  template <class S>
  void add(std::string name, quantized_matrix<S> const& m) {
    add(std::move(name), m.view());
  }
  /// Plain floats beside the matrices, rows x cols, column-major: factors of features, biases, low-rank terms, norms.
  void add(std::string name, std::span<float const> values, index rows, index cols = 1) {
    if (rows < 0 || cols < 0 || static_cast<std::size_t>(product(rows, cols)) != values.size()) {
      octavo::detail::fail_extents("packed_writer", "floats are", static_cast<index>(values.size()),
                                   "rows times columns", product(rows, cols), "There is one for each element.");
    }
    add({std::move(name), std::string(detail::packed_floats), rows, cols, std::as_bytes(values)});
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

  /// Writes the file beside its place, then renames it, so that a mapping of an older one stays whole. False, and why in
  /// `error`, if that cannot be done, or two matrices have one name.
  [[nodiscard]] bool write(std::string const& path, std::string& error) const {
    std::vector<std::string_view> names;
    for (auto const& m : matrices_) { names.push_back(m.name); }
    std::sort(names.begin(), names.end());
    auto const twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) {
      error = shown(*twice) + " is there twice";
      return false;
    }
    auto const part = path + ".part";
    std::FILE* const file = std::fopen(part.c_str(), "wb");
    bool ok = file != nullptr;
    if (ok) {
      ok = write_to([file](void const* from, std::size_t n) { return std::fwrite(from, 1, n, file) == n; });
      ok = std::fclose(file) == 0 && ok;
    }
    if (!ok || std::rename(part.c_str(), path.c_str()) != 0) {
      error = path + " cannot be written: " + std::strerror(errno);
      std::remove(part.c_str());
      return false;
    }
    return true;
  }

 private:
  struct matrix {
    std::string name;
    std::string scheme;
    index rows;
    index cols;
    std::span<std::byte const> bytes;
  };
  void add(matrix m) { matrices_.push_back(std::move(m)); }

  /// Calls put(address, count) for the file's bytes in order, until it returns false.
  template <class Put>
  [[nodiscard]] bool write_to(Put const& put) const {
    constexpr auto align = static_cast<std::uint64_t>(alignment);
    auto const padded = [](std::uint64_t n) { return (n + align - 1) / align * align; };
    std::uint64_t table = 0;
    for (auto const& m : matrices_) { table += sizeof(detail::packed_entry) + m.name.size() + m.scheme.size(); }
    std::uint64_t end = sizeof(detail::packed_header) + table;
    for (auto const& m : matrices_) { end = padded(end) + m.bytes.size(); }
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
                                       m.bytes.size(),
                                       static_cast<std::uint32_t>(m.name.size()),
                                       static_cast<std::uint32_t>(m.scheme.size())};
      ok = ok && put(&entry, sizeof entry) && put(m.name.data(), m.name.size()) &&
           put(m.scheme.data(), m.scheme.size());
      at += m.bytes.size();
    }
    at = sizeof header + table;
    for (auto const& m : matrices_) {
      std::array<std::byte, align> const zeros{};
      ok = ok && put(zeros.data(), static_cast<std::size_t>(padded(at) - at)) && put(m.bytes.data(), m.bytes.size());
      at = padded(at) + m.bytes.size();
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
    auto const* const m = find(name, scheme_text<S>(), bytes_of<S>, error);
    if (m == nullptr) { return std::nullopt; }
    return quantized_matrix_view<S>(m->bytes.data(), static_cast<index>(m->bytes.size()), m->rows, m->cols);
  }

  /// The floats `name`, rows x cols, column-major: read by w.token(c)[r]. Nothing is copied.
  [[nodiscard]] std::optional<tokens_view<float const>> floats(std::string_view name, std::string& error) const {
    auto const* const m = find(name, detail::packed_floats, bytes_of_floats, error);
    if (m == nullptr) { return std::nullopt; }
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
  [[nodiscard]] static std::uint64_t bytes_of_floats(index rows, index cols) {
    constexpr index most = index{1} << 60;
    if (rows != 0 && cols > most / rows) { return UINT64_MAX; }
    return sizeof(float) * static_cast<std::uint64_t>(rows * cols);
  }

  /// The matrix of this name and scheme, if it has the bytes that its extents need; else why not, in `error`.
  [[nodiscard]] matrix const* find(std::string_view name, std::string_view wanted,
                                   std::uint64_t (*bytes_needed)(index, index), std::string& error) const {
    auto const found = matrices_.find(name);
    if (found == matrices_.end()) {
      error = "there is no matrix " + shown(name);
      return nullptr;
    }
    auto const& m = found->second;
    if (m.scheme != wanted) {
      error = shown(name) + " is '" + shown(m.scheme) + "', but '" + std::string(wanted) + "' was asked for";
      return nullptr;
    }
    auto const needed = bytes_needed(m.rows, m.cols);
    if (needed != m.bytes.size()) {
      error = shown(name) + " has " + std::to_string(m.bytes.size()) + " bytes, but " + std::to_string(m.rows) +
              " x " + std::to_string(m.cols) + " of its scheme need " + std::to_string(needed);
      return nullptr;
    }
    return &m;
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
