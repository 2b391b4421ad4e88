// SPDX-License-Identifier: MIT
// A test: a small Llama in GGUF gives the logits that gguf_golden.py computed with NumPy, and broken ones are refused.
#include "caches.hpp"
#include "checkpoint.hpp"
#include "llama.hpp"
#include "stored.hpp"
#include "thread_pool.hpp"

#include "../check.hpp"

#include <octavo/io/mapped_file.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

using example::check;

using bytes = std::vector<std::byte>;

void check_refused(bytes const& file, std::string_view sentence) {
  std::string error;
  auto const gguf = octavo::io::gguf::parse(file, error);
  bool const refused = !gguf || !example::checkpoint::read(*gguf, error);
  example::check_says(refused ? error : "nothing is wrong", sentence);
}

/// The file with the first `from` replaced by a text of the same length is refused with `sentence`.
void check_refused(std::span<std::byte const> file, std::string_view from, std::string_view to,
                   std::string_view sentence) {
  bytes changed(file.begin(), file.end());
  auto const* const text = reinterpret_cast<std::byte const*>(from.data());
  auto const at = std::search(changed.begin(), changed.end(), text, text + from.size());
  check(at != changed.end() && from.size() == to.size(), "the file has no " + std::string(from));
  if (at == changed.end()) { return; }
  std::memcpy(&*at, to.data(), to.size());
  check_refused(changed, sentence);
}

/// The same with the first bytes of a tensor's data replaced.
void check_refused_data(std::span<std::byte const> file, octavo::io::gguf_tensor const& tensor, std::string_view to,
                        std::string_view sentence) {
  bytes changed(file.begin(), file.end());
  std::memcpy(changed.data() + (tensor.data.data() - file.data()), to.data(), to.size());
  check_refused(changed, sentence);
}

/// The same with one more entry of metadata, a text under a key. Its 64 bytes keep the alignment of the data.
void check_refused_entry(std::span<std::byte const> file, std::string_view key, std::string_view sentence) {
  std::string entry(1, static_cast<char>(key.size()));
  entry += std::string(7, '\0') + std::string(key) + "\x08\0\0\0"s;
  std::string const value(64 - entry.size() - 8, 'x');
  entry += static_cast<char>(value.size()) + std::string(7, '\0') + value;
  bytes changed(file.begin(), file.end());
  changed[16] = static_cast<std::byte>(std::to_integer<int>(changed[16]) + 1);  // the number of entries
  auto const* const begin = reinterpret_cast<std::byte const*>(entry.data());
  changed.insert(changed.begin() + 24, begin, begin + entry.size());
  check_refused(changed, sentence);
}

/// Logits after each token, and the tokens: what NumPy computed.
struct golden_logits {
  std::vector<int> tokens;
  nlohmann::json logits;
};

/// Largest difference of the logits after each token to those of NumPy.
template <class Model>
float difference(Model& model, golden_logits const& golden) {
  model.reset();
  auto const logits = model.forward(golden.tokens, true);
  float largest = 0;
  for (std::size_t t = 0; t < golden.tokens.size(); ++t) {
    for (std::size_t i = 0; i < golden.logits[t].size(); ++i) {
      float const got = logits.token(static_cast<octavo::index>(t))[i];
      largest = std::max(largest, std::abs(got - golden.logits[t][i].get<float>()));
    }
  }
  return largest;
}
template <class W, class A>
float difference(example::checkpoint const& weights, golden_logits const& golden) {
  example::thread_pool pool(1);
  example::llama<W, A> model(weights, pool);
  return difference(model, golden);
}

/// All tokens in one call, and one a call by another model, give the same bits.
template <class Model>
void check_one_by_one(Model& model, Model& other, std::span<int const> tokens, std::string const& what) {
  model.reset();
  other.reset();
  auto const at_once = model.forward(tokens, true);
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    auto const logits = other.forward(tokens.subspan(t, 1));
    check(std::equal(logits.data(), logits.data() + model.vocab(), at_once.token(static_cast<octavo::index>(t))),
          what + ": token " + std::to_string(t) + " alone differs");
  }
  other.truncate(5);
  auto const again = other.forward(tokens.subspan(5));
  check(std::equal(again.data(), again.data() + model.vocab(),
                   at_once.token(static_cast<octavo::index>(tokens.size()) - 1)),
        what + ": after a step back");
}

