// SPDX-License-Identifier: MIT
// SentencePiece's byte-pair encoding with scores and byte fallback, as Llama 2 uses it.
#pragma once

#include "merge_symbols.hpp"
#include "unicode.hpp"
#include "vocabulary.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace example {

/// Any bytes may be encoded: a character without a token becomes the tokens of its bytes, and so does a byte that is no
/// part of UTF-8. There is no normalization, as in Llama 2. Unused tokens are never encoded, not even as a step.
class sentencepiece {
 public:
  /// Tokens have U+2581 for a blank; those of bytes are named <0x00> to <0xFF>. `space_prefix`: a text that does not
  /// begin with a token of another kind gets a blank in front. Errors, in `error`: tokens that are empty or there
  /// twice; not all 256 bytes; not one finite score for each token.
  static std::optional<sentencepiece> make(vocabulary const& words, std::span<float const> scores, bool space_prefix,
                                           std::string& error) {
    sentencepiece result;
    result.scores_.assign(scores.begin(), scores.end());
    result.space_prefix_ = space_prefix;
    error = words.fault();
    if (error.empty() && scores.size() != words.tokens.size()) {
      error = "there are " + std::to_string(words.tokens.size()) + " tokens, but scores of " +
              std::to_string(scores.size());
    }
    if (error.empty()) { error = result.read(words); }
    if (!error.empty()) { return std::nullopt; }
    return result;
  }

  [[nodiscard]] int size() const noexcept { return static_cast<int>(tokens_.size()); }
  /// The first blank of a decoded text was put there by encode.
  [[nodiscard]] bool space_prefix() const noexcept { return space_prefix_; }

  /// The bytes of a token, none for a number that is no token. A character may be spread over several tokens.
  [[nodiscard]] std::string_view decode(int id) const noexcept {
    return id >= 0 && id < size() ? std::string_view(tokens_[static_cast<std::size_t>(id)]) : std::string_view();
  }

  /// Control tokens in `text` count as such where it is not plain. After one, text gets a blank in front again.
  [[nodiscard]] std::vector<int> encode(std::string_view text, plain_range plain) const {
    std::vector<int> ids;
    bool prefix = space_prefix_;
    special_.cut(
        text, plain,
        [&](std::string_view part) {
          encode_part(prefix ? " " + std::string(part) : std::string(part), ids);
          prefix = false;
        },
        [&](int id, bool control) {
          ids.push_back(id);
          prefix = control && space_prefix_;
        });
    return ids;
  }

 private:
  void encode_part(std::string const& escaped, std::vector<int>& ids) const {
    auto const text = with_blanks(escaped);
    std::string_view const view(text);
    std::vector<symbol> symbols;
    for (std::size_t at = 0; at < text.size();) {
      std::size_t const size = first_character(view.substr(at)).size;
      auto const found = ids_.find(view.substr(at, size));
      symbols.push_back({at, size, found == ids_.end() ? -1 : found->second});
      at += size;
    }
    merge_symbols(symbols, [&](symbol const& left, symbol const& right) -> std::optional<joined> {
      if (left.size + right.size > longest_) { return std::nullopt; }
      auto const found = ids_.find(view.substr(left.begin, left.size + right.size));
      if (found == ids_.end()) { return std::nullopt; }
      return joined{-static_cast<double>(scores_[static_cast<std::size_t>(found->second)]), found->second};
    });
    for (auto const& s : symbols) {
      if (s.id >= 0) {
        ids.push_back(s.id);
      } else {
        for (char const c : view.substr(s.begin, s.size)) { ids.push_back(bytes_[static_cast<unsigned char>(c)]); }
      }
    }
  }

  /// U+2581 stands for a blank, in texts as in tokens.
  static std::string with_blanks(std::string_view text) {
    constexpr std::string_view mark = "\xe2\x96\x81";
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
      bool const marked = text.substr(at, mark.size()) == mark;
      result += marked ? ' ' : text[at];
      at += marked ? mark.size() : 1;
    }
    return result;
  }

  /// The byte of a token such as <0x0A>, or -1.
  static int byte_of(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') { return -1; }
    auto const high = digits.find(text[3]);
    auto const low = digits.find(text[4]);
    return high == std::string_view::npos || low == std::string_view::npos ? -1 : static_cast<int>(high * 16 + low);
  }

  std::string read(vocabulary const& words) {
    bytes_.fill(-1);
    for (std::size_t i = 0; i < words.tokens.size(); ++i) {
      auto const text = words.tokens[i];
      auto const kind = words.kind(i);
      auto const id = static_cast<int>(i);
      if (!std::isfinite(scores_[i])) { return words.label(i) + "has a score that is no number"; }
      tokens_.push_back(with_blanks(text));
      bool fresh = true;
      if (kind == token_kind::byte) {
        int const byte = byte_of(text);
        if (byte < 0) { return words.label(i) + "should be a byte, from <0x00> to <0xFF>"; }
        tokens_.back() = static_cast<char>(byte);
        fresh = std::exchange(bytes_[static_cast<std::size_t>(byte)], id) < 0;
      } else if (kind == token_kind::normal) {
        fresh = ids_.emplace(tokens_.back(), id).second;
        longest_ = std::max(longest_, tokens_.back().size());
      } else if (kind == token_kind::user_defined) {
        special_.add(tokens_.back(), id, false);
      } else if (kind != token_kind::unused) {
        special_.add(text, id, true);
      }
      if (!fresh) { return words.label(i) + "is there twice"; }
    }
    auto const missing = std::find(bytes_.begin(), bytes_.end(), -1);
    if (missing != bytes_.end()) { return "there is no token for byte " + std::to_string(missing - bytes_.begin()); }
    return "";
  }

  std::vector<std::string> tokens_;  // the bytes of each
  std::vector<float> scores_;
  text_map<int> ids_;  // of normal tokens
  std::size_t longest_ = 0;
  std::array<int, 256> bytes_{};
  special_tokens special_;
  bool space_prefix_ = false;
};

}  // namespace example
