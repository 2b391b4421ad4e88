// SPDX-License-Identifier: MIT
// Text to tokens and back: byte-level byte-pair encoding (GPT-2, Llama 3, SmolLM2) and that of SentencePiece (Llama 2).
#pragma once

#include "merges.hpp"
#include "splitter.hpp"

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

/// What a file says about its tokens. tokenizer_files.hpp reads it from JSON and GGUF.
struct vocabulary {
  enum class kind { byte_level, sentencepiece };
  struct special {
    std::string text;
    int id;
  };
  kind what = kind::byte_level;
  std::vector<std::string> tokens;                          ///< as in the file; the place is the id
  std::vector<std::pair<std::string, std::string>> merges;  ///< byte_level: pairs of tokens, the first goes first
  std::vector<float> scores;                                ///< sentencepiece: the largest goes first
  std::vector<special> specials;                            ///< such as <|im_start|>; never the result of merges
  std::vector<std::string> patterns;                        ///< byte_level: see splitter.hpp
  bool every_byte = true;                                   ///< or bytes without a token are left out (SmolLM2)
  bool space_first = false;                                 ///< sentencepiece: a blank is put before the text
  bool begin_first = false;                                 ///< `begin` is put before the text
  int begin = -1;
  int end = -1;  ///< what a model says when it is done
  std::string chat_template;
};

/// Text that arrives in pieces: holds back the bytes of a character that is not complete yet.
class text_stream {
 public:
  /// What can be printed now. At the end, `held()` is what never became a character.
  std::string put(std::string_view bytes) {
    held_ += bytes;
    std::size_t cut = held_.size();
    for (std::size_t back = 1; back <= 3 && back <= held_.size(); ++back) {
      auto const c = static_cast<unsigned char>(held_[held_.size() - back]);
      if ((c & 0xc0) == 0x80) { continue; }
      std::size_t const size = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
      if (size > back) { cut = held_.size() - back; }
      break;
    }
    auto ready = held_.substr(0, cut);
    held_.erase(0, cut);
    return ready;
  }
  [[nodiscard]] std::string const& held() const noexcept { return held_; }

 private:
  std::string held_;
};

class tokenizer {
 public:
  /// Nothing, and what is wrong in `error`, if the vocabulary contradicts itself.
  static std::optional<tokenizer> make(vocabulary v, std::string& error) {
    tokenizer result;
    result.v_ = std::move(v);
    if (!result.read(error)) { return std::nullopt; }
    return result;
  }

  [[nodiscard]] int size() const noexcept { return static_cast<int>(bytes_.size()); }
  [[nodiscard]] int end() const noexcept { return v_.end; }

  /// The bytes of a token, the text of a special one. A character may be spread over several tokens.
  [[nodiscard]] std::string_view decode(int id) const noexcept {
    return id >= 0 && id < size() ? std::string_view(bytes_[static_cast<std::size_t>(id)]) : std::string_view();
  }
  [[nodiscard]] std::string decode(std::span<int const> ids) const {
    std::string text;
    for (int const id : ids) { text += decode(id); }
    return text;
  }

  /// Tokens of a text of the user: what looks like a special token is text. Any bytes are allowed.
  [[nodiscard]] std::vector<int> encode(std::string_view text) const {
    std::vector<int> ids;
    if (v_.begin_first) { ids.push_back(v_.begin); }
    if (!text.empty()) { encode_part(v_.space_first ? ' ' + std::string(text) : std::string(text), ids); }
    return ids;
  }

  /// Tokens of a text of the program, such as a template: special tokens are what they say.
  [[nodiscard]] std::vector<int> encode_with_specials(std::string_view text) const {
    std::vector<int> ids;
    while (!text.empty()) {
      std::size_t at = text.size();
      vocabulary::special const* next = nullptr;
      for (auto const& s : v_.specials) {
        auto const found = text.find(s.text);
        if (found < at || (found == at && next != nullptr && s.text.size() > next->text.size())) {
          at = found;
          next = &s;
        }
      }
      if (at != 0) { encode_part(text.substr(0, at), ids); }
      if (next == nullptr) { break; }
      ids.push_back(next->id);
      text.remove_prefix(at + next->text.size());
    }
    return ids;
  }

