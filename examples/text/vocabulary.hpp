// SPDX-License-Identifier: MIT
// What every tokenizer here is made from, and the tokens that are cut out of a text before it is split into words.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace example {

/// As SentencePiece and GGUF number them.
enum class token_kind { normal = 1, unknown, control, user_defined, unused, byte };

/// Tokens by id, as their file writes them. No kinds: all are normal.
struct vocabulary {
  std::span<std::string_view const> tokens;
  std::span<token_kind const> kinds = {};

  [[nodiscard]] token_kind kind(std::size_t id) const { return kinds.empty() ? token_kind::normal : kinds[id]; }
  /// What a sentence about a token begins with.
  [[nodiscard]] std::string label(std::size_t id) const {
    return "token " + std::to_string(id) + ", " + std::string(tokens[id]) + ", ";
  }
  /// What is wrong with it, for any tokenizer; empty if nothing is.
  [[nodiscard]] std::string fault() const {
    if (tokens.empty()) { return "the vocabulary is empty"; }
    if (!kinds.empty() && kinds.size() != tokens.size()) {
      return "there are " + std::to_string(tokens.size()) + " tokens, but kinds of " + std::to_string(kinds.size());
    }
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      if (kinds[i] < token_kind::normal || kinds[i] > token_kind::byte) {
        return "token " + std::to_string(i) + " is of the unknown kind " + std::to_string(static_cast<int>(kinds[i]));
      }
    }
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i].empty()) { return label(i) + "is empty"; }
    }
    return "";
  }
};

/// std::string keys that are found by a std::string_view.
struct text_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};
template <class T>
using text_map = std::unordered_map<std::string, T, text_hash, std::equal_to<>>;

/// A range of bytes in which control tokens are plain text: what a user typed gives no orders.
struct plain_range {
  std::size_t begin;
  std::size_t end;
};

/// Tokens that stand in a text as they are: control tokens outside of what is plain, those defined by users anywhere.
class special_tokens {
 public:
  /// Pre: `text` is not empty. The first of equal texts stays.
  void add(std::string_view text, int id, bool control) {
    if (!tokens_.emplace(text, special{id, control}).second) { return; }
    auto& lengths = lengths_[static_cast<unsigned char>(text[0])];
    auto const at = std::lower_bound(lengths.begin(), lengths.end(), text.size(), std::greater<>());
    if (at == lengths.end() || *at != text.size()) { lengths.insert(at, text.size()); }
  }

  /// Calls on_text(std::string_view) and on_token(id, control) for the parts of `text`, in order; of the tokens that
  /// begin at one place the longest counts.
  template <class OnText, class OnToken>
  void cut(std::string_view text, plain_range plain, OnText on_text, OnToken on_token) const {
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
      auto const* found = static_cast<std::pair<std::string const, special> const*>(nullptr);
      for (std::size_t const length : lengths_[static_cast<unsigned char>(text[at])]) {
        if (length > text.size() - at) { continue; }
        auto const token = tokens_.find(text.substr(at, length));
        bool const is_plain = at < plain.end && at + length > plain.begin;
        if (token != tokens_.end() && !(token->second.control && is_plain)) {
          found = &*token;
          break;
        }
      }
      if (found == nullptr) {
        ++at;
        continue;
      }
      if (at > begin) { on_text(text.substr(begin, at - begin)); }
      on_token(found->second.id, found->second.control);
      begin = at += found->first.size();
    }
    if (begin < text.size()) { on_text(text.substr(begin)); }
  }

 private:
  struct special {
    int id;
    bool control;
  };
  text_map<special> tokens_;
  std::array<std::vector<std::size_t>, 256> lengths_;  // by first byte, falling
};

}  // namespace example
