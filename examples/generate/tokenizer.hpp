// SPDX-License-Identifier: MIT
// Byte-level byte-pair encoding from a tokenizer.json, as GPT-2 and its many heirs use it.
#pragma once

#include <nlohmann/json.hpp>

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

class tokenizer {
 public:
  static std::optional<tokenizer> parse(std::string_view text, std::string& error) {
    auto const json = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
    tokenizer result;
    error = "tokenizer.json: ";
    if (!json.is_object()) {
      error += "not a JSON object";
    } else if (result.read(json, error)) {
      error.clear();
      return result;
    }
    return std::nullopt;
  }

  [[nodiscard]] int size() const noexcept { return static_cast<int>(tokens_.size()); }

  /// The bytes of a token. A character may be spread over several tokens.
  [[nodiscard]] std::string_view decode(int id) const noexcept {
    return id >= 0 && id < size() ? std::string_view(tokens_[static_cast<std::size_t>(id)]) : std::string_view();
  }
  [[nodiscard]] std::string decode(std::span<int const> ids) const {
    std::string text;
    for (int const id : ids) { text += decode(id); }
    return text;
  }

  [[nodiscard]] std::vector<int> encode(std::string_view text) const {
    std::vector<int> ids;
    while (!text.empty()) {
      // Special tokens such as <|endoftext|> are cut out first; what is between them is split into words.
      std::size_t at = text.size();
      special const* next = nullptr;
      for (auto const& s : special_) {
        if (auto const found = text.find(s.text); found < at) {
          at = found;
          next = &s;
        }
      }
      for (auto rest = text.substr(0, at); !rest.empty();) {
        std::size_t const length = word(rest);
        encode_word(rest.substr(0, length), ids);
        rest.remove_prefix(length);
      }
      if (next != nullptr) { ids.push_back(next->id); }
      text.remove_prefix(next != nullptr ? at + next->text.size() : at);
    }
    return ids;
  }

 private:
  struct special {
    std::string text;
    int id;
  };
  struct merge {
    int rank;
    int id;
  };

  // ---- words: 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ ----

  enum class kind { none, letter, digit, space, other };
  struct character {
    kind what;
    std::size_t size;
  };

  /// The character at the start of `text`. Exact for ASCII and for spaces; other characters count as letters.
  static character first(std::string_view text) {
    if (text.empty()) { return {kind::none, 0}; }
    auto const byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    unsigned const c = byte(0);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) { return {kind::letter, 1}; }
    if (c >= '0' && c <= '9') { return {kind::digit, 1}; }
    if (c == ' ' || (c >= '\t' && c <= '\r')) { return {kind::space, 1}; }
    if (c < 0xc0) { return {kind::other, 1}; }
    std::size_t const size = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    for (std::size_t i = 1; i < size; ++i) {
      if ((byte(i) & 0xc0) != 0x80) { return {kind::other, 1}; }  // not UTF-8: byte by byte
    }
    unsigned const point =
        size == 2 ? (c & 0x1f) << 6 | (byte(1) & 0x3f) : (c & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    bool const space =
        size < 4 && (point == 0x85 || point == 0xa0 || point == 0x1680 || (point >= 0x2000 && point <= 0x200a) ||
                     point == 0x2028 || point == 0x2029 || point == 0x202f || point == 0x205f || point == 0x3000);
    return {space ? kind::space : kind::letter, size};
  }

  /// Length of the run of characters of one kind.
  static std::size_t run(std::string_view text, kind what) {
    std::size_t length = 0;
    for (auto c = first(text); c.what == what; c = first(text.substr(length))) { length += c.size; }
    return length;
  }

  /// Length of the word at the start of `text`. Pre: not empty.
  static std::size_t word(std::string_view text) {
    for (std::string_view const ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
      if (text.starts_with(ending)) { return ending.size(); }
    }
    std::size_t const blank = text[0] == ' ' ? 1 : 0;  // one blank belongs to the word after it
    kind const what = first(text.substr(blank)).what;
    if (what != kind::space && what != kind::none) { return blank + run(text.substr(blank), what); }
    std::size_t length = 0;
    std::size_t last = 0;
    for (auto c = first(text); c.what == kind::space; c = first(text.substr(length))) {
      last = length;
      length += c.size;
    }
    return length == text.size() || last == 0 ? length : last;  // the last space is left to the word after it
  }

