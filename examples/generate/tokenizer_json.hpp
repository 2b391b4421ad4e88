// SPDX-License-Identifier: MIT
// Reads the tokenizer.json of a plain byte-level BPE tokenizer.
#pragma once

#include "../text/words.hpp"

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

/// Tokens by id, and which of them were added to the vocabulary. Says what is wrong, if anything is.
inline std::string read_tokens(nlohmann::json const& json, std::vector<std::string_view>& tokens,
                               std::vector<token_kind>& kinds) {
  auto const& vocab = member(member(json, "model"), "vocab");
  auto const& added = member(json, "added_tokens");
  if (!vocab.is_object()) { return "needs a vocab and merges"; }
  tokens.resize(vocab.size());
  kinds.assign(vocab.size(), token_kind::normal);
  for (auto item = vocab.begin(); item != vocab.end(); ++item) {
    auto const& id = item.value();
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= tokens.size() ||
        !std::exchange(tokens[id.get<std::size_t>()], item.key()).empty()) {
      return "the number of token " + item.key() + " is not a new one below the size of vocab";
    }
  }
  for (auto const& entry : added.is_array() ? added : nlohmann::json::array()) {
    auto const& text = member(entry, "content");
    auto const& id = member(entry, "id");
    if (!text.is_string() || !id.is_number_unsigned() || id.get<std::uint64_t>() >= tokens.size() ||
        tokens[id.get<std::size_t>()] != text.get_ref<std::string const&>()) {
      return "an added token needs a content and an id that are in vocab";
    }
    kinds[id.get<std::size_t>()] = member(entry, "special") == true ? token_kind::control : token_kind::user_defined;
  }
  return "";
}

}  // namespace detail

/// No normalizer, model BPE, pre_tokenizer ByteLevel without a prefix space; all added tokens are in vocab. Others are
/// refused, with the reason in `error`. Texts end with <|endoftext|>, if there is one.
inline std::optional<words> read_tokenizer_json(std::string_view text, std::string& error) {
  using detail::member;
  auto const refuse = [&error](std::string const& why) {
    error = "tokenizer.json: " + why;
    return std::nullopt;
  };
  auto const json = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  if (!json.is_object()) { return refuse("not a JSON object"); }
  auto const& splitter = member(json, "pre_tokenizer");
  if (member(member(json, "model"), "type") != "BPE" || member(splitter, "type") != "ByteLevel" ||
      member(splitter, "add_prefix_space") != false || member(splitter, "use_regex") == false ||
      !member(json, "normalizer").is_null()) {
    return refuse(
        "not a plain byte-level BPE: no normalizer, model BPE, pre_tokenizer ByteLevel without a prefix space");
  }
  std::vector<std::string_view> tokens;
  std::vector<token_kind> kinds;
  auto why = detail::read_tokens(json, tokens, kinds);
  if (!why.empty()) { return refuse(why); }
  auto const& merges = member(member(json, "model"), "merges");
  if (!merges.is_array()) { return refuse("needs a vocab and merges"); }
  std::vector<std::string> pairs;
  for (auto const& entry : merges) {  // ["a", "b"], or "a b" in older files
    bool const two = entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string();
    if (!two && !entry.is_string()) {
      return refuse("merge " + std::to_string(pairs.size()) + " is no pair of tokens");
    }
    pairs.push_back(two ? entry[0].get<std::string>() + " " + entry[1].get<std::string>() : entry.get<std::string>());
  }
  auto bpe = byte_bpe::make({tokens, kinds}, std::vector<std::string_view>(pairs.begin(), pairs.end()), {}, why);
  if (!bpe) { return refuse(why); }
  word_settings settings;
  if (auto const& end = member(member(member(json, "model"), "vocab"), "<|endoftext|>"); end.is_number_unsigned()) {
    settings.end = end.get<int>();
  }
  auto result = words::make(std::move(*bpe), std::move(settings), why);
  if (!result) { return refuse(why); }
  return result;
}

}  // namespace example
