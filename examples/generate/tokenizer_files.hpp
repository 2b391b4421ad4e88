// SPDX-License-Identifier: MIT
// Vocabularies from files: a tokenizer.json of byte-level byte-pair encoding, and the metadata of a GGUF file.
#pragma once

#include "tokenizer.hpp"

#include <octavo/io/gguf.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace example {

namespace detail {

/// A member of a JSON object, null where there is none.
inline nlohmann::json const& member(nlohmann::json const& object, char const* key) {
  static nlohmann::json const null;
  if (!object.is_object()) { return null; }
  auto const found = object.find(key);
  return found == object.end() ? null : *found;
}

/// "a b" in two.
inline std::pair<std::string, std::string> cut(std::string_view text) {
  auto const blank = text.find(' ');
  if (blank == std::string_view::npos) { return {}; }
  return {std::string(text.substr(0, blank)), std::string(text.substr(blank + 1))};
}

inline bool read_json(nlohmann::json const& json, vocabulary& v, std::string& error) {
  auto const& model = member(json, "model");
  auto const& splitter = member(json, "pre_tokenizer");
  auto const& tokens = member(model, "vocab");
  auto const& merges = member(model, "merges");
  if (member(model, "type") != "BPE" || member(splitter, "type") != "ByteLevel" ||
      member(splitter, "add_prefix_space") != false || member(splitter, "use_regex") == false ||
      !member(json, "normalizer").is_null()) {
    error = "not a plain byte-level BPE: no normalizer, model BPE, pre_tokenizer ByteLevel without a prefix space";
    return false;
  }
  if (!tokens.is_object() || !merges.is_array()) {
    error = "needs a vocab and merges";
    return false;
  }
  v.patterns = {patterns::gpt2};
  v.tokens.resize(tokens.size());
  for (auto const& [text, id] : tokens.items()) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= v.tokens.size() ||
        !v.tokens[id.get<std::size_t>()].empty()) {
      error = "the number of the token " + text + " is not a new one below the size of vocab";
      return false;
    }
    v.tokens[id.get<std::size_t>()] = text;
  }
  for (auto const& entry : merges) {  // ["a", "b"], or "a b" in older files
    if (entry.is_string()) {
      v.merges.push_back(cut(entry.get<std::string>()));
    } else if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string()) {
      v.merges.emplace_back(entry[0].get<std::string>(), entry[1].get<std::string>());
    } else {
      error = "a merge is two texts, or one with a blank";
      return false;
    }
  }
  auto const& added = member(json, "added_tokens");
  for (auto const& entry : added.is_array() ? added : nlohmann::json::array()) {
    auto const& text = member(entry, "content");
    auto const& id = member(entry, "id");
    if (!text.is_string() || !id.is_number_unsigned() || id.get<std::uint64_t>() >= v.tokens.size()) {
      error = "an added token needs a content and an id below the size of vocab";
      return false;
    }
    v.specials.push_back({text.get<std::string>(), id.get<int>()});
    if (text == "<|endoftext|>") { v.end = id.get<int>(); }
  }
  return true;
}

inline bool read_gguf(octavo::io::gguf const& file, vocabulary& v, std::string& error) {
  using std::string_view;
  auto const model = file.get<string_view>("tokenizer.ggml.model").value_or("");
  auto const pre = file.get<string_view>("tokenizer.ggml.pre").value_or("default");
  auto const tokens = file.get<std::vector<string_view>>("tokenizer.ggml.tokens");
  if (!tokens) {
    error = "tokenizer.ggml.tokens is missing";
    return false;
  }
  v.tokens.assign(tokens->begin(), tokens->end());
  v.every_byte = false;
  if (model == "gpt2") {
    if (pre == "smollm") {
      v.patterns = {patterns::digit, patterns::gpt2};
    } else if (pre == "llama-bpe") {
      v.patterns = {patterns::llama3};
    } else if (pre == "default" || pre == "gpt-2") {
      v.patterns = {patterns::gpt2};
    } else {
      error = "tokenizer.ggml.pre is " + std::string(pre) + "; smollm, llama-bpe and gpt-2 are known";
      return false;
    }
    auto const merges = file.get<std::vector<string_view>>("tokenizer.ggml.merges");
    if (!merges) {
      error = "tokenizer.ggml.merges is missing";
      return false;
    }
    for (auto const merge : *merges) { v.merges.push_back(cut(merge)); }
  } else if (model == "llama") {
    v.what = vocabulary::kind::sentencepiece;
    v.scores = file.get<std::vector<float>>("tokenizer.ggml.scores").value_or(std::vector<float>());
    v.space_first = file.get<bool>("tokenizer.ggml.add_space_prefix").value_or(true);
  } else {
    error =
        "tokenizer.ggml.model is '" + std::string(model) + "'; gpt2 (byte-level) and llama (SentencePiece) are known";
    return false;
  }
  // 2: unknown, 3: control, 4: added by the user.
  auto const types = file.get<std::vector<std::int32_t>>("tokenizer.ggml.token_type");
  if (types && types->size() != v.tokens.size()) {
    error = "tokenizer.ggml.token_type has " + std::to_string(types->size()) + " elements for " +
            std::to_string(v.tokens.size()) + " tokens";
    return false;
  }
  for (std::size_t i = 0; types && i < types->size(); ++i) {
    if ((*types)[i] >= 2 && (*types)[i] <= 4) { v.specials.push_back({v.tokens[i], static_cast<int>(i)}); }
  }
  v.begin = file.get<int>("tokenizer.ggml.bos_token_id").value_or(-1);
  v.end = file.get<int>("tokenizer.ggml.eos_token_id").value_or(-1);
  v.begin_first = file.get<bool>("tokenizer.ggml.add_bos_token").value_or(model == "llama");
  v.chat_template = file.get<string_view>("tokenizer.chat_template").value_or("");
  return true;
}

}  // namespace detail

/// Nothing, and what is wrong in `error`, for what is no such file.
inline std::optional<tokenizer> read_tokenizer(std::string_view text, std::string& error) {
  auto const json = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  vocabulary v;
  if (!json.is_object()) {
    error = "tokenizer.json: not a JSON object";
    return std::nullopt;
  }
  std::optional<tokenizer> result;
  if (detail::read_json(json, v, error)) { result = tokenizer::make(std::move(v), error); }
  if (!result) { error = "tokenizer.json: " + error; }
  return result;
}
inline std::optional<tokenizer> read_tokenizer(octavo::io::gguf const& file, std::string& error) {
  vocabulary v;
  if (!detail::read_gguf(file, v, error)) { return std::nullopt; }
  return tokenizer::make(std::move(v), error);
}

}  // namespace example
