// SPDX-License-Identifier: MIT
// A reader of NumPy's .npy files: one matrix or vector of floats.
#pragma once

#include <octavo/core/scalar.hpp>
#include <octavo/io/cursor.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace example {

namespace detail {

/// The dictionary of a .npy file, a literal of Python: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
struct npy_header {
  std::string_view descr;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;

  /// False for whatever is not exactly such a dictionary.
  [[nodiscard]] bool read(std::string_view text) {
    left_ = text;
    bool has_descr = false, has_order = false, has_shape = false;
    if (!take("{")) { return false; }
    while (!take("}")) {
      std::string_view key;
      if (!quoted(key) || !take(":")) { return false; }
      bool* const seen = key == "descr"           ? &has_descr
                         : key == "fortran_order" ? &has_order
                         : key == "shape"         ? &has_shape
                                                  : nullptr;
      if (seen == nullptr || *seen) { return false; }
      *seen = true;
      bool const ok = seen == &has_descr ? quoted(descr) : seen == &has_order ? boolean() : extents();
      if (!ok || (!take(",") && !left_.starts_with('}'))) { return false; }
    }
    skip();
    return left_.empty() && has_descr && has_order && has_shape;
  }

 private:
  void skip() { left_.remove_prefix(std::min(left_.find_first_not_of(" \n"), left_.size())); }
  /// The next token, if it is this one, and the white space around it.
  [[nodiscard]] bool take(std::string_view token) {
    skip();
    if (!left_.starts_with(token)) { return false; }
    left_.remove_prefix(token.size());
    skip();
    return true;
  }
  [[nodiscard]] bool quoted(std::string_view& text) {
    if (left_.empty() || (left_[0] != '\'' && left_[0] != '"')) { return false; }
    auto const end = left_.find(left_[0], 1);
    if (end == std::string_view::npos) { return false; }
    text = left_.substr(1, end - 1);
    left_.remove_prefix(end + 1);
    skip();
    return true;
  }
  [[nodiscard]] bool boolean() {
    fortran_order = take("True");
    return fortran_order || take("False");
  }
  [[nodiscard]] bool extents() {
    if (!take("(")) { return false; }
    while (!take(")")) {
      std::int64_t n = 0;
      auto const [end, status] = std::from_chars(left_.data(), left_.data() + left_.size(), n);
      if (status != std::errc() || n < 0 || shape.size() == 32) { return false; }
      left_.remove_prefix(static_cast<std::size_t>(end - left_.data()));
      shape.push_back(n);
      if (!take(",") && !left_.starts_with(')')) { return false; }
    }
    return true;
  }

  std::string_view left_;
};

}  // namespace detail

/// The matrix of a .npy file, versions 1 and 2, elements f2, f4 or f8 (rounded to float), C or Fortran order. A vector
/// is one row. Nothing, and what is wrong in `error`, for other files. Memory: the elements that are really there.
[[nodiscard]] inline std::optional<Eigen::MatrixXf> read_npy(std::span<std::byte const> file, std::string& error) {
  auto const refuse = [&error](std::string const& why) {
    error = why;
    return std::nullopt;
  };
  octavo::io::cursor at(file);
  std::string_view magic;
  std::uint8_t major = 0, minor = 0;
  if (!at.text(6, magic) || magic != "\x93NUMPY" || !at.read(major) || !at.read(minor)) {
    return refuse("this is no .npy file; write one with numpy.save");
  }
  if (major != 1 && major != 2) {
    return refuse("its version is " + std::to_string(major) + "." + std::to_string(minor) +
                  ", but this program reads 1 and 2; numpy.save writes them for plain floats");
  }
  std::uint16_t short_length = 0;
  std::uint32_t length = 0;
  std::string_view text;
  bool const whole = (major == 1 ? at.read(short_length) : at.read(length)) &&
                     at.text(major == 1 ? std::uint32_t{short_length} : length, text);
  if (!whole) { return refuse("the file ends in its header; it is truncated"); }
  detail::npy_header header;
  if (!header.read(text)) {
    return refuse("its header is not {'descr': ..., 'fortran_order': ..., 'shape': ...}; write it with numpy.save");
  }
  std::size_t const size = header.descr == "<f4" ? 4 : header.descr == "<f2" ? 2 : header.descr == "<f8" ? 8 : 0;
  if (size == 0) {
    return refuse("its elements are " + octavo::io::shown(header.descr) +
                  ", but this program reads <f2, <f4 and <f8; save array.astype('<f4')");
  }
  if (header.shape.empty() || header.shape.size() > 2) {
    return refuse("it has " + std::to_string(header.shape.size()) +
                  " dimensions; save a matrix, such as array.reshape(-1, array.shape[-1])");
  }
  std::int64_t const rows = header.shape.size() == 2 ? header.shape[0] : 1;
  std::int64_t const cols = header.shape.back();
  if (rows == 0 || cols == 0) { return refuse("it has no elements"); }
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(rows, cols, &bytes) ||
      __builtin_mul_overflow(bytes, static_cast<std::int64_t>(size), &bytes) ||
      static_cast<std::uint64_t>(bytes) != at.left()) {
    return refuse("its shape is " + std::to_string(rows) + " x " + std::to_string(cols) + " of " +
                  std::to_string(size) + " bytes each, but the file has " + std::to_string(at.left()) +
                  " after the header; it is truncated, or no "
                  ".npy file");
  }
  std::byte const* const data = file.data() + at.position();
  auto const element = [&](std::int64_t i) {
    std::byte const* const from = data + i * static_cast<std::int64_t>(size);
    auto const as = [from](auto value) {
      std::memcpy(&value, from, sizeof value);
      return value;
    };
    return size == 4   ? as(float())
           : size == 8 ? static_cast<float>(as(double()))
                       : static_cast<float>(as(octavo::f16()));
  };
  Eigen::MatrixXf result(rows, cols);
  for (std::int64_t c = 0; c < cols; ++c) {
    for (std::int64_t r = 0; r < rows; ++r) {
      result(r, c) = element(header.fortran_order ? c * rows + r : r * cols + c);
    }
  }
  return result;
}

}  // namespace example