/// A file of many types, each matrix as it is, with every cache. `int8` is what NumPy gives with activations in INT8.
void check_mixed(example::checkpoint const& weights, golden_logits const& golden, golden_logits const& int8) {
  float const exact = difference<float, float>(weights, golden);
  check(exact < 2e-5f, "float logits of mixed types differ");
  example::thread_pool one(1);
  example::thread_pool three(3);
  using model_type = example::llama<example::stored, octavo::schemes::a8>;
  model_type model(weights, one);
  model_type threaded(weights, three);
  check(model.weight_bytes() < 400000, "half a million weights of mixed types are not packed");
  for (auto const& c : example::all_caches()) {
    model.keep(c.make);
    threaded.keep(c.make);
    float const d = difference(model, int8);
    std::printf("mixed types x INT8, cache %s, %.0f bytes per token: largest difference %.2g\n", c.name,
                model.cache_bytes(), static_cast<double>(d));
    // Logits are between -3 and 3. Other caches change codes of activations.
    std::string_view const name = c.name;
    float const most = name == "f32" ? 2e-5f : name == "f16" ? 0.15f : name == "k4" ? 1.2f : 0.6f;
    check(d < most, std::string("logits differ with the cache ") + c.name);
    check_one_by_one(model, threaded, golden.tokens, c.name);
  }
}

/// A GGUF file and its logits; `weights` is empty, and `error` says why, where they cannot be read.
struct golden_model {
  explicit golden_model(std::string const& path) : file(octavo::io::mapped_file::open(path + ".gguf", error)) {
    auto const json = octavo::io::mapped_file::open(path + ".json", error);
    if (!file || !json) { return; }
    auto const read = nlohmann::json::parse(json->text(), nullptr, false);
    golden = {read["tokens"].get<std::vector<int>>(), read["logits"]};
    int8 = {golden.tokens, read["int8"]};
    check(golden.tokens.size() == golden.logits.size(), path + ".json has a row of logits for each token");
    gguf = octavo::io::gguf::parse(file->bytes(), error);
    if (gguf) { weights = example::checkpoint::read(*gguf, error); }
  }

  std::string error;
  std::optional<octavo::io::mapped_file> file;
  std::optional<octavo::io::gguf> gguf;
  std::optional<example::checkpoint> weights;
  golden_logits golden, int8;
};

}  // namespace

