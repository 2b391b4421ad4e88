// SPDX-License-Identifier: MIT
// A BERT model as its files say: numbers of config.json, tensors of model.safetensors, all shapes checked.
#pragma once

#include "../generate/weights.hpp"

#include <octavo/io/safetensors.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace example {

/// Refers to the file of tensors, which must stay mapped.
struct bert_checkpoint {
  struct affine {
    weights weight;
    weights bias;
  };
  struct layer {
    affine q, k, v, attention_output, attention_norm, intermediate, output, output_norm;
  };
  index hidden, intermediate, heads, vocab, length;
  float eps;
  weights words, positions, types;
  affine norm;
  std::vector<layer> layers;

  /// Names of Hugging Face's BERT, with or without "bert." in front; F32, F16 or BF16. Nothing, and why in `error`, for
  /// other models, missing tensors and wrong shapes.
  static std::optional<bert_checkpoint> read(std::string_view config, octavo::io::safetensors const& file,
                                             std::string& error) {
    bert_checkpoint c{};
    index layers = 0;
    index types = 0;
    auto const json = nlohmann::json::parse(config.begin(), config.end(), nullptr, false);
    if (!json.is_object()) {
      error = "config.json is not a JSON object";
      return std::nullopt;
    }
    auto const number = [&](char const* key, auto& value, auto largest) {
      auto const found = json.find(key);
      using type = std::remove_reference_t<decltype(value)>;
      bool const ok =
          found != json.end() && (std::is_same_v<type, index> ? found->is_number_unsigned() : found->is_number());
      if (ok && *found > 0 && *found <= largest) {
        value = found->template get<type>();
        return true;
      }
      error = "config.json needs a number " + std::string(key) + " above 0, at most " + std::to_string(largest);
      return false;
    };
    constexpr index most = 1 << 20;
    if (!number("hidden_size", c.hidden, most) || !number("intermediate_size", c.intermediate, most) ||
        !number("num_hidden_layers", layers, index{1024}) || !number("num_attention_heads", c.heads, index{1024}) ||
        !number("vocab_size", c.vocab, most) || !number("max_position_embeddings", c.length, index{131072}) ||
        !number("type_vocab_size", types, index{1024}) || !number("layer_norm_eps", c.eps, 1.0f)) {
      return std::nullopt;
    }
    auto const is = [&json](char const* key, char const* value, bool or_absent) {
      auto const found = json.find(key);
      return found == json.end() ? or_absent : *found == value;
    };
    if (!is("model_type", "bert", false) || !is("hidden_act", "gelu", true) ||
        !is("position_embedding_type", "absolute", true) || c.hidden % c.heads != 0) {
      error =
          "this example runs models of model_type bert with hidden_act gelu, absolute positions, and a hidden_size "
          "that is a multiple of num_attention_heads; config.json is of another";
      return std::nullopt;
    }

    std::string const prefix = file.find("bert.embeddings.word_embeddings.weight") != nullptr ? "bert." : "";
    auto const get = [&](weights& w, std::string const& name, index rows, index cols) {
      auto found = tensor(file, prefix + name, rows, cols, error);
      if (found) { w = *std::move(found); }
      return found.has_value();
    };
    auto const dense = [&](affine& a, std::string const& name, index rows, index cols) {
      return get(a.weight, name + ".weight", rows, cols) && get(a.bias, name + ".bias", 1, rows);
    };
    auto const norm = [&](affine& a, std::string const& name) {
      return get(a.weight, name + ".weight", 1, c.hidden) && get(a.bias, name + ".bias", 1, c.hidden);
    };
    bool ok = get(c.words, "embeddings.word_embeddings.weight", c.vocab, c.hidden) &&
              get(c.positions, "embeddings.position_embeddings.weight", c.length, c.hidden) &&
              get(c.types, "embeddings.token_type_embeddings.weight", types, c.hidden) &&
              norm(c.norm, "embeddings.LayerNorm");
    for (index i = 0; ok && i < layers; ++i) {
      layer l;
      auto const p = "encoder.layer." + std::to_string(i) + ".";
      ok = dense(l.q, p + "attention.self.query", c.hidden, c.hidden) &&
           dense(l.k, p + "attention.self.key", c.hidden, c.hidden) &&
           dense(l.v, p + "attention.self.value", c.hidden, c.hidden) &&
           dense(l.attention_output, p + "attention.output.dense", c.hidden, c.hidden) &&
           norm(l.attention_norm, p + "attention.output.LayerNorm") &&
           dense(l.intermediate, p + "intermediate.dense", c.intermediate, c.hidden) &&
           dense(l.output, p + "output.dense", c.hidden, c.intermediate) &&
           norm(l.output_norm, p + "output.LayerNorm");
      c.layers.push_back(std::move(l));
    }
    if (!ok) { return std::nullopt; }
    return c;
  }

 private:
  static std::optional<weights> tensor(octavo::io::safetensors const& file, std::string const& name, index rows,
                                       index cols, std::string& error) {
    auto const as = [&](auto element) -> std::optional<weights> {
      auto const view = file.matrix<decltype(element)>(name, rows, cols, error);
      return view ? std::optional(weights::of(*view)) : std::nullopt;
    };
    auto const* const found = file.find(name);
    auto const dtype = found == nullptr ? "F32" : found->dtype;
    return dtype == "F16" ? as(octavo::f16()) : dtype == "BF16" ? as(octavo::bf16()) : as(0.0f);
  }
};

}  // namespace example
