// SPDX-License-Identifier: MIT
// Byte-level byte-pair encoding, as GPT-2 and its many heirs use it.
#pragma once

#include "merge_symbols.hpp"
#include "vocabulary.hpp"
#include "word_split.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace example {

/// Any bytes may be encoded, UTF-8 or not: bytes stay bytes. A byte for which the vocabulary has no token is left out;
/// there must be one for every byte of printable ASCII, for 0x80 to 0xbf and for 0xc2 to 0xf0.
class byte_bpe {
 public:
  struct options {
    word_rule words = word_rule::gpt2;
    bool whole_words = false;  ///< a word that is a token needs no merges, as with Llama 3
  };

  /// Merges are "left right", the first learned first. Tokens and merges write each byte as a printable character, as
  /// their files do; control, unknown, user-defined and unused tokens stand as they are. Errors, in `error`: tokens
  /// that are not of such characters, are empty or there twice; missing bytes; merges that do not join two tokens to a
  /// third, or that are there twice.
  static std::optional<byte_bpe> make(vocabulary const& words, std::span<std::string_view const> merges,
                                      options chosen, std::string& error) {
    byte_bpe result;
    result.options_ = chosen;
    error = words.fault();
    if (error.empty()) { error = result.read_tokens(words); }
    if (error.empty()) { error = result.read_merges(merges); }
    if (!error.empty()) { return std::nullopt; }
    return result;
  }

  [[nodiscard]] int size() const noexcept { return static_cast<int>(tokens_.size()); }

  /// The bytes of a token, none for a number that is no token. A character may be spread over several tokens.
  [[nodiscard]] std::string_view decode(int id) const noexcept {
    return id >= 0 && id < size() ? std::string_view(tokens_[static_cast<std::size_t>(id)]) : std::string_view();
  }

  /// Control tokens in `text` count as such where it is not plain.
  [[nodiscard]] std::vector<int> encode(std::string_view text, plain_range plain) const {
    std::vector<int> ids;
    std::vector<symbol> symbols;
    special_.cut(
        text, plain,
        [&](std::string_view part) {
          split_words(part, options_.words, [&](std::string_view word) { encode_word(word, symbols, ids); });
        },
        [&](int id, bool) { ids.push_back(id); });
    return ids;
  }

 private:
  struct merge {
    int rank;
    int id;
  };

  void encode_word(std::string_view word, std::vector<symbol>& symbols, std::vector<int>& ids) const {
    if (options_.whole_words) {
      if (auto const whole = ids_.find(word); whole != ids_.end()) {
        ids.push_back(whole->second);
        return;
      }
    }
    symbols.clear();
    for (std::size_t i = 0; i < word.size(); ++i) {
      int const id = byte_tokens_[static_cast<unsigned char>(word[i])];
      if (id >= 0) { symbols.push_back({i, 1, id}); }
    }
    merge_symbols(symbols, [this](symbol const& left, symbol const& right) -> std::optional<joined> {
      auto const found = merges_.find(pair_key(left.id, right.id));
      if (found == merges_.end()) { return std::nullopt; }
      return joined{static_cast<double>(found->second.rank), found->second.id};
    });
    for (auto const& s : symbols) { ids.push_back(s.id); }
  }

  static std::uint64_t pair_key(int left, int right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint64_t>(right);
  }

  /// A byte is the character of its number if that is printable, else the next unused one from U+0100 on.
  static std::array<int, 0x144> byte_of_character() {
    std::array<int, 0x144> bytes{};
    bytes.fill(-1);
    std::size_t next = 0x100;
    for (int b = 0; b < 256; ++b) {
      bool const printable = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
      bytes[printable ? static_cast<std::size_t>(b) : next++] = b;
    }
    return bytes;
  }
  /// Empty if `text` is not of such characters.
  static std::string to_bytes(std::string_view text) {
    static auto const bytes = byte_of_character();
    std::string result;
    while (!text.empty()) {
      auto const c = first_character(text);
      if (c.point < 0 || static_cast<std::size_t>(c.point) >= bytes.size()) { return ""; }
      int const byte = bytes[static_cast<std::size_t>(c.point)];
      if (byte < 0) { return ""; }
      result += static_cast<char>(byte);
      text.remove_prefix(c.size);
    }
    return result;
  }

  std::string read_tokens(vocabulary const& words) {
    for (std::size_t i = 0; i < words.tokens.size(); ++i) {
      auto const text = words.tokens[i];
      auto const kind = words.kind(i);
      auto const id = static_cast<int>(i);
      if (kind == token_kind::normal || kind == token_kind::byte) {
        tokens_.push_back(to_bytes(text));
        if (tokens_.back().empty()) { return words.label(i) + "is not byte-level"; }
        if (!ids_.emplace(tokens_.back(), id).second) { return words.label(i) + "is there twice"; }
      } else {
        tokens_.emplace_back(text);
        if (kind != token_kind::unused) { special_.add(text, id, kind != token_kind::user_defined); }
      }
    }
    for (std::size_t b = 0; b < 256; ++b) {
      auto const found = ids_.find(std::string(1, static_cast<char>(b)));
      byte_tokens_[b] = found == ids_.end() ? -1 : found->second;
      bool const needed = (b >= 0x20 && b <= 0x7e) || (b >= 0x80 && b <= 0xbf) || (b >= 0xc2 && b <= 0xf0);
      if (needed && byte_tokens_[b] < 0) { return "there is no token for byte " + std::to_string(b); }
    }
    return "";
  }

  std::string read_merges(std::span<std::string_view const> merges) {
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
      auto const which = "merge " + std::to_string(rank) + ", " + std::string(merges[rank]) + ", ";
      auto const blank = merges[rank].find(' ');
      if (blank == std::string_view::npos) { return which + "is not two tokens with a blank between"; }
      auto const left = ids_.find(to_bytes(merges[rank].substr(0, blank)));
      auto const right = ids_.find(to_bytes(merges[rank].substr(blank + 1)));
      auto const both =
          left == ids_.end() || right == ids_.end() ? ids_.end() : ids_.find(left->first + right->first);
      if (both == ids_.end()) { return which + "does not join two tokens of the vocabulary to a third"; }
      merge const entry{static_cast<int>(rank), both->second};
      if (!merges_.emplace(pair_key(left->second, right->second), entry).second) { return which + "is there twice"; }
    }
    return "";
  }

  options options_;
  std::vector<std::string> tokens_;  // the bytes of each
  text_map<int> ids_;                // of those that are made of bytes
  std::array<int, 256> byte_tokens_{};
  std::unordered_map<std::uint64_t, merge> merges_;
  special_tokens special_;
};

}  // namespace example
