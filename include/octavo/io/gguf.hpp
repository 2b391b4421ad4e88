// SPDX-License-Identifier: MIT
// Reads GGUF, versions 2 and 3: checks everything that a file claims, then gives its metadata and its tensors.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octavo/core/views.hpp"
#include "octavo/io/cursor.hpp"
#include "octavo/io/ggml_type.hpp"
#include "octavo/io/gguf_value.hpp"

namespace octavo {
inline namespace v0 {
namespace io {

/// A tensor of a GGUF file, whose bytes stay there.
struct gguf_tensor {
  std::string_view name;
  ggml_type type;
  /// In ggml's order: extents[0] elements are neighbours, and the columns of a matrix. Those that a tensor lacks are 1.
  std::array<index, 4> extents;
  std::span<std::byte const> data;

  [[nodiscard]] index cols() const noexcept { return extents[0]; }
  [[nodiscard]] index rows() const noexcept { return extents[1] * extents[2] * extents[3]; }
};

/// The metadata and tensors of a GGUF file. Refers to the memory that it was parsed from.
///
///     "GGUF" | u32 version | u64 tensors | u64 entries of metadata | entries | table of tensors | padding | data
///     entry: text key, u32 type, value        text: u64 length, UTF-8        array: u32 type, u64 count, elements
///     tensor: text name, u32 n, u64 extents[n], u32 type, u64 offset from the start of the data
class gguf {
 public:
  /// Nothing, and what is wrong in `error`, for a file that is cut, contradicts itself or the format, or holds what
  /// this reader does not know. Memory: in proportion to the entries that are really there, whatever the header claims.
  [[nodiscard]] static std::optional<gguf> parse(std::span<std::byte const> file, std::string& error) {
    gguf result;
    cursor at(file);
    std::uint64_t tensors = 0;
    std::uint64_t entries = 0;
    if (!read_header(at, tensors, entries, error)) { return std::nullopt; }
    for (std::uint64_t i = 0; i < entries; ++i) {
      if (!result.read_entry(at, i, entries, error)) { return std::nullopt; }
    }
    std::uint64_t alignment = 32;
    if (auto const* const value = result.find_value("general.alignment")) {
      alignment = value->get<std::uint32_t>().value_or(0);
      if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
        error = "general.alignment must be a power of two, as a number";
        return std::nullopt;
      }
    }
    std::vector<std::uint64_t> offsets;
    for (std::uint64_t i = 0; i < tensors; ++i) {
      if (!result.read_tensor(at, i, tensors, alignment, offsets, error)) { return std::nullopt; }
    }
    std::uint64_t const padding = (alignment - at.position() % alignment) % alignment;
    std::span<std::byte const> data;
    if (at.left() > padding) { data = file.subspan(static_cast<std::size_t>(at.position() + padding)); }
    if (!result.place(data, offsets, error)) { return std::nullopt; }
    return result;
  }

  [[nodiscard]] std::map<std::string_view, gguf_value> const& metadata() const noexcept { return metadata_; }
  /// Null if the file has no such key.
  [[nodiscard]] gguf_value const* find_value(std::string_view key) const {
    auto const found = metadata_.find(key);
    return found == metadata_.end() ? nullptr : &found->second;
  }
  /// The value of a key as T, if it is there and is one (see gguf_value::get).
  template <class T>
  [[nodiscard]] std::optional<T> get(std::string_view key) const {
    auto const* const value = find_value(key);
    return value == nullptr ? std::nullopt : value->get<T>();
  }

  /// In the order of the file.
  [[nodiscard]] std::vector<gguf_tensor> const& tensors() const noexcept { return tensors_; }
  /// Null if the file has no such tensor.
  [[nodiscard]] gguf_tensor const* find(std::string_view name) const {
    auto const found = names_.find(name);
    return found == names_.end() ? nullptr : &tensors_[found->second];
  }

 private:
  [[nodiscard]] static bool read_header(cursor& at, std::uint64_t& tensors, std::uint64_t& entries,
                                        std::string& error) {
    std::uint64_t const size = at.left();
    std::string_view magic;
    std::uint32_t version = 0;
    if (!at.text(4, magic) || !at.read(version) || !at.read(tensors) || !at.read(entries)) {
      error = "the file has " + std::to_string(size) + " bytes, too few for a GGUF header";
    } else if (magic != "GGUF") {
      error = "the file starts with '" + shown(magic) + "', not with GGUF";
    } else if (version == 0x02000000 || version == 0x03000000) {
      error = "the file is big-endian; only little-endian GGUF is supported";
    } else if (version != 2 && version != 3) {
      error = "GGUF version " + std::to_string(version) + " is not supported, only 2 and 3 are";
    } else if (entries > at.left() / smallest_entry) {
      error = "the header claims " + std::to_string(entries) + " entries of metadata, the file has room for " +
              std::to_string(at.left() / smallest_entry) + " at most";
    } else if (tensors > at.left() / smallest_tensor) {
      error = "the header claims " + std::to_string(tensors) + " tensors, the file has room for " +
              std::to_string(at.left() / smallest_tensor) + " at most";
    } else {
      return true;
    }
    return false;
  }
  static constexpr std::uint64_t smallest_entry = 8 + 4 + 1;
  static constexpr std::uint64_t smallest_tensor = 8 + 4 + 4 + 8;

  enum class text_state { good, cut, not_utf8 };
  [[nodiscard]] static text_state read_text(cursor& at, std::string_view& text) {
    std::uint64_t length = 0;
    if (!at.read(length) || !at.text(length, text)) { return text_state::cut; }
    return is_utf8(text) ? text_state::good : text_state::not_utf8;
  }
  /// `the file ends in tensor 3 of 7`; or why the name of that is no name.
  [[nodiscard]] static std::string broken(char const* what, std::uint64_t i, std::uint64_t count,
                                          text_state name = text_state::cut) {
    auto const which = std::string(what) + " " + std::to_string(i + 1) + " of " + std::to_string(count);
    if (name == text_state::not_utf8) { return "the name of " + which + " is not UTF-8"; }
    return "the file ends in " + which;
  }

  [[nodiscard]] bool read_entry(cursor& at, std::uint64_t i, std::uint64_t count, std::string& error) {
    constexpr char const* what = "entry of metadata";
    std::string_view key;
    std::uint32_t number = 0;
    auto const state = read_text(at, key);
    if (state != text_state::good || !at.read(number)) {
      error = broken(what, i, count, state == text_state::good ? text_state::cut : state);
      return false;
    }
    std::uint64_t elements = 1;
    auto type = static_cast<gguf_type>(number);
    bool const array = type == gguf_type::array;
    if (array) {
      if (!at.read(number) || !at.read(elements)) {
        error = broken(what, i, count);
        return false;
      }
      type = static_cast<gguf_type>(number);
    }
    auto const complain = [&error, key](std::string const& why) {
      error = "the value of " + shown(key) + " " + why;
      return false;
    };
    if (type == gguf_type::array) { return complain("is an array of arrays, which is not supported"); }
    if (type != gguf_type::text && gguf_size(type) == 0) {
      return complain("has the unknown type " + std::to_string(number));
    }
    // A text has at least its length.
    std::uint64_t const size = type == gguf_type::text ? 8 : gguf_size(type);
    if (elements > at.left() / size) {
      return array ? complain("claims " + std::to_string(elements) + " elements, the file has room for " +
                              std::to_string(at.left() / size) + " at most")
                   : complain("is cut: the file ends in it");
    }
    cursor const begin = at;
    if (type == gguf_type::text) {
      for (std::uint64_t e = 0; e < elements; ++e) {
        std::string_view text;
        auto const element = read_text(at, text);
        if (element == text_state::cut) { return complain("is cut: the file ends in it"); }
        if (element == text_state::not_utf8) { return complain("is not UTF-8"); }
      }
    } else {
      std::span<std::byte const> bytes;
      (void)at.take(elements * size, bytes);
      if (type == gguf_type::boolean &&
          std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return b > std::byte{1}; })) {
        return complain("is a bool that is neither 0 nor 1");
      }
    }
    if (!metadata_.emplace(key, gguf_value(array, type, elements, at.since(begin))).second) {
      error = "the key " + shown(key) + " is there twice";
      return false;
    }
    return true;
  }

