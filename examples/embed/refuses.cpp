// SPDX-License-Identifier: MIT
// Checks that the readers refuse broken models, each with a text that says why, and read what they should.
#include "bert_checkpoint.hpp"
#include "wordpiece.hpp"

#include "../check.hpp"

#include <octavo/io/mapped_file.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using example::check;
using example::check_says;

/// A safetensors file whose header has `to` for each `from`. The data stays.
std::vector<std::byte> edited(std::span<std::byte const> file, std::string const& from, std::string const& to) {
  example::safetensors_parts const parts(file);
  auto header = parts.header;
  std::size_t edits = 0;
  for (std::size_t at = 0; (at = header.find(from, at)) != std::string::npos; at += to.size(), ++edits) {
    header.replace(at, from.size(), to);
  }
  check(edits > 0, "the header has " + from);
  header.resize((header.size() + 7) / 8 * 8, ' ');  // so that tensors stay aligned
  return example::safetensors_file(header, parts.data);
}

/// What is wrong with a model, or nothing.
std::string fault_of(std::string const& config, std::span<std::byte const> file) {
  std::string error;
  auto const tensors = octavo::io::safetensors::parse(file, error);
  if (tensors && example::bert_checkpoint::read(config, *tensors, error)) { return ""; }
  return error;
}

void check_refused_models(std::string const& config, std::span<std::byte const> file) {
  check(fault_of(config, file).empty(), "the model itself can be read");
  auto const with = [&](char const* key, nlohmann::json const& value) {
    auto json = nlohmann::json::parse(config);
    json[key] = value;
    return fault_of(json.dump(), file);
  };
  check_says(fault_of("", file), "config.json is not a JSON object");
  check_says(fault_of("[1]", file), "config.json is not a JSON object");
  check_says(fault_of("{}", file), "config.json needs a number hidden_size above 0");
  for (nlohmann::json const& value :
       {nlohmann::json("128"), nlohmann::json(-1), nlohmann::json(0), nlohmann::json(1e30), nlohmann::json(2.5),
        nlohmann::json(nullptr), nlohmann::json(1u << 30)}) {
    check_says(with("hidden_size", value), "config.json needs a number hidden_size above 0, at most 1048576");
    check_says(with("num_hidden_layers", value), "config.json needs a number num_hidden_layers");
  }
  check_says(with("layer_norm_eps", "small"), "config.json needs a number layer_norm_eps");
  check_says(with("num_attention_heads", 3), "hidden_size that is a multiple of num_attention_heads");
  check_says(with("model_type", "roberta"), "model_type bert");
  check_says(with("hidden_act", "relu"), "hidden_act gelu");
  check_says(with("position_embedding_type", "relative_key"), "absolute positions");
  check_says(with("num_hidden_layers", 3), "there is no tensor encoder.layer.2.attention.self.query.weight");
  check_says(with("vocab_size", 7),
             "embeddings.word_embeddings.weight should have the shape 7 x 128, but is F16 2500 x 128");
  check_says(with("intermediate_size", 255),
             "encoder.layer.0.intermediate.dense.weight should have the shape 255 x 128");
  check_says(with("max_position_embeddings", 65),
             "embeddings.position_embeddings.weight should have the shape 65 x 128");
  check_says(fault_of(config, edited(file, "1.output.dense.bias", "1.output.dense.bios")),
             "there is no tensor encoder.layer.1.output.dense.bias");
  check_says(fault_of(config, edited(file, "F16", "I16")), "embeddings.word_embeddings.weight should be F32");
}

/// Names with "bert." in front, and bf16.
void check_other_files(std::string const& config, std::span<std::byte const> file) {
  check(fault_of(config, edited(edited(file, "\"embeddings.", "\"bert.embeddings."), "\"encoder.", "\"bert.encoder."))
            .empty(),
        "names may begin with bert.");
  auto const other = edited(file, "F16", "BF16");
  std::string error;
  auto const tensors = octavo::io::safetensors::parse(other, error);
  auto const model = example::bert_checkpoint::read(config, *tensors, error);
  check(model.has_value(), "bf16 can be read");
  if (!model) { return; }
  octavo::bf16 first;
  std::memcpy(&first, tensors->find("embeddings.word_embeddings.weight")->data.data(), sizeof first);
  check(model->words.floats()[0] == static_cast<float>(first), "bf16 is read as bf16");
}

void check_refused_vocabularies() {
  auto const fault = [](std::string_view vocab, std::size_t length = 8) {
    std::string error;
    return example::wordpiece::read(vocab, length, error) ? "" : error;
  };
  check(fault("[UNK]\n[CLS]\r\n[SEP]\n##a\na").empty(), "a small vocabulary can be read");
  check_says(fault(""), "the vocabulary has no [CLS]");
  check_says(fault("[CLS]\n[UNK]\n"), "the vocabulary has no [SEP]");
  check_says(fault("[CLS]\n[SEP]\n"), "the vocabulary has no [UNK]");
  check_says(fault("[CLS]\n\n[SEP]\n[UNK]\n"), "line 2 of the vocabulary is empty");
  check_says(fault("[CLS]\n[SEP]\n[UNK]\n##a\n##a\n"), "line 5 of the vocabulary, ##a, is there twice");
  check_says(fault("[CLS]\n[SEP]\n[UNK]\n", 1), "needs room for [CLS] and [SEP]");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: embed_refuses DIR, the model that this example ships\n");
    return 2;
  }
  std::string error;
  auto const config = octavo::io::mapped_file::open(argv[1] + std::string("/config.json"), error);
  auto const file = octavo::io::mapped_file::open(argv[1] + std::string("/model.safetensors"), error);
  if (!config || !file) {
    std::fprintf(stderr, "embed_refuses: %s\n", error.c_str());
    return 1;
  }
  check_refused_models(std::string(config->text()), file->bytes());
  check_other_files(std::string(config->text()), file->bytes());
  check_refused_vocabularies();
  return example::conclude();
}
