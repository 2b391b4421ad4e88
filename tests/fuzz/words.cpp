// SPDX-License-Identifier: MIT
// Any bytes as a GGUF file's tokenizer and a text, and any text for sound small vocabularies: encoded, decoded,
// chatted.
#include "../../examples/text/gguf_words.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

/// A name for every byte, as byte-level BPE and SentencePiece write them.
std::vector<std::string> byte_names(bool level) {
  std::vector<std::string> names;
  unsigned next = 0x100;
  for (unsigned b = 0; b < 256; ++b) {
    bool const printable = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
    unsigned const point = printable ? b : next++;
    constexpr std::string_view digits = "0123456789ABCDEF";
    if (!level) {
      names.push_back(std::string("<0x") + digits[b >> 4] + digits[b & 15] + ">");
    } else if (point < 0x80) {
      names.emplace_back(1, static_cast<char>(point));
    } else {
      names.push_back({static_cast<char>(0xc0 | point >> 6), static_cast<char>(0x80 | (point & 0x3f))});
    }
  }
  return names;
}

/// Byte-level BPE by each rule, and SentencePiece with and without a prefix.
std::vector<example::words> sound() {
  std::vector<example::words> result;
  std::string error;
  for (int which = 0; which < 5; ++which) {
    bool const level = which < 3;
    auto names = byte_names(level);
    std::vector<example::token_kind> kinds(names.size(),
                                           level ? example::token_kind::normal : example::token_kind::byte);
    for (char const* const s : {"a", "b", "\xe2\x96\x81", "aa", "ab", "aaa", "aab", "bb", "\xe2\x96\x81\x61"}) {
      if (level && (std::string_view(s).size() == 1 || s[0] == '\xe2')) { continue; }
      names.emplace_back(s);
      kinds.push_back(example::token_kind::normal);
    }
    for (char const* const s : {"<|im_start|>", "<|im_end|>", "<s>"}) {
      names.emplace_back(s);
      kinds.push_back(example::token_kind::control);
    }
    names.emplace_back("<think>");
    kinds.push_back(example::token_kind::user_defined);
    std::vector<std::string_view> const texts(names.begin(), names.end());
    example::word_settings settings;
    settings.chat_template = level ? "<|im_start|>" : "[INST]";
    std::optional<example::words> made;
    if (level) {
      std::array<std::string_view, 5> const merges{"a a", "a b", "aa a", "a ab", "b b"};
      auto bpe = example::byte_bpe::make({texts, kinds}, merges, {static_cast<example::word_rule>(which), which == 2},
                                         error);
      if (bpe) { made = example::words::make(std::move(*bpe), settings, error); }
    } else {
      std::vector<float> scores;
      for (std::size_t i = 0; i < names.size(); ++i) { scores.push_back(-static_cast<float>(i % 7)); }
      auto pieces = example::sentencepiece::make({texts, kinds}, scores, which == 3, error);
      if (pieces) { made = example::words::make(std::move(*pieces), settings, error); }
    }
    if (!made) { __builtin_trap(); }
    result.push_back(std::move(*made));
  }
  return result;
}

void use(example::words const& w, std::string_view text, bool complete) {
  auto const mark = text.find("\xe2\x96\x81") != std::string_view::npos;  // comes back as a blank
  for (bool const special : {false, true}) {
    auto const ids = w.encode(text, special);
    for (int const id : ids) {
      if (id < 0 || id >= w.size()) { __builtin_trap(); }
    }
    // A blank in front of text after a control token stays.
    if (complete && !mark && !special && w.decode(ids) != text) { __builtin_trap(); }
  }
  std::string error;
  if (!w.chat(text, error) && error.empty()) { __builtin_trap(); }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  static auto const all = sound();
  for (auto const& w : all) { use(w, text, true); }
  std::string error;
  auto const file = octavo::io::gguf::parse(std::as_bytes(std::span(data, size)), error);
  if (!file) { return 0; }
  error.clear();
  auto const w = example::read_words(*file, error);
  if (!w) { return error.empty() ? __builtin_trap(), 1 : 0; }
  use(*w, text.substr(text.size() / 2), false);
  return 0;
}
