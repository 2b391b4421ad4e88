// SPDX-License-Identifier: MIT
// What a file says about a Llama model, from safetensors with its numbers in the metadata, or from GGUF.
#pragma once

#include "weights.hpp"

#include <octavo/io/gguf.hpp>
#include <octavo/io/safetensors.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace example {

/// The numbers of a model.
struct model_shape {
  index hidden, intermediate, heads, kv_heads, head_dim, vocab, context;
  float eps, theta;
  /// Whether rotations turn neighbours (GGUF stores q and k so), or elements half a head apart.
  bool neighbours = false;
  /// Angles are divided by these, one for each pair of a head (Llama 3.1); or none.
  std::vector<float> angle_divisors;
};

/// And its matrices, outputs x inputs, of the right shapes.
struct checkpoint : model_shape {
  struct layer {
    weights attention_norm, q, k, v, o, mlp_norm, gate, up, down;
  };
  weights embedding, norm;
  std::optional<weights> head;  ///< none: the embedding is the head, too
  std::vector<layer> layers;

  static std::optional<checkpoint> read(octavo::io::safetensors const& file, std::string& error) {
    checkpoint c{};
    index layers = 0;
    auto const number = [&](char const* key, auto& value, auto largest) {
      auto const text = file.metadata(key).value_or("");
      auto const [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (status == std::errc() && end == text.data() + text.size() && value > 0 && value <= largest) { return true; }
      error = "__metadata__ needs a reasonable number " + std::string(key) + ", but has '" + text + "'";
      return false;
    };
    if (!number("hidden_size", c.hidden, most) || !number("intermediate_size", c.intermediate, most) ||
        !number("num_hidden_layers", layers, 1024) || !number("num_attention_heads", c.heads, 1024) ||
        !number("num_key_value_heads", c.kv_heads, 1024) || !number("head_dim", c.head_dim, 1024) ||
        !number("vocab_size", c.vocab, most) || !number("max_position_embeddings", c.context, most) ||
        !number("rms_norm_eps", c.eps, 1.0f) || !number("rope_theta", c.theta, 1e9f)) {
      return std::nullopt;
    }
    if (file.metadata("model_type") != "llama" || file.metadata("tie_word_embeddings") != "true") {
      error = "this example runs Llama models, from safetensors with tied embeddings";
      return std::nullopt;
    }
    auto const get = [&](std::string const& name, index rows, index cols, weights& w) {
      auto const found = file.matrix<octavo::bf16>("model." + name + ".weight", rows, cols, error);
      if (found) { w = weights::of(*found); }
      return found.has_value();
    };
    constexpr names of_layer = {"input_layernorm",  "self_attn.q_proj", "self_attn.k_proj",
                                "self_attn.v_proj", "self_attn.o_proj", "post_attention_layernorm",
                                "mlp.gate_proj",    "mlp.up_proj",      "mlp.down_proj"};
    if (!c.check_heads(error) || !get("embed_tokens", c.vocab, c.hidden, c.embedding) ||
        !get("norm", 1, c.hidden, c.norm) || !c.read_layers(layers, "layers.", of_layer, get)) {
      return std::nullopt;
    }
    return c;
  }

  static std::optional<checkpoint> read(octavo::io::gguf const& file, std::string& error) {
    checkpoint c{};
    c.neighbours = true;
    if (auto const arch = file.get<std::string_view>("general.architecture").value_or(""); arch != "llama") {
      error = "general.architecture is '" + std::string(arch) + "'; this example runs llama";
      return std::nullopt;
    }
    auto const number = [&](char const* name, auto& value, auto largest) {
      auto const key = std::string("llama.") + name;
      using T = std::remove_reference_t<decltype(value)>;
      auto const found = file.get<T>(key);
      if (found && *found > 0 && *found <= largest) {
        value = *found;
        return true;
      }
      error = key + " is missing, or no reasonable number";
      return false;
    };
    index layers = 0;
    if (!number("embedding_length", c.hidden, most) || !number("feed_forward_length", c.intermediate, most) ||
        !number("block_count", layers, 1024) || !number("attention.head_count", c.heads, 1024) ||
        !number("context_length", c.context, most) || !number("attention.layer_norm_rms_epsilon", c.eps, 1.0f)) {
      return std::nullopt;
    }
    auto const number_or = [&](char const* name, auto& value, auto usual, auto largest) {
      value = usual;
      return file.find_value(std::string("llama.") + name) == nullptr || number(name, value, largest);
    };
    index turned = 0;
    if (!number_or("attention.head_count_kv", c.kv_heads, c.heads, 1024) ||
        !number_or("attention.key_length", c.head_dim, c.hidden / c.heads, 1024) ||
        !number_or("rope.dimension_count", turned, c.head_dim, 1024) ||
        !number_or("rope.freq_base", c.theta, 10000.0f, 1e9f)) {
      return std::nullopt;
    }
    for (auto const* const key : {"llama.rope.scaling.type", "llama.rope.scale_linear"}) {
      if (file.find_value(key) != nullptr && file.get<std::string_view>(key) != "none") {
        error = std::string(key) + " is there, but this example does not stretch positions";
        return std::nullopt;
      }
    }
    auto const* const table = file.find("token_embd.weight");
    if (table == nullptr) {
      error = "there is no tensor token_embd.weight";
      return std::nullopt;
    }
    c.vocab = table->rows();
    if (c.vocab <= 0 || c.vocab > most || turned != c.head_dim) {
      error = "this example runs models of up to a million tokens whose heads are rotated as a whole";
      return std::nullopt;
    }
    std::set<std::string_view> used;
    auto const get = [&](std::string const& name, index rows, index cols, weights& w) {
      auto const* const tensor = file.find(name + ".weight");
      if (tensor == nullptr) {
        error = "there is no tensor " + name + ".weight";
        return false;
      }
      if (tensor->rows() != rows || tensor->cols() != cols) {
        error = name + ".weight has " + std::to_string(tensor->rows()) + " rows and " +
                std::to_string(tensor->cols()) + " columns, but should have " + std::to_string(rows) + " and " +
                std::to_string(cols);
        return false;
      }
      float factor = 1;
      if (auto const* const scale = file.find(name + ".scale"); scale != nullptr) {
        auto const one = octavo::io::view_ggml<float>(*scale, error);
        if (!one) { return false; }
        factor = one->rows() == 1 && one->cols() == 1 ? (*one)(0, 0) : 0.0f;
        if (!(std::abs(factor) > 0 && std::abs(factor) < 1e30f)) {
          error = name + ".scale is not one number of a reasonable size";
          return false;
        }
        used.insert(scale->name);
      }
      auto found = weights::of(*tensor, error, factor);
      if (found) { w = *std::move(found); }
      used.insert(tensor->name);
      return found.has_value();
    };
    constexpr names of_layer = {"attn_norm", "attn_q",   "attn_k", "attn_v",  "attn_output",
                                "ffn_norm",  "ffn_gate", "ffn_up", "ffn_down"};
    if (!c.check_heads(error) || !get("token_embd", c.vocab, c.hidden, c.embedding) ||
        !get("output_norm", 1, c.hidden, c.norm) || !c.read_layers(layers, "blk.", of_layer, get)) {
      return std::nullopt;
    }
    if (file.find("output.weight") != nullptr) {
      c.head.emplace();
      if (!get("output", c.vocab, c.hidden, *c.head)) { return std::nullopt; }
    }
    if (file.find("rope_freqs.weight") != nullptr) {
      weights divisors;
      if (!get("rope_freqs", 1, c.head_dim / 2, divisors)) { return std::nullopt; }
      c.angle_divisors = divisors.floats();
      if (!std::all_of(c.angle_divisors.begin(), c.angle_divisors.end(),
                       [](float f) { return f >= 1e-6f && f <= 1e6f; })) {
        error = "rope_freqs.weight needs positive numbers of a reasonable size";
        return std::nullopt;
      }
    }
    for (auto const& tensor : file.tensors()) {
      if (used.count(tensor.name) == 0) {
        error = "this example does not know what to do with the tensor " + std::string(tensor.name);
        return std::nullopt;
      }
    }
    return c;
  }

 private:
  struct names {
    char const *attention_norm, *q, *k, *v, *o, *mlp_norm, *gate, *up, *down;
  };
  static constexpr index most = 1 << 20;

  bool check_heads(std::string& error) const {
    if (kv_heads > 0 && kv_heads <= heads && heads % kv_heads == 0 && head_dim > 0 && head_dim <= 1024 &&
        head_dim % 2 == 0) {
      return true;
    }
    error = "there are " + std::to_string(heads) + " heads of " + std::to_string(head_dim) + " channels on " +
            std::to_string(kv_heads) +
            " of keys and values; this example needs equal groups of heads, of an even number of channels";
    return false;
  }

  template <class Get>
  bool read_layers(index count, char const* prefix, names const& n, Get const& get) {
    for (index i = 0; i < count; ++i) {
      auto const p = prefix + std::to_string(i) + ".";
      layer l;
      if (!get(p + n.attention_norm, 1, hidden, l.attention_norm) || !get(p + n.q, heads * head_dim, hidden, l.q) ||
          !get(p + n.k, kv_heads * head_dim, hidden, l.k) || !get(p + n.v, kv_heads * head_dim, hidden, l.v) ||
          !get(p + n.o, hidden, heads * head_dim, l.o) || !get(p + n.mlp_norm, 1, hidden, l.mlp_norm) ||
          !get(p + n.gate, intermediate, hidden, l.gate) || !get(p + n.up, intermediate, hidden, l.up) ||
          !get(p + n.down, hidden, intermediate, l.down)) {
        return false;
      }
      layers.push_back(std::move(l));
    }
    return true;
  }
};

}  // namespace example