  /// A question in the chat template of the model. No template language is run: three families are known by their words.
  [[nodiscard]] std::optional<std::vector<int>> encode_chat(std::string_view question, std::string& error) const {
    auto const has = [&](std::string_view word) { return v_.chat_template.find(word) != std::string::npos; };
    std::string before;
    std::string after;
    if (has("<|im_start|>")) {  // ChatML
      constexpr std::string_view tag = "<|im_start|>system\n";
      if (auto const at = v_.chat_template.find(tag); at != std::string::npos) {  // the template has a system message
        auto const last = v_.chat_template.find("<|im_end|>", at);
        before = v_.chat_template.substr(at, last - at);
        if (auto const line = before.find("\\n"); line != std::string::npos) { before.replace(line, 2, "\n"); }
        before += "<|im_end|>\n";
      }
      before += "<|im_start|>user\n";
      after = "<|im_end|>\n<|im_start|>assistant\n";
    } else if (has("<|start_header_id|>")) {  // Llama 3
      before = "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n";
      after = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n";
    } else if (has("[INST]")) {  // Llama 2
      before = "<s>[INST] ";
      after = " [/INST]";
    } else {
      error = v_.chat_template.empty() ? "the file has no chat template"
                                       : "the file's chat template is of no known family";
      return std::nullopt;
    }
    auto ids = encode_with_specials(before);
    encode_part(std::string(question), ids);
    auto const rest = encode_with_specials(after);
    ids.insert(ids.end(), rest.begin(), rest.end());
    return ids;
  }

 private:
  void encode_part(std::string_view text, std::vector<int>& ids) const {
    if (v_.what == vocabulary::kind::sentencepiece) {
      encode_sentence(text, ids);
      return;
    }
    std::vector<std::string_view> words = {text};
    for (auto const& s : splitters_) {
      std::vector<std::string_view> finer;
      for (auto const word : words) { s.split(word, finer); }
      words = std::move(finer);
    }
    for (auto const word : words) { encode_word(word, ids); }
  }

  // ---- byte level: parts begin as single bytes ----

  void encode_word(std::string_view word, std::vector<int>& ids) const {
    std::vector<part> parts;
    for (std::size_t i = 0; i < word.size(); ++i) {
      parts.push_back({i, 1, byte_tokens_[static_cast<unsigned char>(word[i])]});
    }
    for (auto const &p : merge(std::move(parts), [this](part const&l, part const&r) -> std::optional<joined> {
           auto const found = merges_.find(pair_key(l.token, r.token));
           if (found == merges_.end()) { return std::nullopt; }
           return found->second;
         })) {
      if (p.token >= 0) { ids.push_back(p.token); }
    }
  }
  static std::uint64_t pair_key(int left, int right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint64_t>(right);
  }

  // ---- SentencePiece: blanks are U+2581, parts begin as characters, bytes without a token are spelt <0x41> ----

  void encode_sentence(std::string_view text, std::vector<int>& ids) const {
    std::string marked;
    for (char const c : text) { marked += c == ' ' ? std::string(blank) : std::string(1, c); }
    std::vector<part> parts;
    for (std::size_t i = 0; i < marked.size();) {
      auto const c = static_cast<unsigned char>(marked[i]);
      std::size_t size = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
      size = std::min(size, marked.size() - i);
      parts.push_back({i, size, id_of(std::string_view(marked).substr(i, size))});
      i += size;
    }
    for (auto const &p : merge(std::move(parts), [&](part const&l, part const&r) -> std::optional<joined> {
           int const id = id_of(std::string_view(marked).substr(l.begin, l.size + r.size));
           if (id < 0) { return std::nullopt; }
           return joined{-v_.scores[static_cast<std::size_t>(id)], id};
         })) {
      if (p.token >= 0) {
        ids.push_back(p.token);
        continue;
      }
      for (char const c : marked.substr(p.begin, p.size)) {
        int const id = byte_tokens_[static_cast<unsigned char>(c)];
        if (id >= 0) { ids.push_back(id); }
      }
    }
  }
  [[nodiscard]] int id_of(std::string_view text) const {
    auto const found = ids_.find(std::string(text));
    return found == ids_.end() ? -1 : found->second;
  }
  static constexpr std::string_view blank = "\xe2\x96\x81";

  // ---- making ----