  [[nodiscard]] bool read_tensor(cursor& at, std::uint64_t i, std::uint64_t count, std::uint64_t alignment,
                                 std::vector<std::uint64_t>& offsets, std::string& error) {
    constexpr char const* what = "tensor";
    gguf_tensor t{{}, {}, {1, 1, 1, 1}, {}};
    std::uint32_t dimensions = 0;
    std::uint32_t number = 0;
    std::uint64_t offset = 0;
    auto const state = read_text(at, t.name);
    if (state != text_state::good || !at.read(dimensions)) {
      error = broken(what, i, count, state == text_state::good ? text_state::cut : state);
      return false;
    }
    auto const complain = [&error, &t](std::string const& why) {
      error = shown(t.name) + " " + why;
      return false;
    };
    if (dimensions > t.extents.size()) {
      return complain("has " + std::to_string(dimensions) + " dimensions, but 4 are the most");
    }
    std::uint64_t extents[4] = {1, 1, 1, 1};
    for (std::uint32_t d = 0; d < dimensions; ++d) {
      if (!at.read(extents[d])) {
        error = broken(what, i, count);
        return false;
      }
    }
    if (!at.read(number) || !at.read(offset)) {
      error = broken(what, i, count);
      return false;
    }
    t.type = static_cast<ggml_type>(number);
    auto const* const layout = find_ggml_layout(number);
    if (layout == nullptr) { return complain("has the unknown type " + std::to_string(number)); }
    // No type takes more than 8 bytes for an element, and a 0 hides no overflow: then no product below overflows.
    index total = 8;
    for (std::size_t d = 0; d < 4; ++d) {
      if (!std::in_range<index>(extents[d]) ||
          __builtin_mul_overflow(total, std::max(static_cast<index>(extents[d]), index{1}), &total)) {
        return complain("has extents whose product overflows");
      }
      t.extents[d] = static_cast<index>(extents[d]);
    }
    if (t.cols() % layout->elements != 0) {
      return complain("has " + std::to_string(t.cols()) + " columns, no multiple of the " +
                      std::to_string(layout->elements) + " in a block of " + layout->name);
    }
    if (offset % alignment != 0) {
      return complain("starts at byte " + std::to_string(offset) + " of the data, no multiple of the alignment " +
                      std::to_string(alignment));
    }
    if (!names_.emplace(t.name, tensors_.size()).second) { return complain("is there twice"); }
    tensors_.push_back(t);
    offsets.push_back(offset);
    return true;
  }

