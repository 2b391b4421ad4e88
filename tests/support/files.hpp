// SPDX-License-Identifier: MIT
// Files as bytes: golden ones read, hostile ones built; in memory that ends where they end, aligned as a mapping is.
#pragma once

#include "octavo/core/buffer.hpp"

#include <cstddef>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace test {

/// 64-byte aligned, without spare room: a sanitizer sees a step beyond the end.
class file_bytes {
 public:
  explicit file_bytes(std::string_view text) : bytes_(static_cast<octavo::index>(text.size())) {
    if (bytes_.size() > 0) { std::memcpy(bytes_.data(), text.data(), static_cast<std::size_t>(bytes_.size())); }
  }
  [[nodiscard]] std::span<std::byte const> span() const {
    return {bytes_.data(), static_cast<std::size_t>(bytes_.size())};
  }

 private:
  octavo::aligned_buffer bytes_;
};

/// Empty if there is no such file. OCTAVO_TEST_FILES is the folder tests/.
[[nodiscard]] inline std::string read_file(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
[[nodiscard]] inline std::string golden_file(std::string const& name) {
  return read_file(OCTAVO_TEST_FILES "/io/golden/" + name);
}

/// What File::parse reads, with the bytes that it refers to: all of it, or nothing and why in `error`.
template <class File>
struct parsed {
  explicit parsed(std::string_view text) : bytes(text) { file = File::parse(bytes.span(), error); }
  file_bytes bytes;
  std::string error;
  std::optional<File> file;
};
/// Why File::parse refuses a file; "" if it does not.
template <class File>
[[nodiscard]] std::string refusal(std::string const& text) {
  parsed<File> const result(text);
  if (result.file) { return ""; }
  return result.error.empty() ? "refused without a reason" : result.error;
}

/// Appends the bytes of numbers, and texts as they are.
template <class T>
void put(std::string& file, T const& value) {
  if constexpr (std::is_convertible_v<T const&, std::string_view>) {
    file += std::string_view(value);
  } else {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    file.append(bytes, sizeof value);
  }
}
template <class... Ts>
[[nodiscard]] std::string bytes_of(Ts const&... values) {
  std::string file;
  (put(file, values), ...);
  return file;
}

}  // namespace test
