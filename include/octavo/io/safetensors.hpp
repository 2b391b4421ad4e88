// SPDX-License-Identifier: MIT
// Reads safetensors: checks everything that the header claims, then gives views of the tensors.
#pragma once

#if !__has_include(<nlohmann/json.hpp>)
#error "Octavo: io/safetensors.hpp needs nlohmann-json (Debian: nlohmann-json3-dev)."
#endif

#include <nlohmann/json.hpp>

#include <algorithm>
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

#include "octavo/core/views.hpp"
#include "octavo/io/cursor.hpp"

namespace octavo {
inline namespace v0 {
namespace io {

/// A tensor of a safetensors file, row-major, whose bytes stay there.
struct safetensors_tensor {
  std::string dtype;
  std::vector<index> shape;
  std::span<std::byte const> data;
};

/// `BF16 4096 x 11008`, for error texts.
[[nodiscard]] inline std::string shown(safetensors_tensor const& t) {
  std::string result = shown(t.dtype);
  for (std::size_t i = 0; i < t.shape.size() && i < 8; ++i) {
    result += (i == 0 ? " " : " x ") + std::to_string(t.shape[i]);
  }
  return result;
}

/// The tensors of a safetensors file. Refers to the memory that it was parsed from.
///
///     8 bytes: length of the header, little endian | header, JSON | data
///     header: {"name": {"dtype": "BF16", "shape": [rows, cols], "data_offsets": [begin, end]}, ...}
class safetensors {
 public:
  /// Nothing, and what is wrong in `error`, for a file that is cut or contradicts itself or the format: its tensors
  /// must cover the data without gaps and overlaps. Memory: in proportion to the header that is really there.
  [[nodiscard]] static std::optional<safetensors> parse(std::span<std::byte const> file, std::string& error) {
    std::uint64_t length = 0;
    cursor at(file);
    if (!at.read(length)) {
      error = "the file has " + std::to_string(file.size()) + " bytes, too few for a safetensors header";
      return std::nullopt;
    }
    std::uint64_t const room = at.left();
    std::string_view text;
    if (length > largest_header || !at.text(length, text)) {
      error = "the header claims " + std::to_string(length) + " bytes, the file has " + std::to_string(room) +
              " after its length; it is truncated, or no safetensors file";
      return std::nullopt;
    }
    safetensors result;
    header_reader reader(result, file.subspan(static_cast<std::size_t>(at.position())));
    if (!nlohmann::json::sax_parse(text.begin(), text.end(), &reader)) {
      error = reader.error;
      return std::nullopt;
    }
    if (!result.check_layout(reader.data, error)) { return std::nullopt; }
    return result;
  }

  /// An entry of __metadata__, or nothing.
  [[nodiscard]] std::optional<std::string> metadata(std::string const& name) const {
    auto const found = metadata_.find(name);
    if (found == metadata_.end()) { return std::nullopt; }
    return found->second;
  }

  [[nodiscard]] std::map<std::string, safetensors_tensor> const& tensors() const noexcept { return tensors_; }
  /// Null if the file has no such tensor.
  [[nodiscard]] safetensors_tensor const* find(std::string const& name) const {
    auto const found = tensors_.find(name);
    return found == tensors_.end() ? nullptr : &found->second;
  }

  /// The tensor `name` of elements T (float, bf16, f16), rows x cols; a tensor of one dimension has one row.
  template <element T>
  [[nodiscard]] std::optional<matrix_view<T>> matrix(std::string const& name, index rows, index cols,
                                                     std::string& error) const {
    constexpr char const* dtype = std::is_same_v<T, float> ? "F32" : std::is_same_v<T, f16> ? "F16" : "BF16";
    auto const* const t = find(name);
    if (t == nullptr) {
      error = "there is no tensor " + shown(name);
      return std::nullopt;
    }
    bool const vector = t->shape.size() == 1 && rows == 1 && t->shape[0] == cols;
    if (!vector && !(t->shape.size() == 2 && t->shape[0] == rows && t->shape[1] == cols)) {
      error = shown(name) + " should have the shape " + std::to_string(rows) + " x " + std::to_string(cols) +
              ", but is " + shown(*t);
      return std::nullopt;
    }
    if (t->dtype != dtype || reinterpret_cast<std::uintptr_t>(t->data.data()) % alignof(T) != 0) {
      error = shown(name) + " should be " + dtype + ", at an address that is a multiple of " +
              std::to_string(alignof(T)) + ", but is " + shown(*t);
      return std::nullopt;
    }
    return matrix_view<T>(reinterpret_cast<T const*>(t->data.data()), rows, cols, cols, 1);
  }

 private:
  static constexpr std::uint64_t largest_header = 100'000'000;  // the limit of the format's own reader

  /// Bits of an element, 0 for a type that is not known.
  [[nodiscard]] static std::uint64_t element_bits(std::string_view dtype) noexcept {
    if (dtype == "F64" || dtype == "I64" || dtype == "U64") { return 64; }
    if (dtype == "F32" || dtype == "I32" || dtype == "U32") { return 32; }
    if (dtype == "BF16" || dtype == "F16" || dtype == "I16" || dtype == "U16") { return 16; }
    if (dtype == "I8" || dtype == "U8" || dtype == "BOOL" || dtype.starts_with("F8_")) { return 8; }
    return 0;
  }

  /// What nlohmann::json calls while it reads the header: no tree is built, names that come twice are seen, and
  /// whatever does not belong there ends the reading, however deep it is nested.
  struct header_reader {
    std::span<std::byte const> data;
    std::string error;

    header_reader(safetensors& result, std::span<std::byte const> bytes) : data(bytes), into(result) {}

    bool key(std::string& text) {
      if (depth == 1) {
        name = text;
        metadata = name == "__metadata__";
        if (metadata ? metadata_seen : into.tensors_.contains(name)) {
          return refuse(shown(name) + " is there twice");
        }
        metadata_seen = metadata_seen || metadata;
        entry = {};
        has_dtype = has_shape = false;
        offsets.clear();
      } else {
        field = text;
      }
      return true;
    }
    bool start_object(std::size_t) {
      if (++depth > 2 || in_array) { return unexpected(); }
      return true;
    }
    bool end_object() {
      --depth;
      return depth == 0 || metadata || add();
    }
    bool start_array(std::size_t) {
      if (depth == 0) { return refuse(no_object); }
      bool const known = (field == "shape" && !has_shape) || (field == "data_offsets" && offsets.empty());
      if (depth != 2 || metadata || in_array || !known) { return unexpected(); }
      in_array = true;
      has_shape = has_shape || field == "shape";
      return true;
    }
    bool end_array() {
      in_array = false;
      return true;
    }
    bool number_unsigned(std::uint64_t n) {
      if (!in_array) { return unexpected(); }
      if (field == "data_offsets") {
        offsets.push_back(n);
        return offsets.size() <= 2 || unexpected();
      }
      if (!std::in_range<index>(n)) { return misfit(); }
      entry.shape.push_back(static_cast<index>(n));
      return true;
    }
    bool string(std::string& text) {
      if (depth == 2 && metadata) {
        if (into.metadata_.emplace(field, text).second) { return true; }
        return refuse("__metadata__ has " + shown(field) + " twice");
      }
      if (depth != 2 || in_array || field != "dtype" || has_dtype) { return unexpected(); }
      has_dtype = true;
      entry.dtype = text;
      return true;
    }
    bool null() { return unexpected(); }
    bool boolean(bool) { return unexpected(); }
    bool number_integer(std::int64_t) { return unexpected(); }
    bool number_float(double, std::string const&) { return unexpected(); }
    bool binary(nlohmann::json::binary_t&) { return unexpected(); }
    template <class Exception>
    bool parse_error(std::size_t position, std::string const&, Exception const&) {
      return refuse("the header is not a JSON object: it ends or breaks at byte " + std::to_string(position));
    }

   private:
    static constexpr char const* no_object = "the header is not a JSON object";

    bool refuse(std::string why) {
      error = std::move(why);
      return false;
    }
    bool unexpected() {
      if (depth == 0) { return refuse(no_object); }
      if (metadata) { return refuse("__metadata__ is not a JSON object of texts"); }
      return refuse("the header entry of " + shown(name) + " needs a dtype, a shape and two data_offsets, once each");
    }
    bool misfit() {
      return refuse("the header entry of " + shown(name) + " has a shape that does not fit its bytes");
    }

    bool add() {
      if (!has_dtype || !has_shape || offsets.size() != 2) { return unexpected(); }
      if (offsets[0] > offsets[1] || offsets[1] > data.size()) {
        return refuse("the header entry of " + shown(name) + " has offsets " + std::to_string(offsets[0]) + " to " +
                      std::to_string(offsets[1]) + ", but the data has " + std::to_string(data.size()) +
                      " bytes; the file is truncated, or the header is wrong");
      }
      std::uint64_t bits = element_bits(entry.dtype);
      if (bits == 0) {
        return refuse("the header entry of " + shown(name) + " has the unknown dtype " + shown(entry.dtype));
      }
      bool fits = true;
      for (index const n : entry.shape) {
        fits = fits && !__builtin_mul_overflow(bits, static_cast<std::uint64_t>(n), &bits);
      }
      std::uint64_t const size = offsets[1] - offsets[0];
      if (!fits || bits % 8 != 0 || bits / 8 != size) { return misfit(); }
      entry.data = data.subspan(static_cast<std::size_t>(offsets[0]), static_cast<std::size_t>(size));
      into.tensors_.emplace(std::move(name), std::move(entry));
      return true;
    }

    safetensors& into;
    int depth = 0;
    bool in_array = false;
    bool metadata = false;
    bool metadata_seen = false;
    bool has_dtype = false;
    bool has_shape = false;
    std::string name;
    std::string field;
    safetensors_tensor entry;
    std::vector<std::uint64_t> offsets;
  };

  /// Tensors cover the data from the first byte to the last, without overlaps: the format says so.
  [[nodiscard]] bool check_layout(std::span<std::byte const> data, std::string& error) const {
    std::vector<std::pair<std::ptrdiff_t, std::ptrdiff_t>> ranges;
    for (auto const& [name, t] : tensors_) {
      auto const begin = t.data.data() - data.data();
      ranges.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(t.data.size()));
    }
    std::sort(ranges.begin(), ranges.end());
    std::ptrdiff_t next = 0;
    for (auto const& [begin, end] : ranges) {
      if (begin != next) {
        error = std::string(begin < next ? "tensors overlap" : "tensors leave a gap") + " at byte " +
                std::to_string(std::min(begin, next)) + " of the data";
        return false;
      }
      next = end;
    }
    if (next != static_cast<std::ptrdiff_t>(data.size())) {
      error = "the data has " + std::to_string(data.size()) + " bytes, the tensors " + std::to_string(next);
      return false;
    }
    return true;
  }

  std::map<std::string, safetensors_tensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace io
}  // namespace v0
}  // namespace octavo