  /// Gives every tensor its bytes, of which no two tensors share any.
  [[nodiscard]] bool place(std::span<std::byte const> data, std::vector<std::uint64_t> const& offsets,
                           std::string& error) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      auto& t = tensors_[i];
      auto const* const layout = find_ggml_layout(static_cast<std::uint32_t>(t.type));
      auto const size = static_cast<std::uint64_t>(t.cols() / layout->elements * layout->bytes * t.rows());
      if (size == 0) { continue; }
      if (offsets[i] > data.size() || size > data.size() - offsets[i]) {
        error = shown(t.name) + " needs " + std::to_string(size) + " bytes from byte " + std::to_string(offsets[i]) +
                " of the data, which has " + std::to_string(data.size()) +
                "; the file is truncated, or its table is wrong";
        return false;
      }
      t.data = data.subspan(static_cast<std::size_t>(offsets[i]), static_cast<std::size_t>(size));
      order.push_back(i);
    }
    std::sort(order.begin(), order.end(),
              [this](std::size_t a, std::size_t b) { return tensors_[a].data.data() < tensors_[b].data.data(); });
    for (std::size_t i = 1; i < order.size(); ++i) {
      auto const& before = tensors_[order[i - 1]];
      auto const& after = tensors_[order[i]];
      if (after.data.data() < before.data.data() + before.data.size()) {
        error = shown(before.name) + " and " + shown(after.name) + " overlap";
        return false;
      }
    }
    return true;
  }

  std::map<std::string_view, gguf_value> metadata_;
  std::vector<gguf_tensor> tensors_;
  std::map<std::string_view, std::size_t> names_;
};

}  // namespace io
}  // namespace v0
}  // namespace octavo
