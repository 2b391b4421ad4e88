// SPDX-License-Identifier: MIT
// One face for every tokenizer: text to ids, ids to text as they come, and questions in the frame that a model knows.
#pragma once

#include "byte_bpe.hpp"
#include "chat.hpp"
#include "sentencepiece.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace example {

/// What a model says about its tokens besides the vocabulary. -1: it has no such token.
struct word_settings {
  int begin = -1;          ///< bos
  int end = -1;            ///< eos
  int turn_end = -1;       ///< eot, the other end of an answer
  bool add_begin = false;  ///< texts start with `begin`
  std::string chat_template = {};
};

class words {
 public:
  /// Errors, in `error`: ids that are no tokens, add_begin without one.
  static std::optional<words> make(std::variant<byte_bpe, sentencepiece> tokenizer, word_settings settings,
                                   std::string& error) {
    words result(std::move(tokenizer), std::move(settings));
    for (int const id : {result.settings_.begin, result.settings_.end, result.settings_.turn_end}) {
      if (id < -1 || id >= result.size()) {
        error = "the special token " + std::to_string(id) + " is not one of the " + std::to_string(result.size());
        return std::nullopt;
      }
    }
    if (result.settings_.add_begin && result.settings_.begin < 0) {
      error = "texts should start with a token, but there is no bos_token_id";
      return std::nullopt;
    }
    return result;
  }

  [[nodiscard]] int size() const {
    return std::visit([](auto const& t) { return t.size(); }, tokenizer_);
  }
  [[nodiscard]] word_settings const& settings() const noexcept { return settings_; }
  [[nodiscard]] bool is_end(int id) const noexcept {
    return id >= 0 && (id == settings_.end || id == settings_.turn_end);
  }

  /// Without the token that begins a text. Control tokens in `text` are characters like any others, unless
  /// `parse_special`.
  [[nodiscard]] std::vector<int> encode(std::string_view text, bool parse_special = false) const {
    return encode(text, {0, parse_special ? 0 : text.size()});
  }
  /// What a model is given: `encode`, after the token that begins a text where the model wants it.
  [[nodiscard]] std::vector<int> prompt(std::string_view text, bool parse_special = false) const {
    return after_begin(encode(text, parse_special), settings_.add_begin);
  }
  /// What a model that chats is given, so that it answers. Control tokens in `question` are characters like any others.
  /// Nothing, and `error`, for a chat template of unknown family.
  [[nodiscard]] std::optional<std::vector<int>> chat(std::string_view question, std::string& error) const {
    auto const frame = frame_of(settings_.chat_template, error);
    if (!frame) { return std::nullopt; }
    if (frame->trimmed) { question = trimmed(question); }
    auto const text = frame->before + std::string(question) + frame->after;
    auto const begin = frame->before.size();
    // Those who leave the first token to their template say that none should be added: Llama's frames begin with it.
    bool const starts = settings_.add_begin || (settings_.begin >= 0 && !frame->before.starts_with("<|im_start|>"));
    return after_begin(encode(text, {begin, begin + question.size()}), starts);
  }

  /// The bytes of one token, none for a number that is no token. A character may be spread over several.
  [[nodiscard]] std::string_view decode(int id) const {
    return std::visit([id](auto const& t) { return t.decode(id); }, tokenizer_);
  }
  /// The bytes of a whole text.
  [[nodiscard]] std::string decode(std::span<int const> ids) const;
  /// The blank that encode put in front of a text is in its first token.
  [[nodiscard]] bool space_prefix() const {
    auto const* const pieces = std::get_if<sentencepiece>(&tokenizer_);
    return pieces != nullptr && pieces->space_prefix();
  }

 private:
  words(std::variant<byte_bpe, sentencepiece> tokenizer, word_settings settings)
      : tokenizer_(std::move(tokenizer)), settings_(std::move(settings)) {}

  [[nodiscard]] std::vector<int> encode(std::string_view text, plain_range plain) const {
    return std::visit([&](auto const& t) { return t.encode(text, plain); }, tokenizer_);
  }
  [[nodiscard]] std::vector<int> after_begin(std::vector<int> ids, bool begin) const {
    if (begin) { ids.insert(ids.begin(), settings_.begin); }
    return ids;
  }

  std::variant<byte_bpe, sentencepiece> tokenizer_;
  word_settings settings_;
};

/// Text from tokens as they come, in whole characters: what may be the start of one waits for the rest.
class text_stream {
 public:
  /// `continues`: the tokens follow a text, so their first blank is a blank. Keeps a reference to `w`.
  explicit text_stream(words const& w, bool continues = false)
      : words_(w), drop_blank_(!continues && w.space_prefix()) {}

  /// The text that this token completes, often none. Bytes that are no UTF-8 come as they are.
  [[nodiscard]] std::string next(int id) {
    auto piece = words_.decode(id);
    if (piece.empty() || id == words_.settings().begin) { return std::string(piece); }
    if (std::exchange(drop_blank_, false) && piece[0] == ' ') { piece.remove_prefix(1); }
    waiting_ += piece;
    auto const ready = waiting_.size() - unfinished(waiting_);
    auto text = waiting_.substr(0, ready);
    waiting_.erase(0, ready);
    return text;
  }
  /// What still waits, when no more tokens come.
  [[nodiscard]] std::string rest() { return std::exchange(waiting_, {}); }

 private:
  words const& words_;
  bool drop_blank_;
  std::string waiting_;
};

inline std::string words::decode(std::span<int const> ids) const {
  text_stream stream(*this);
  std::string text;
  for (int const id : ids) { text += stream.next(id); }
  return text + stream.rest();
}

}  // namespace example
