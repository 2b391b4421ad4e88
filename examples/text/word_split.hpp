// SPDX-License-Identifier: MIT
// The regular expressions by which byte-level tokenizers split a text into words, as loops: linear in its length.
#pragma once

#include "unicode.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace example {

/// Which words a byte-level tokenizer sees.
///     gpt2     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///     smollm   each \p{N} by itself, then gpt2 on what is between them
///     llama3   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|
///              \s*[\r\n]+|\s+(?!\S)|\s+
enum class word_rule { gpt2, smollm, llama3 };

namespace detail {

/// Bytes of the characters at the start of `text` that are of this class, at most `most` of them.
inline std::size_t run(std::string_view text, character_class what, std::size_t most = std::string_view::npos) {
  std::size_t length = 0;
  for (std::size_t n = 0; n < most; ++n) {
    auto const c = first_character(text.substr(length));
    if (class_of(c) != what) { break; }
    length += c.size;
  }
  return length;
}

/// Bytes of an ending such as 's, or 0.
inline std::size_t contraction(std::string_view text, bool any_case) {
  if (text.empty() || text[0] != '\'') { return 0; }
  auto const letter = [&](std::string_view from) {
    auto c = first_character(from);
    if (any_case && c.point >= 0) { c.point = u_foldCase(c.point, U_FOLD_CASE_DEFAULT); }  // of U+017F, too, it is s
    return c;
  };
  auto const one = letter(text.substr(1));
  auto const is = [](character c, char wanted) { return c.point == wanted; };
  if (is(one, 's') || is(one, 't') || is(one, 'm') || is(one, 'd')) { return 1 + one.size; }
  auto const two = letter(text.substr(1 + one.size));
  bool const both =
      (is(one, 'r') && is(two, 'e')) || (is(one, 'v') && is(two, 'e')) || (is(one, 'l') && is(two, 'l'));
  return both ? 1 + one.size + two.size : 0;
}

/// Bytes of the spaces at the start of `text`; the last one is left to the word after them, if there are several.
inline std::size_t spaces(std::string_view text) {
  std::size_t length = 0;
  std::size_t last = 0;
  for (auto c = first_character(text); class_of(c) == character_class::space;
       c = first_character(text.substr(length))) {
    last = length;
    length += c.size;
  }
  return length == text.size() || last == 0 ? length : last;
}

inline std::size_t gpt2_word(std::string_view text) {
  if (auto const size = contraction(text, false)) { return size; }
  std::size_t const blank = text[0] == ' ' ? 1 : 0;  // one blank belongs to the word after it
  auto const what = class_of(first_character(text.substr(blank)));
  if (what != character_class::space && what != character_class::none) {
    return blank + run(text.substr(blank), what);
  }
  return spaces(text);
}

inline std::size_t llama3_word(std::string_view text) {
  if (auto const size = contraction(text, true)) { return size; }
  auto const first = first_character(text);
  auto const what = class_of(first);
  auto const is_newline = [&](std::size_t i) { return i < text.size() && (text[i] == '\n' || text[i] == '\r'); };
  if (what == character_class::letter) { return run(text, what); }
  if (what == character_class::number) { return run(text, what, 3); }
  if (!is_newline(0)) {  // one character that is no newline may lead a word of letters
    if (auto const letters = run(text.substr(first.size), character_class::letter)) { return first.size + letters; }
  }
  std::size_t const blank = text[0] == ' ' ? 1 : 0;
  if (auto const others = run(text.substr(blank), character_class::other)) {
    std::size_t length = blank + others;
    while (is_newline(length)) { ++length; }
    return length;
  }
  auto const length = run(text, character_class::space);
  auto const newline = text.substr(0, length).find_last_of("\r\n");
  return newline != std::string_view::npos ? newline + 1 : spaces(text);
}

}  // namespace detail

/// Calls on_word(std::string_view) for each word of `text`, in order. They are all of its bytes.
template <class OnWord>
void split_words(std::string_view text, word_rule rule, OnWord on_word) {
  auto const split = [&](std::string_view rest, auto word) {
    while (!rest.empty()) {
      std::size_t const length = word(rest);
      on_word(rest.substr(0, length));
      rest.remove_prefix(length);
    }
  };
  if (rule == word_rule::llama3) { return split(text, detail::llama3_word); }
  if (rule == word_rule::gpt2) { return split(text, detail::gpt2_word); }
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    auto const c = first_character(text.substr(at));
    if (class_of(c) == character_class::number) {
      split(text.substr(begin, at - begin), detail::gpt2_word);
      on_word(text.substr(at, c.size));
      begin = at + c.size;
    }
    at += c.size;
  }
  split(text.substr(begin), detail::gpt2_word);
}

}  // namespace example