  bool read(std::string& error) {
    auto const count = v_.tokens.size();
    auto const known = [count](int id) { return id >= 0 && static_cast<std::size_t>(id) < count; };
    if (count == 0 || count > (1u << 24)) {
      error = "the vocabulary has " + std::to_string(count) + " tokens";
      return false;
    }
    if ((v_.begin_first && !known(v_.begin)) || (v_.end != -1 && !known(v_.end))) {
      error = "the vocabulary names a first or last token that it does not have";
      return false;
    }
    std::vector<bool> special(count);
    bytes_.resize(count);
    for (auto const& s : v_.specials) {
      if (!known(s.id) || s.text.empty()) {
        error = "a special token needs a text and an id below " + std::to_string(count);
        return false;
      }
      special[static_cast<std::size_t>(s.id)] = true;
      bytes_[static_cast<std::size_t>(s.id)] = s.text;
    }
    bool const byte_level = v_.what == vocabulary::kind::byte_level;
    byte_tokens_.fill(-1);
    for (std::size_t i = 0; i < count; ++i) {
      if (special[i]) { continue; }
      auto const id = static_cast<int>(i);
      auto& bytes = bytes_[i];
      if (byte_level) {
        auto const decoded = to_bytes(v_.tokens[i]);
        if (!decoded || decoded->empty()) {
          error = "token " + std::to_string(i) + " is not byte-level";
          return false;
        }
        bytes = *decoded;
        if (bytes.size() == 1) { byte_tokens_[static_cast<unsigned char>(bytes[0])] = id; }
      } else if (auto const byte = spelt_byte(v_.tokens[i]); byte >= 0) {
        bytes = std::string(1, static_cast<char>(byte));
        byte_tokens_[static_cast<std::size_t>(byte)] = id;
        continue;  // never the result of merges
      } else {
        bytes = with_blanks(v_.tokens[i]);
      }
      if (!ids_.emplace(byte_level ? bytes : v_.tokens[i], id).second) {
        error = "token " + std::to_string(i) + " is there twice";
        return false;
      }
    }
    for (std::size_t b = 0; v_.every_byte && b < 256; ++b) {
      if (byte_tokens_[b] < 0) {
        error = "there is no token for byte " + std::to_string(b);
        return false;
      }
    }
    if (!byte_level && v_.scores.size() != count) {
      error = "there are " + std::to_string(v_.scores.size()) + " scores for " + std::to_string(count) + " tokens";
      return false;
    }
    for (auto const& p : v_.patterns) { splitters_.emplace_back(p); }
    return !byte_level || read_merges(error);
  }

  bool read_merges(std::string& error) {
    float rank = 0;  // exact up to 2^24
    for (auto const& [left, right] : v_.merges) {
      auto const l = ids_.find(to_bytes(left).value_or(""));
      auto const r = ids_.find(to_bytes(right).value_or(""));
      auto const both = l == ids_.end() || r == ids_.end() ? ids_.end() : ids_.find(l->first + r->first);
      if (both == ids_.end()) {
        error = "merge " + std::to_string(static_cast<int>(rank)) + " does not join two tokens to a third";
        return false;
      }
      merges_.emplace(pair_key(l->second, r->second), joined{rank++, both->second});
    }
    v_.merges.clear();
    return true;
  }

  /// In files of byte-level vocabularies each byte is a printable character: itself if it is one, else the next unused one
  /// from U+0100 on.
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
  static std::optional<std::string> to_bytes(std::string_view text) {
    static auto const bytes = byte_of_character();
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
      std::size_t point = static_cast<unsigned char>(text[i]);
      if (point >= 0x80) {
        if (point < 0xc0 || point >= 0xe0 || i + 1 == text.size()) { return std::nullopt; }
        point = (point & 0x1f) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3f);
      }
      if (point >= bytes.size() || bytes[point] < 0) { return std::nullopt; }
      result += static_cast<char>(bytes[point]);
    }
    return result;
  }

  /// 0x41 of "<0x41>", else -1.
  static int spelt_byte(std::string_view token) {
    auto const digit = [](char c) {
      return c >= '0' && c <= '9'   ? c - '0'
             : c >= 'A' && c <= 'F' ? c - 'A' + 10
             : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                    : -1;
    };
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') { return -1; }
    int const high = digit(token[3]);
    int const low = digit(token[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
  }
  static std::string with_blanks(std::string text) {
    for (auto at = text.find(blank); at != std::string::npos; at = text.find(blank)) {
      text.replace(at, blank.size(), " ");
    }
    return text;
  }

  vocabulary v_;
  std::vector<std::string> bytes_;            // of each token
  std::unordered_map<std::string, int> ids_;  // of bytes, or of what the file has
  std::array<int, 256> byte_tokens_{};
  std::unordered_map<std::uint64_t, joined> merges_;
  std::vector<splitter> splitters_;
};

}  // namespace example
