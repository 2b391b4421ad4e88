// SPDX-License-Identifier: MIT
// The tokenizer of BERT's uncased models: words in lower case without accents, cut into the longest known pieces.
#pragma once

#include "../text/unicode.hpp"
#include "../text/vocabulary.hpp"

#include <unicode/normalizer2.h>
#include <unicode/unistr.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace example {

class wordpiece {
 public:
  /// `vocab`: a piece a line, its number the id; those that continue a word begin with ##. `length`: ids of a text at
  /// most, [CLS] and [SEP] among them. Errors, in `error`: a piece that is empty or there twice, no [CLS], [SEP] or
  /// [UNK], a length below 2.
  static std::optional<wordpiece> read(std::string_view vocab, std::size_t length, std::string& error) {
    wordpiece result;
    if (length < 2) {
      error = "a text needs room for [CLS] and [SEP], but the length is " + std::to_string(length);
      return std::nullopt;
    }
    result.length_ = length;
    while (!vocab.empty()) {
      auto const size = vocab.find('\n');
      auto piece = vocab.substr(0, size);
      vocab.remove_prefix(size == std::string_view::npos ? vocab.size() : size + 1);
      if (piece.ends_with('\r')) { piece.remove_suffix(1); }
      bool const continues = piece.size() > 2 && piece.starts_with("##");
      auto& pieces = continues ? result.inner_ : result.first_;
      auto const line = "line " + std::to_string(++result.size_) + " of the vocabulary";
      if (piece.empty()) {
        error = line + " is empty";
        return std::nullopt;
      }
      if (!pieces.emplace(piece.substr(continues ? 2 : 0), result.size_ - 1).second) {
        error = line + ", " + std::string(piece) + ", is there twice";
        return std::nullopt;
      }
    }
    for (auto const& [name, id] :
         {std::pair{"[CLS]", &result.begin_}, {"[SEP]", &result.end_}, {"[UNK]", &result.unknown_}}) {
      auto const found = result.first_.find(std::string_view(name));
      if (found == result.first_.end()) {
        error = std::string("the vocabulary has no ") + name;
        return std::nullopt;
      }
      *id = found->second;
    }
    return result;
  }

  [[nodiscard]] int size() const noexcept { return size_; }

  /// [CLS] pieces [SEP]. What is no UTF-8 is left out, and so are control characters; [CLS] in `text` is text.
  [[nodiscard]] std::vector<int> encode(std::string_view text) const {
    std::vector<int> ids{begin_};
    std::string word;
    std::size_t characters = 0;
    auto const end_word = [&] {
      if (!word.empty()) { add(word, characters, ids); }
      word.clear();
      characters = 0;
    };
    auto const plain = decomposed(text);
    for (int i = 0; i < plain.length() && ids.size() < length_; i = plain.moveIndex32(i, 1)) {
      UChar32 const point = u_tolower(plain.char32At(i));
      if (u_charType(point) == U_NON_SPACING_MARK) { continue; }
      bool const mark = is_punctuation(point);
      if (mark || u_isUWhiteSpace(point)) { end_word(); }
      if (u_isUWhiteSpace(point)) { continue; }
      icu::UnicodeString(point).toUTF8String(word);
      ++characters;
      if (mark) { end_word(); }
    }
    end_word();
    if (ids.size() >= length_) { ids.resize(length_ - 1); }
    ids.push_back(end_);
    return ids;
  }

 private:
  static bool is_punctuation(UChar32 c) {
    bool const ascii = c < 0x80 && u_isgraph(c) && !u_isalnum(c);  // $ and + too, which Unicode calls symbols
    return ascii || u_ispunct(c);
  }
  static bool is_cjk(UChar32 c) {
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
           (c >= 0x2a700 && c <= 0x2ceaf) || (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
  }

  /// Without control characters, blanks around Chinese characters, accents as characters of their own.
  static icu::UnicodeString decomposed(std::string_view text) {
    icu::UnicodeString kept;
    while (!text.empty()) {
      auto const c = first_character(text);
      text.remove_prefix(c.size);
      bool const blank = c.point == '\t' || c.point == '\n' || c.point == '\r';
      if (c.point < 0 || c.point == 0xfffd || (!blank && (U_GET_GC_MASK(c.point) & U_GC_C_MASK) != 0)) { continue; }
      if (is_cjk(c.point)) {
        kept.append(u' ').append(UChar32(c.point)).append(u' ');
      } else {
        kept.append(UChar32(c.point));
      }
    }
    UErrorCode status = U_ZERO_ERROR;
    auto const* const nfd = icu::Normalizer2::getNFDInstance(status);
    return U_SUCCESS(status) ? nfd->normalize(kept, status) : kept;
  }

  /// The pieces of a word, each as long as can be, or [UNK] if some part of it is no piece.
  void add(std::string_view word, std::size_t characters, std::vector<int>& ids) const {
    constexpr std::size_t most = 100;
    auto const before = ids.size();
    auto const* pieces = &first_;
    while (characters <= most && !word.empty()) {
      auto size = word.size();
      auto found = pieces->find(word);
      while (found == pieces->end() && size > 1) {
        do { --size; } while (size > 0 && U8_IS_TRAIL(word[size]));
        found = pieces->find(word.substr(0, size));
      }
      if (found == pieces->end()) { break; }
      ids.push_back(found->second);
      word.remove_prefix(size);
      pieces = &inner_;
    }
    if (!word.empty()) {
      ids.resize(before);
      ids.push_back(unknown_);
    }
  }

  text_map<int> first_;  // pieces that begin a word
  text_map<int> inner_;  // those after ##
  int size_ = 0;
  int begin_ = 0;
  int end_ = 0;
  int unknown_ = 0;
  std::size_t length_ = 0;
};

}  // namespace example
