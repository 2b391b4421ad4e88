// SPDX-License-Identifier: MIT
// The layers of the model that ships with examples/generate, and what they see of its heldout.txt.
#pragma once

#include "../generate/llama.hpp"
#include "../generate/tokenizer_json.hpp"
#include "recorded.hpp"

#include <octavo/io/mapped_file.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>

namespace example {

/// Of each layer of a llama, in the order of a recording; the first of all is the table of embeddings, as the head.
inline constexpr char const* llama_layer_names[] = {"qkv", "o", "gate_up", "down"};

/// `head`, `0.qkv`, `0.o`, ... `3.down`.
inline std::string llama_layer_name(std::size_t i) {
  return i == 0 ? "head" : std::to_string((i - 1) / 4) + "." + llama_layer_names[(i - 1) % 4];
}

/// Runs the model in `folder` on the first `count` tokens of its text, in windows of its context. False, and why in
/// `error`.
inline bool run_shipped_llama(std::string const& folder, index count, recording& to, std::string& error) {
  auto const file = octavo::io::mapped_file::open(folder + "/model.safetensors", error);
  if (!file) { return false; }
  auto const tensors = octavo::io::safetensors::parse(file->bytes(), error);
  if (!tensors) { return false; }
  auto const weights = checkpoint::read(*tensors, error);
  if (!weights) { return false; }
  auto const tokenizer = octavo::io::mapped_file::open(folder + "/tokenizer.json", error);
  auto const text = tokenizer ? octavo::io::mapped_file::open(folder + "/heldout.txt", error) : std::nullopt;
  auto const words = text ? read_tokenizer_json(tokenizer->text(), error) : std::nullopt;
  if (!words) { return false; }
  auto ids = words->encode(text->text().substr(0, static_cast<std::size_t>(count) * 16), true);
  ids.resize(std::min(ids.size(), static_cast<std::size_t>(count)));
  (void)to;  // which is where the model's layers write
  thread_pool pool(1);
  llama<recorded, float> model(*weights, pool);
  for (std::size_t first = 0; first < ids.size(); first += static_cast<std::size_t>(weights->context)) {
    model.reset();
    (void)model.forward(
        std::span(ids).subspan(first, std::min(ids.size() - first, static_cast<std::size_t>(weights->context))),
        true);
  }
  return true;
}

}  // namespace example
