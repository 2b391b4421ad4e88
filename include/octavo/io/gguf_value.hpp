// SPDX-License-Identifier: MIT
// gguf_value: one value of a GGUF file's metadata, a scalar, a text or an array, read where it stands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "octavo/io/cursor.hpp"

namespace octavo {
inline namespace v0 {
namespace io {

/// As GGUF numbers them.
enum class gguf_type : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, text, array, u64, i64, f64 };

/// Bytes of a scalar; 0 for text, array, and numbers that are no type.
[[nodiscard]] constexpr std::uint64_t gguf_size(gguf_type type) noexcept {
  constexpr std::uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  auto const number = static_cast<std::size_t>(type);
  return number < sizeof sizes ? sizes[number] : 0;
}

namespace detail {
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
}  // namespace detail

/// Refers to the bytes of the file. Made by gguf::parse, which has checked them.
class gguf_value {
 public:
  gguf_value() = default;
  /// `element` is the type of the scalar or text, or of each of the `count` elements of an array.
  gguf_value(bool array, gguf_type element, std::uint64_t count, std::span<std::byte const> bytes) noexcept
      : array_(array), element_(element), count_(count), bytes_(bytes) {}

  [[nodiscard]] bool is_array() const noexcept { return array_; }
  [[nodiscard]] gguf_type element_type() const noexcept { return element_; }
  /// Elements of an array, else 1.
  [[nodiscard]] std::uint64_t size() const noexcept { return count_; }

  /// The value as T, if it is one: bool; any integer type in which the number fits; float or double, from any number;
  /// std::string_view; or a std::vector of these, from an array of any of their types.
  template <class T>
  [[nodiscard]] std::optional<T> get() const {
    cursor at(bytes_);
    if constexpr (detail::is_vector<T>) {
      if (!array_) { return std::nullopt; }
      T result;
      result.reserve(static_cast<std::size_t>(count_));
      for (std::uint64_t i = 0; i < count_; ++i) {
        auto const element = next<typename T::value_type>(at);
        if (!element) { return std::nullopt; }
        result.push_back(*element);
      }
      return result;
    } else {
      if (array_) { return std::nullopt; }
      return next<T>(at);
    }
  }

 private:
  template <class T>
  [[nodiscard]] std::optional<T> next(cursor& at) const {
    if constexpr (std::is_same_v<T, std::string_view>) {
      std::uint64_t length = 0;
      T text;
      if (element_ == gguf_type::text && at.read(length) && at.text(length, text)) { return text; }
      return std::nullopt;
    } else {
      static_assert(std::is_arithmetic_v<T>,
                    "Octavo: gguf_value::get<T>() gives bool, integers, float, double, std::string_view, and "
                    "std::vector of them.");
      switch (element_) {
        case gguf_type::u8:
          return convert<T, std::uint8_t>(at);
        case gguf_type::i8:
          return convert<T, std::int8_t>(at);
        case gguf_type::u16:
          return convert<T, std::uint16_t>(at);
        case gguf_type::i16:
          return convert<T, std::int16_t>(at);
        case gguf_type::u32:
          return convert<T, std::uint32_t>(at);
        case gguf_type::i32:
          return convert<T, std::int32_t>(at);
        case gguf_type::u64:
          return convert<T, std::uint64_t>(at);
        case gguf_type::i64:
          return convert<T, std::int64_t>(at);
        case gguf_type::f32:
          return convert<T, float>(at);
        case gguf_type::f64:
          return convert<T, double>(at);
        case gguf_type::boolean:
          return convert<T, bool>(at);
        default:
          return std::nullopt;
      }
    }
  }

  template <class T, class Stored>
  [[nodiscard]] static std::optional<T> convert(cursor& at) {
    std::conditional_t<std::is_same_v<Stored, bool>, std::uint8_t, Stored> value{};
    if (!at.read(value)) { return std::nullopt; }
    if constexpr (std::is_same_v<Stored, bool> || std::is_same_v<T, bool>) {
      if constexpr (std::is_same_v<Stored, T>) { return value != 0; }
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(value);
    } else if constexpr (std::is_integral_v<Stored>) {
      if (std::in_range<T>(value)) { return static_cast<T>(value); }
    }
    return std::nullopt;
  }

  bool array_ = false;
  gguf_type element_ = gguf_type::u8;
  std::uint64_t count_ = 0;
  std::span<std::byte const> bytes_;
};

}  // namespace io
}  // namespace v0
}  // namespace octavo