  /// Merges neighbours, the pair that was learned first goes first, until no pair is known.
  void encode_word(std::string_view bytes, std::vector<int>& ids) const {
    std::vector<int> parts;
    for (char const c : bytes) { parts.push_back(byte_tokens_[static_cast<unsigned char>(c)]); }
    while (parts.size() > 1) {
      merge best{};
      std::size_t at = parts.size();
      for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
        auto const found = merges_.find(pair_key(parts[i], parts[i + 1]));
        if (found != merges_.end() && (at == parts.size() || found->second.rank < best.rank)) {
          best = found->second;
          at = i;
        }
      }
      if (at == parts.size()) { break; }
      parts[at] = best.id;
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
    ids.insert(ids.end(), parts.begin(), parts.end());
  }

  static std::uint64_t pair_key(int left, int right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint64_t>(right);
  }

  // ---- tokenizer.json ----

  /// In the file each byte is a printable character: itself if it is one, else the next unused one from U+0100 on.
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

  /// A member of a JSON object, null where there is none.
  static nlohmann::json const& member(nlohmann::json const& object, char const* key) {
    static nlohmann::json const null;
    if (!object.is_object()) { return null; }
    auto const found = object.find(key);
    return found == object.end() ? null : *found;
  }

  bool read(nlohmann::json const& json, std::string& error) {
    auto const& model = member(json, "model");
    auto const& splitter = member(json, "pre_tokenizer");
    auto const& vocabulary = member(model, "vocab");
    auto const& merges = member(model, "merges");
    if (member(model, "type") != "BPE" || member(splitter, "type") != "ByteLevel" ||
        member(splitter, "add_prefix_space") != false || member(splitter, "use_regex") == false ||
        !member(json, "normalizer").is_null()) {
      error += "not a plain byte-level BPE: no normalizer, model BPE, pre_tokenizer ByteLevel without a prefix space";
      return false;
    }
    if (!vocabulary.is_object() || !merges.is_array()) {
      error += "needs a vocab and merges";
      return false;
    }
    auto const size = vocabulary.size();
    std::unordered_map<std::string, int> ids;
    tokens_.resize(size);
    for (auto const& [text, id] : vocabulary.items()) {
      auto const bytes = to_bytes(text);
      if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= size || !bytes || bytes->empty() ||
          !tokens_[id.get<std::size_t>()].empty()) {
        error += "the token " + text + " is not byte-level, or its number is not a new one below the size of vocab";
        return false;
      }
      tokens_[id.get<std::size_t>()] = *bytes;
      ids.emplace(*bytes, id.get<int>());
    }
    for (std::size_t b = 0; b < 256; ++b) {
      auto const found = ids.find(std::string(1, static_cast<char>(b)));
      if (found == ids.end()) {
        error += "there is no token for byte " + std::to_string(b);
        return false;
      }
      byte_tokens_[b] = found->second;
    }
    return read_merges(merges, ids, error) && read_special(member(json, "added_tokens"), error);
  }

  bool read_merges(nlohmann::json const& merges, std::unordered_map<std::string, int> const& ids,
                   std::string& error) {
    auto const text_of = [](nlohmann::json const& j) { return j.is_string() ? j.get<std::string>() : std::string(); };
    int rank = 0;
    for (auto const& entry : merges) {  // ["a", "b"], or "a b" in older files
      std::string left = text_of(entry);
      std::string right;
      if (auto const blank = left.find(' '); blank != std::string::npos) {
        right = left.substr(blank + 1);
        left.resize(blank);
      } else if (entry.is_array() && entry.size() == 2) {
        left = text_of(entry[0]);
        right = text_of(entry[1]);
      }
      auto const l = ids.find(to_bytes(left).value_or(""));
      auto const r = ids.find(to_bytes(right).value_or(""));
      auto const both = l == ids.end() || r == ids.end() ? ids.end() : ids.find(l->first + r->first);
      if (both == ids.end()) {
        error += "merge " + std::to_string(rank) + " does not join two tokens of vocab to a third";
        return false;
      }
      merges_.emplace(pair_key(l->second, r->second), merge{rank++, both->second});
    }
    return true;
  }

  bool read_special(nlohmann::json const& added, std::string& error) {
    if (!added.is_array()) { return true; }
    for (auto const& entry : added) {
      auto const& text = member(entry, "content");
      auto const& id = member(entry, "id");
      if (!text.is_string() || text == "" || !id.is_number_unsigned() || id.get<std::uint64_t>() >= tokens_.size()) {
        error += "an added token needs a content and an id below the size of vocab";
        return false;
      }
      special_.push_back({text.get<std::string>(), id.get<int>()});
    }
    return true;
  }

  std::vector<std::string> tokens_;  // the bytes of each
  std::vector<special> special_;
  std::array<int, 256> byte_tokens_{};
  std::unordered_map<std::uint64_t, merge> merges_;
};

}  // namespace example
