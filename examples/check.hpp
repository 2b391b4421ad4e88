// SPDX-License-Identifier: MIT
// What the tests of the examples share: a count of faults, and files that are broken on purpose.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace example {

inline int faults = 0;

inline void check(bool ok, std::string const& what) {
  if (ok) { return; }
  std::printf("FAILED: %s\n", what.c_str());
  ++faults;
}
/// The error text of what was refused must say why.
inline void check_says(std::string const& error, std::string_view reason, std::string const& what = "an error") {
  check(error.find(reason) != std::string::npos,
        what + ": expected '" + std::string(reason) + "', got '" + error + "'");
}

/// The exit code.
inline int conclude() {
  std::printf("%d faults\n", faults);
  return faults == 0 ? 0 : 1;
}

/// `text` with `to` in place of the first `from`, which must be there.
inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  auto const at = text.find(from);
  check(at != std::string::npos, "there is no " + std::string(from) + " to replace");
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

/// A safetensors file, which must be a good one, in its two parts.
struct safetensors_parts {
  explicit safetensors_parts(std::span<std::byte const> file) {
    std::uint64_t length = 0;
    std::memcpy(&length, file.data(), sizeof length);
    auto const size = static_cast<std::size_t>(length);
    header.assign(reinterpret_cast<char const*>(file.data()) + sizeof length, size);
    data = file.subspan(sizeof length + size);
  }
  std::string header;
  std::span<std::byte const> data;
};
/// And from them. The vector has no spare room, so that an address sanitizer sees the first byte that a reader takes
/// too much.
inline std::vector<std::byte> safetensors_file(std::string_view header, std::span<std::byte const> data) {
  std::uint64_t const length = header.size();
  std::vector<std::byte> file(sizeof length + header.size() + data.size());
  std::memcpy(file.data(), &length, sizeof length);
  auto const* const text = reinterpret_cast<std::byte const*>(header.data());
  std::copy(data.begin(), data.end(), std::copy_n(text, header.size(), file.data() + sizeof length));
  return file;
}

}  // namespace example
