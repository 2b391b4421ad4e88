// SPDX-License-Identifier: MIT
// Characters of UTF-8 and their classes, by ICU. A byte that is no part of valid UTF-8 is a character of its own.
#pragma once

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace example {

enum class character_class { none, letter, number, space, other };  // none: the end of the text

struct character {
  std::int32_t point;  ///< negative: not UTF-8
  std::size_t size;    ///< in bytes
};

/// The character at the start of `text`; no bytes at its end.
inline character first_character(std::string_view text) {
  if (text.empty()) { return {-1, 0}; }
  text = text.substr(0, U8_MAX_LENGTH);
  auto const length = static_cast<int>(text.size());
  int i = 0;
  UChar32 point = 0;
#pragma GCC diagnostic push  // what ICU's macro converts
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
  U8_NEXT(text.data(), i, length, point);
#pragma GCC diagnostic pop
  return {point, point < 0 ? 1 : static_cast<std::size_t>(i)};
}

/// \p{L}, \p{N}, \s, or none of them, as regular expressions of tokenizers have it.
inline character_class class_of(character c) {
  if (c.size == 0) { return character_class::none; }
  if (c.point < 0) { return character_class::other; }
  auto const category = U_GET_GC_MASK(c.point);
  if ((category & U_GC_L_MASK) != 0) { return character_class::letter; }
  if ((category & U_GC_N_MASK) != 0) { return character_class::number; }
  return u_isUWhiteSpace(c.point) != 0 ? character_class::space : character_class::other;
}

/// The text without spaces at both ends.
inline std::string_view trimmed(std::string_view text) {
  std::size_t begin = text.size();
  std::size_t end = text.size();
  for (std::size_t at = 0; at < text.size();) {
    auto const c = first_character(text.substr(at));
    if (class_of(c) != character_class::space) {
      begin = begin < at ? begin : at;
      end = at + c.size;
    }
    at += c.size;
  }
  return text.substr(begin, end - begin);
}

/// Bytes at the end of `text` that may be the start of a character whose other bytes are still to come.
inline std::size_t unfinished(std::string_view text) {
  for (std::size_t size = 1; size <= text.size() && size < U8_MAX_LENGTH; ++size) {
    auto const tail = text.substr(text.size() - size);
    auto const lead = static_cast<unsigned char>(tail[0]);
    if (U8_IS_TRAIL(lead)) { continue; }
    std::size_t const follow = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    bool const open =
        U8_IS_LEAD(lead) && size <= follow &&
        (size == 1 || (follow == 2 ? U8_IS_VALID_LEAD3_AND_T1(lead, static_cast<unsigned char>(tail[1]))
                                   : U8_IS_VALID_LEAD4_AND_T1(lead, static_cast<unsigned char>(tail[1]))));
    return open ? size : 0;
  }
  return 0;
}

}  // namespace example
