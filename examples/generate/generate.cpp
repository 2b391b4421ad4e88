// SPDX-License-Identifier: MIT
// Continues a text with a small Llama model, then compares number formats: size, perplexity, speed.
#include "llama.hpp"
#include "measure.hpp"
#include "thread_pool.hpp"
#include "tokenizer_json.hpp"

#include <octavo/io/mapped_file.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using example::index;
namespace schemes = octavo::schemes;

/// A line of the table. W: scheme of the weights. A: scheme of the activations, or an element type.
template <class W, class A>
struct format {
  using model = example::llama<W, A>;
  char const* name;
  char const* text;
};

/// The formats that the program knows. A new one is a line here: the kernels follow from its types.
template <class Function>
void for_each_format(Function&& f) {
  f(format<float, float>{"float", "float weights and activations"});
  f(format<schemes::w8, schemes::a8>{"w8a8", "INT8 per row x INT8 per token"});
  f(format<schemes::w4_g32, schemes::a8>{"w4a8", "INT4 group 32 x INT8 per token"});
  f(format<schemes::w4_g32, octavo::bf16>{"w4a16", "INT4 group 32 x bf16"});
  f(format<schemes::mxfp4, schemes::a8>{"mxfp4", "E2M1 group 32 x INT8 per token"});
  f(format<schemes::fp8, octavo::bf16>{"fp8", "E4M3 per row x bf16"});
}

struct options {
  std::string data = GENERATE_DATA_DIR;
  std::string prompt = "It was a fine morning, and Emma";
  std::string scheme = "w4a8";
  int tokens = 120;
  int seed = 1;
  int threads = 1;
  bool table = true;
};

void print_usage(std::FILE* out) {
  options const o;
  std::fprintf(out,
               "usage: generate [options]\n"
               "  --prompt TEXT   what to continue (\"%s\")\n"
               "  --tokens N      how many tokens to write (%d)\n"
               "  --scheme NAME   number formats of the model that writes (%s), one of\n",
               o.prompt.c_str(), o.tokens, o.scheme.c_str());
  for_each_format([out](auto f) { std::fprintf(out, "                    %-6s %s\n", f.name, f.text); });
  std::fprintf(out,
               "  --seed N        another text (%d)\n"
               "  --threads N     threads that share the products (%d)\n"
               "  --data DIR      folder of model.safetensors, tokenizer.json, heldout.txt\n"
               "  --no-table      only write\n",
               o.seed, o.threads);
}

bool known_scheme(std::string_view name) {
  bool found = false;
  for_each_format([&](auto f) { found = found || name == f.name; });
  return found;
}

