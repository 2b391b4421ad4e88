// SPDX-License-Identifier: MIT
// What the readers share: steps through bytes that may end too early, UTF-8, names that are fit for an error text.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace octavo {
inline namespace v0 {
namespace io {

static_assert(std::endian::native == std::endian::little,
              "Octavo: GGUF, safetensors and packed files are read in place, on little-endian machines only.");

/// A position in a file. A step that the bytes do not suffice for returns false and moves nothing.
class cursor {
 public:
  explicit cursor(std::span<std::byte const> bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] std::uint64_t position() const noexcept { return at_; }
  [[nodiscard]] std::uint64_t left() const noexcept { return bytes_.size() - at_; }

  /// The next sizeof(T) bytes, at any address.
  template <class T>
  [[nodiscard]] bool read(T& value) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    if (left() < sizeof value) { return false; }
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return true;
  }
  /// The next n bytes, where they are.
  [[nodiscard]] bool take(std::uint64_t n, std::span<std::byte const>& taken) noexcept {
    if (left() < n) { return false; }
    taken = bytes_.subspan(at_, static_cast<std::size_t>(n));
    at_ += static_cast<std::size_t>(n);
    return true;
  }
  [[nodiscard]] bool text(std::uint64_t n, std::string_view& taken) noexcept {
    std::span<std::byte const> chars;
    if (!take(n, chars)) { return false; }
    taken = {reinterpret_cast<char const*>(chars.data()), chars.size()};
    return true;
  }
  /// The bytes from where `begin`, an earlier copy of this cursor, stands.
  [[nodiscard]] std::span<std::byte const> since(cursor const& begin) const noexcept {
    return bytes_.subspan(begin.at_, at_ - begin.at_);
  }

 private:
  std::span<std::byte const> bytes_;
  std::size_t at_ = 0;
};

/// Whether the text is UTF-8: no overlong form, no surrogate, nothing above U+10FFFF, nothing cut (RFC 3629).
[[nodiscard]] inline bool is_utf8(std::string_view text) noexcept {
  std::size_t i = 0;
  while (i < text.size()) {
    auto const byte = [&text](std::size_t j) { return static_cast<unsigned char>(text[j]); };
    auto const first = byte(i++);
    if (first < 0x80) { continue; }
    if (first < 0xc2 || first > 0xf4) { return false; }
    std::size_t const more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if (text.size() - i < more) { return false; }
    // Only the second byte has narrower limits, after four of the first bytes.
    int const low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    int const high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (byte(i) < low || byte(i) > high) { return false; }
    for (std::size_t j = 1; j < more; ++j) {
      if ((byte(i + j) & 0xc0) != 0x80) { return false; }
    }
    i += more;
  }
  return true;
}

/// A name from a file as part of an error text: at most 80 characters, '?' for what a terminal might obey or not know.
[[nodiscard]] inline std::string shown(std::string_view name) {
  constexpr std::size_t longest = 80;
  std::string result(name.substr(0, longest));
  for (char& c : result) {
    if (c < ' ' || c > '~') { c = '?'; }
  }
  if (name.size() > longest) { result += "..."; }
  return result;
}

}  // namespace io
}  // namespace v0
}  // namespace octavo
