// SPDX-License-Identifier: MIT
// The tokenizer of a GGUF file, from its metadata.
#pragma once

#include "words.hpp"

#include <octavo/io/gguf.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace example {

/// tokenizer.ggml.model gpt2 with tokenizer.ggml.pre gpt-2, smollm or llama-bpe; or llama, which is SentencePiece.
/// Nothing, and what is wrong in `error`, for other models and for vocabularies that are not consistent.
inline std::optional<words> read_words(octavo::io::gguf const& file, std::string& error) {
  auto const refuse = [&](std::string const& why) {
    error = "the tokenizer of the GGUF file: " + why;
    return std::nullopt;
  };
  auto const key = [](char const* name) { return std::string("tokenizer.ggml.") + name; };
  auto const tokens = file.get<std::vector<std::string_view>>(key("tokens"));
  if (!tokens) { return refuse("tokenizer.ggml.tokens is not there, or is no list of texts"); }
  std::vector<token_kind> kinds;
  if (file.find_value(key("token_type")) != nullptr) {
    auto const numbers = file.get<std::vector<int>>(key("token_type"));
    if (!numbers || numbers->size() != tokens->size()) {
      return refuse("tokenizer.ggml.token_type does not have one integer for each token");
    }
    for (int const n : *numbers) { kinds.push_back(static_cast<token_kind>(n)); }
  }
  word_settings settings;
  for (auto const& [name, id] : {std::pair("bos_token_id", &settings.begin),
                                 {"eos_token_id", &settings.end},
                                 {"eot_token_id", &settings.turn_end}}) {
    if (file.find_value(key(name)) == nullptr) { continue; }
    auto const value = file.get<int>(key(name));
    if (!value || *value < 0) { return refuse(key(name) + " is no id"); }
    *id = *value;
  }
  for (char const* const name : {"add_bos_token", "add_space_prefix"}) {
    if (file.find_value(key(name)) != nullptr && !file.get<bool>(key(name))) {
      return refuse(key(name) + " is no bool");
    }
  }
  settings.chat_template = std::string(file.get<std::string_view>("tokenizer.chat_template").value_or(""));

  vocabulary const vocab{*tokens, kinds};
  auto const model = file.get<std::string_view>(key("model")).value_or("");
  auto const pre = file.get<std::string_view>(key("pre")).value_or("");
  std::string why;
  if (model == "llama") {
    auto const scores = file.get<std::vector<float>>(key("scores"));
    if (!scores) { return refuse("tokenizer.ggml.scores is not there, or is no list of numbers"); }
    auto pieces = sentencepiece::make(vocab, *scores, file.get<bool>(key("add_space_prefix")).value_or(true), why);
    if (!pieces) { return refuse(why); }
    settings.add_begin = file.get<bool>(key("add_bos_token")).value_or(true);
    auto result = words::make(std::move(*pieces), std::move(settings), why);
    return result ? std::move(result) : refuse(why);
  }
  if (model != "gpt2") {
    return refuse("tokenizer.ggml.model " + std::string(model) + " is not supported, only gpt2 and llama are");
  }
  byte_bpe::options chosen;
  if (pre == "smollm") {
    chosen.words = word_rule::smollm;
  } else if (pre == "llama-bpe") {
    chosen = {word_rule::llama3, true};
  } else if (pre != "gpt-2") {
    return refuse("tokenizer.ggml.pre " + std::string(pre) +
                  " is not supported, only gpt-2, smollm and llama-bpe are");
  }
  auto const merges = file.get<std::vector<std::string_view>>(key("merges"));
  if (!merges) { return refuse("tokenizer.ggml.merges is not there, or is no list of texts"); }
  auto bpe = byte_bpe::make(vocab, *merges, chosen, why);
  if (!bpe) { return refuse(why); }
  settings.add_begin = file.get<bool>(key("add_bos_token")).value_or(pre == "llama-bpe");
  auto result = words::make(std::move(*bpe), std::move(settings), why);
  return result ? std::move(result) : refuse(why);
}

}  // namespace example
