// SPDX-License-Identifier: MIT
// A folder as Hugging Face lays out a sentence encoder: config.json, vocab.txt, model.safetensors.
#pragma once

#include "bert_checkpoint.hpp"
#include "wordpiece.hpp"

#include <octavo/io/mapped_file.hpp>
#include <octavo/io/safetensors.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace example {

struct model_folder {
  octavo::io::mapped_file tensors;  // the checkpoint refers to it
  bert_checkpoint weights;
  wordpiece words;

  /// Nothing, and why in `error`, which begins with the file.
  static std::optional<model_folder> open(std::string const& path, std::string& error) {
    auto const config = octavo::io::mapped_file::open(path + "/config.json", error);
    if (!config) { return std::nullopt; }
    auto const vocab = octavo::io::mapped_file::open(path + "/vocab.txt", error);
    if (!vocab) { return std::nullopt; }
    auto tensors = octavo::io::mapped_file::open(path + "/model.safetensors", error);
    if (!tensors) { return std::nullopt; }
    auto const refuse = [&](std::string const& file) {
      error = path + "/" + file + ": " + error;
      return std::nullopt;
    };
    auto const parsed = octavo::io::safetensors::parse(tensors->bytes(), error);
    if (!parsed) { return refuse("model.safetensors"); }
    auto weights = bert_checkpoint::read(config->text(), *parsed, error);
    if (!weights) { return refuse("model.safetensors"); }
    auto words = wordpiece::read(vocab->text(), static_cast<std::size_t>(weights->length), error);
    if (!words) { return refuse("vocab.txt"); }
    if (words->size() != weights->vocab) {
      error = "it has " + std::to_string(words->size()) + " pieces, but vocab_size of config.json is " +
              std::to_string(weights->vocab);
      return refuse("vocab.txt");
    }
    return model_folder{*std::move(tensors), *std::move(weights), *std::move(words)};
  }
};

}  // namespace example
