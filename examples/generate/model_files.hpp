// SPDX-License-Identifier: MIT
// What a program needs of a model, its checkpoint and its words: from the folder that ships, or from one GGUF file.
#pragma once

#include "checkpoint.hpp"
#include "tokenizer_json.hpp"

#include "../text/gguf_words.hpp"

#include <octavo/io/mapped_file.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace example {

struct model_files {
  std::string path;
  std::optional<octavo::io::mapped_file> file;
  std::optional<octavo::io::gguf> gguf;  ///< none: model.safetensors of the folder, with tokenizer.json
  std::optional<checkpoint> weights;     ///< they stay in the mapped file
  std::optional<example::words> words;

  /// The GGUF file `model`, or if that is empty, the files of the folder `data`. Null: `error` says what is wrong.
  static std::unique_ptr<model_files> read(std::string const& model, std::string const& data, std::string& error) {
    bool const own = model.empty();
    auto m = std::make_unique<model_files>();
    m->path = own ? data + "/model.safetensors" : model;
    auto file = octavo::io::mapped_file::open(m->path, error);
    if (!file) { return nullptr; }
    m->file.emplace(*std::move(file));
    if (own) {
      auto const tensors = octavo::io::safetensors::parse(m->file->bytes(), error);
      if (tensors) { m->weights = checkpoint::read(*tensors, error); }
    } else {
      m->gguf = octavo::io::gguf::parse(m->file->bytes(), error);
      if (m->gguf) { m->weights = checkpoint::read(*m->gguf, error); }
    }
    if (!m->weights) {
      error = m->path + ": " + error;
      return nullptr;
    }
    if (own) {
      auto const text = octavo::io::mapped_file::open(data + "/tokenizer.json", error);
      if (!text) { return nullptr; }
      m->words = read_tokenizer_json(text->text(), error);
    } else {
      m->words = read_words(*m->gguf, error);
    }
    if (!m->words) { return nullptr; }
    if (m->words->size() != m->weights->vocab) {
      error = "the tokenizer and the model differ in their vocabulary";
      return nullptr;
    }
    return m;
  }
};

}  // namespace example