int main(int argc, char** argv) {
  std::string const data = argc > 1 ? argv[1] : ".";
  golden_model const tiny(data + "/tiny");
  golden_model const mixed(data + "/mixed");
  if (!tiny.weights || !mixed.weights) {
    std::printf("gguf_golden: %s%s\nusage: gguf_golden DIR\n", tiny.error.c_str(), mixed.error.c_str());
    return 1;
  }
  auto const& weights = *tiny.weights;
  check(tiny.golden.logits[0].size() == 50, "tiny.json has a row of logits for each token");

  // Logits are between -4 and 4. Float weights leave rounding; bytes per row and per token their steps.
  float const exact = difference<float, float>(weights, tiny.golden);
  using w8a8 = example::llama<octavo::schemes::w8, octavo::schemes::a8>;
  example::thread_pool one(1);
  example::thread_pool three(3);
  w8a8 model(weights, one);
  w8a8 threaded(weights, three);
  float const quantized = difference(model, tiny.golden);
  std::printf("largest difference to NumPy: float %.2g, W8A8 %.2g\n", static_cast<double>(exact),
              static_cast<double>(quantized));
  check(exact < 2e-5f, "float logits differ");
  check(quantized < 0.15f && quantized > exact, "W8A8 logits differ");
  check_one_by_one(model, threaded, tiny.golden.tokens, "W8A8");
  check_mixed(*mixed.weights, mixed.golden, mixed.int8);
  auto const& scale = *mixed.gguf->find("blk.0.ffn_down.scale");
  check_refused_data(mixed.file->bytes(), scale, "\0\0\xc0\x7f"sv, "ffn_down.scale is not one number");

  auto const all = tiny.file->bytes();
  check_refused(all, "\5\0\0\0\0\0\0\0llama"sv, "\5\0\0\0\0\0\0\0mamba"sv, "general.architecture is 'mamba'");
  check_refused(all, "blk.1.ffn_up.weight", "blk.1.ffn_up.weihgt", "there is no tensor blk.1.ffn_up.weight");
  check_refused(all, "llama.attention.head_count", "llama.attention.dead_count", "llama.attention.head_count");
  check_refused(all, "llama.block_count", "llama.block_kount", "llama.block_count");

  // Numbers that are not for this model, or for none.
  auto const number = [&](std::string const& key, std::string_view from, std::string_view to,
                          std::string_view sentence) {
    check_refused(all, key + std::string(from), key + std::string(to), sentence);
  };
  auto const u32 = [&](std::string const& key, char from, std::string_view to, std::string_view sentence) {
    number(key, "\4\0\0\0"s + from + "\0\0\0"s, "\4\0\0\0"s + std::string(to), sentence);
  };
  u32("llama.block_count", 2, "\1\0\0\0"sv, "what to do with the tensor blk.1.");
  u32("llama.block_count", 2, "\3\0\0\0"sv, "there is no tensor blk.2.attn_norm.weight");
  u32("llama.block_count", 2, "\xff\xff\xff\xff"sv, "llama.block_count is missing, or no reasonable number");
  u32("llama.embedding_length", 64, "\0\0\0\0"sv, "llama.embedding_length is missing");
  u32("llama.embedding_length", 64, "\x60\0\0\0"sv, "heads are rotated as a whole");
  u32("llama.feed_forward_length", 96, "\x40\0\0\0"sv,
      "blk.0.ffn_gate.weight has 96 rows and 64 columns, but should have 64 and 64");
  u32("llama.attention.head_count", 4, "\0\0\0\0"sv, "llama.attention.head_count is missing");
  u32("llama.attention.head_count_kv", 2, "\3\0\0\0"sv, "4 heads of 16 channels on 3");
  u32("llama.attention.head_count_kv", 2, "\0\0\0\x80"sv, "llama.attention.head_count_kv is missing");
  u32("llama.attention.head_count_kv", 2, "\4\0\0\0"sv, "blk.0.attn_k.weight has 32 rows");
  u32("llama.rope.dimension_count", 16, "\x8\0\0\0"sv, "heads are rotated as a whole");
  u32("llama.context_length", 64, "\0\0\0\0"sv, "llama.context_length is missing");
  auto const nan = "\6\0\0\0\0\0\xc0\x7f"sv;
  number("llama.rope.freq_base", "\6\0\0\0\0\x40\x1c\x46"sv, nan, "llama.rope.freq_base is missing, or no");
  number("llama.attention.layer_norm_rms_epsilon", "\6\0\0\0\xac\xc5\x27\x37"sv, nan,
         "rms_epsilon is missing, or no");
  check_refused(all, "output_norm.weight\1\0\0\0\x40"sv, "output_norm.weight\1\0\0\0\x20"sv,
                "output_norm.weight has 1 rows and 32 columns, but should have 1 and 64");
  check_refused_entry(all, "llama.rope.scaling.type", "llama.rope.scaling.type");
  check_refused_data(all, *tiny.gguf->find("rope_freqs.weight"), "\0\0\0\0"sv,
                     "rope_freqs.weight needs positive numbers");
  check_refused_data(all, *tiny.gguf->find("output.weight"), "\0\x7e"sv,
                     "row 0, columns 0 to 31, is not a finite number");
  return example::conclude();
}