bool read_options(int argc, char** argv, options& o) {
  auto const number = [](std::string_view text, int least, int most, int& value) {
    auto const [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    return status == std::errc() && end == text.data() + text.size() && value >= least && value <= most;
  };
  for (int i = 1; i < argc; ++i) {
    std::string_view const name = argv[i];
    if (name == "--no-table") {
      o.table = false;
      continue;
    }
    std::string_view const value = i + 1 < argc ? argv[++i] : "";
    bool const ok = name == "--prompt"    ? (o.prompt = value, !value.empty())
                    : name == "--data"    ? (o.data = value, !value.empty())
                    : name == "--scheme"  ? (o.scheme = value, known_scheme(value))
                    : name == "--tokens"  ? number(value, 0, 1000000, o.tokens)
                    : name == "--seed"    ? number(value, 0, 2147483647, o.seed)
                    : name == "--threads" ? number(value, 1, 1024, o.threads)
                                          : false;
    if (!ok) {
      std::fprintf(stderr, "generate: cannot use %s %s\n", argv[name.data() == argv[i] ? i : i - 1],
                   std::string(value).c_str());
      return false;
    }
  }
  return true;
}

/// Temperature 0.8 among the 40 most likely tokens. A seed gives the same text again, with any number of threads.
class sampler {
 public:
  explicit sampler(int seed) : random_(static_cast<unsigned>(seed)) {}

  int operator()(float const* logits, index vocab) {
    constexpr float temperature = 0.8f;
    auto const kept = static_cast<std::ptrdiff_t>(std::min<index>(40, vocab));
    candidates_.clear();
    for (index i = 0; i < vocab; ++i) { candidates_.emplace_back(logits[i], static_cast<int>(i)); }
    std::partial_sort(candidates_.begin(), candidates_.begin() + kept, candidates_.end(), std::greater<>());
    float total = 0;
    float const largest = candidates_[0].first;
    for (auto c = candidates_.begin(); c != candidates_.begin() + kept; ++c) {
      c->first = std::exp((c->first - largest) / temperature);
      total += c->first;
    }
    float left = total * static_cast<float>(random_() >> 8) * 0x1p-24f;
    for (auto c = candidates_.begin(); c != candidates_.begin() + kept; ++c) {
      left -= c->first;
      if (left < 0) { return c->second; }
    }
    return candidates_[0].second;
  }

 private:
  std::mt19937 random_;
  std::vector<std::pair<float, int>> candidates_;
};

/// Prints the prompt, then each token as soon as it is known.
template <class Model>
void write(Model& model, example::words const& words, options const& o) {
  auto text = words.encode(o.prompt, true);
  example::text_stream stream(words, true);
  auto const context = static_cast<std::size_t>(model.context());
  std::size_t first_unseen = 0;
  sampler sample(o.seed);
  std::printf("%s", o.prompt.c_str());
  for (int i = 0; i < o.tokens; ++i) {
    if (text.size() > context) {  // the model has seen all it can: begin again with the last half
      text.erase(text.begin(), text.end() - static_cast<std::ptrdiff_t>(context / 2));
      model.reset();
      first_unseen = 0;
    }
    auto const logits = model.forward(std::span(text).subspan(first_unseen));
    first_unseen = text.size();
    text.push_back(sample(logits.data(), model.vocab()));
    if (words.is_end(text.back())) { break; }
    auto const piece = stream.next(text.back());
    std::fwrite(piece.data(), 1, piece.size(), stdout);
    std::fflush(stdout);
  }
  std::printf("%s\n\n", stream.rest().c_str());
}

int fail(std::string const& text) {
  std::fprintf(stderr, "generate: %s\n", text.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--help") {
      print_usage(stdout);
      return 0;
    }
  }
  options o;
  if (!read_options(argc, argv, o)) {
    print_usage(stderr);
    return 1;
  }

  std::string error;
  auto const model_file = octavo::io::mapped_file::open(o.data + "/model.safetensors", error);
  if (!model_file) { return fail(error); }
  auto const tensors = octavo::io::safetensors::parse(model_file->bytes(), error);
  if (!tensors) { return fail("model.safetensors: " + error); }
  auto const weights = example::checkpoint::read(*tensors, error);
  if (!weights) { return fail("model.safetensors: " + error); }
  auto const words_file = octavo::io::mapped_file::open(o.data + "/tokenizer.json", error);
  if (!words_file) { return fail(error); }
  auto const words = example::read_tokenizer_json(words_file->text(), error);
  if (!words) { return fail(error); }
  if (words->size() != weights->vocab) {
    return fail("tokenizer.json and model.safetensors differ in their vocabulary");
  }

  example::thread_pool pool(o.threads);
  for_each_format([&](auto f) {
    if (o.scheme != f.name) { return; }
    typename decltype(f)::model model(*weights, pool);
    write(model, *words, o);
  });
  if (!o.table) { return 0; }

  auto const heldout_file = octavo::io::mapped_file::open(o.data + "/heldout.txt", error);
  if (!heldout_file) { return fail(error); }
  auto const heldout = words->encode(heldout_file->text(), true);
  std::printf(
      "Llama, %zu layers, %td wide; %s, %d thread%s. Perplexity over the %zu tokens of heldout.txt, in windows of\n"
      "%td; prefill of %td tokens in one call, decode of one token a call.\n\n",
      weights->layers.size(), weights->hidden, octavo::arch_name<octavo::default_arch>, o.threads,
      o.threads == 1 ? "" : "s", heldout.size(), weights->context, weights->context);
  std::printf("%-6s %-31s %-9s %6s %7s %10s %13s %12s\n", "scheme", "weights x activations", "path", "MB", "bits",
              "perplexity", "prefill tok/s", "decode tok/s");
  for_each_format([&](auto f) {
    using model_type = typename decltype(f)::model;
    std::fprintf(stderr, "measuring %s ...\n", f.name);
    model_type model(*weights, pool);
    double const perplexity = std::exp(example::loss(model, heldout));
    auto const speed = example::measure_speed(model, heldout);
    std::printf("%-6s %-31s %-9s %6.2f %7.2f %10.3f %13.0f %12.0f\n", f.name, f.text, model_type::linear_type::path,
                static_cast<double>(model.weight_bytes()) * 1e-6,
                8.0 * static_cast<double>(model.weight_bytes()) / static_cast<double>(model.weight_count()),
                perplexity, speed.prefill, speed.decode);
    std::fflush(stdout);
  });
}
