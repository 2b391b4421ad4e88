// SPDX-License-Identifier: MIT
// What caches of keys and values cost, and what a model still knows with them: bytes, perplexity, needles.
#include "caches.hpp"
#include "million.hpp"
#include "needle.hpp"
#include "paged.hpp"

#include "../generate/llama.hpp"
#include "../generate/model_files.hpp"
#include "../generate/paired.hpp"
#include "../generate/stored.hpp"
#include "../number.hpp"

#include <octavo/io/mapped_file.hpp>

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace {

using example::index;
/// The types of a GGUF file as they are; the model that ships is rounded to 8 bits.
using model_type = example::llama<example::stored, octavo::schemes::a8>;

struct options {
  std::string data = LONG_CONTEXT_DATA_DIR;
  std::string model;  // a GGUF file; empty: the one in `data`
  std::string text;   // empty: heldout.txt in `data`
  int context = 256;
  int windows = 32;
  int needles = 8;
  int threads = 1;
  int million = 0;
  bool check = false;
  bool paged = false;
};

constexpr char const* usage =
    "usage: long_context [options]\n"
    "  --model FILE    a Llama in GGUF, instead of the model that ships\n"
    "  --context N     tokens of a window (256)\n"
    "  --windows N     windows of the text that perplexity is measured on (32)\n"
    "  --needles N     needles that are hidden, at so many depths (8)\n"
    "  --text FILE     the text (heldout.txt)\n"
    "  --threads N     threads that share the products (1)\n"
    "  --check         fail unless the caches are in the order that they should be\n"
    "  --paged         nothing but blocks that tokens wait for, of caches under a budget of half of them\n"
    "  --million N     nothing but a decode step over N tokens of a 2-bit cache of SmolLM2-135M's shape\n"
    "  --data DIR      folder of model.safetensors, tokenizer.json, heldout.txt\n";

bool read_options(int argc, char** argv, options& o) {
  using example::number;
  for (int i = 1; i < argc; ++i) {
    std::string_view const name = argv[i];
    if (name == "--check" || name == "--paged") {
      (name == "--check" ? o.check : o.paged) = true;
      continue;
    }
    std::string_view const value = i + 1 < argc ? argv[++i] : "";
    bool const ok = name == "--model"     ? (o.model = value, !value.empty())
                    : name == "--text"    ? (o.text = value, !value.empty())
                    : name == "--data"    ? (o.data = value, !value.empty())
                    : name == "--context" ? number(value, 128, 1 << 20, o.context)
                    : name == "--windows" ? number(value, 1, 1 << 20, o.windows)
                    : name == "--needles" ? number(value, 1, 1000, o.needles)
                    : name == "--threads" ? number(value, 1, 1024, o.threads)
                    : name == "--million" ? number(value, 1, 1 << 30, o.million)
                                          : false;
    if (!ok) {
      std::fprintf(stderr, "long_context: cannot use %s %s\n", std::string(name).c_str(), std::string(value).c_str());
      return false;
    }
  }
  return true;
}

int fail(std::string const& text) {
  std::fprintf(stderr, "long_context: %s\n", text.c_str());
  return 1;
}

/// Which heads look far back: tokens drawn at random that come four times.
example::head_kinds kinds_of_heads(model_type& model, example::checkpoint const& c, std::span<int const> text,
                                   index context) {
  index const period = std::min<index>(128, context / 4);
  auto const once = example::random_tokens(text, static_cast<std::size_t>(period), 99);
  std::vector<int> tokens;
  for (int i = 0; i < 4; ++i) { tokens.insert(tokens.end(), once.begin(), once.end()); }
  std::vector<octavo::calibration::repeat_score> scores;
  model.keep([&](octavo::cache_shape const&, index, index) {
    return std::make_unique<example::scoring_cache>(period, scores);
  });
  (void)model.forward(tokens);
  auto const chosen = octavo::calibration::retrieval_heads(scores);
  example::head_kinds kinds;
  auto const heads = static_cast<std::size_t>(c.kv_heads);
  std::string names;
  for (std::size_t l = 0; l < c.layers.size(); ++l) {
    kinds.emplace_back(new bool[heads]);
    for (std::size_t h = 0; h < heads; ++h) {
      kinds.back()[static_cast<std::ptrdiff_t>(h)] = chosen[l * heads + h];
      if (chosen[l * heads + h]) { names += " " + std::to_string(l) + "." + std::to_string(h); }
    }
  }
  std::printf("Retrieval heads (layer.head) of %zu:%s\n\n", chosen.size(), names.c_str());
  return kinds;
}

/// Codebooks of each layer, of the last tokens of the text.
std::vector<example::layer_books> books_of_layers(model_type& model, example::checkpoint const& c,
                                                  std::span<int const> text, index context) {
  std::vector<example::layer_books> books;
  model.keep([&](octavo::cache_shape const&, index, index) {
    return std::make_unique<example::codebook_cache>(c.kv_heads, books);
  });
  (void)model.forward(text.last(static_cast<std::size_t>(context)));
  return books;
}

struct row {
  example::reading read;
  double bytes;
  double found;

  [[nodiscard]] double perplexity() const { return std::exp(read.found.mean()); }
};

/// What must hold of the model that ships.
bool in_order(std::vector<row> const& rows) {
  bool ok = true;
  auto const check = [&](bool holds, char const* what) {
    if (!holds) { std::fprintf(stderr, "long_context: it does not hold that %s\n", what); }
    ok = ok && holds;
  };
  auto const of = [&](std::string_view name) {
    auto const at = std::find_if(rows.begin(), rows.end(), [&](row const& r) { return r.read.name == name; });
    check(at != rows.end(), "every cache has a row");
    return at == rows.end() ? row{} : *at;
  };
  check(of("k8").bytes < 0.55 * of("f16").bytes && of("k4").bytes < 0.3 * of("f16").bytes, "codes take fewer bytes");
  check(of("k2").bytes < of("k4").bytes, "2 bits take fewer bytes than 4");
  check(of("razor").bytes < of("f16").bytes && of("window").bytes < of("razor").bytes,
        "dropped tokens take no bytes");
  // Activations of 8 bits make much of a small difference.
  for (auto const* const name : {"f16", "k8"}) {
    check(std::abs(of(name).perplexity() / of("f32").perplexity() - 1) < 0.01,
          "f16 and INT8 are nearly as good as f32");
  }
  check(of("k4").perplexity() < 1.05 * of("f32").perplexity(), "INT4 loses less than 5 % of perplexity");
  check(of("razor").perplexity() < 1.1 * of("f32").perplexity(), "RazorAttention loses less than 10 % of perplexity");
  auto const better = [&](std::string_view a, std::string_view b) {
    auto const d = example::compare(of(b).read.found, of(a).read.found);
    return d.mean > 0 && d.certain();
  };
  check(better("k4", "k2"), "4 bits are better than 2, with 95 per cent confidence");
  check(better("nuq2", "k2"), "2 bits are better before rotation, by a codebook, with 95 per cent confidence");
  check(better("nuq2 cal", "nuq2"),
        "2 bits are better by codebooks of layers, of values too, with 95 per cent confidence");
  return ok;
}

}  // namespace

int main(int argc, char** argv) {
  options o;
  if (argc > 1 && std::string_view(argv[1]) == "--help") {
    std::fputs(usage, stdout);
    return 0;
  }
  if (!read_options(argc, argv, o)) {
    std::fputs(usage, stderr);
    return 1;
  }
  if (o.million > 0) {
    example::million(o.million);
    return 0;
  }

  std::string error;
  bool const own = o.model.empty();
  auto const files = example::model_files::read(o.model, o.data, error);
  if (!files) { return fail(error); }
  auto const& weights = files->weights;
  auto const& words = files->words;
  auto const context = std::min<example::index>(weights->context, o.context);
  auto const text_file = octavo::io::mapped_file::open(o.text.empty() ? o.data + "/heldout.txt" : o.text, error);
  if (!text_file) { return fail(error); }
  auto const text = words->encode(text_file->text(), own);
  if (text.size() < 2 * static_cast<std::size_t>(context)) { return fail("the text is shorter than two windows"); }

  example::thread_pool pool(o.threads);
  model_type model(*weights, context, example::pages<float>(), pool);
  if (o.paged) {
    bool const ok = example::paged(model, *weights, text, static_cast<std::size_t>(o.windows));
    return !o.check || ok ? 0 : fail("policies are not in the order that they should be");
  }
  auto const kinds = kinds_of_heads(model, *weights, text, context);
  auto const books = books_of_layers(model, *weights, text, context);
  std::printf("%-11s %-47s %15s %10s %16s %11s\n", "cache", "keys and values", "bytes per token", "perplexity",
              "x the first's", "found, in %");
  std::vector<row> rows;
  auto const size = static_cast<std::size_t>(context);
  for (auto const& c : example::long_caches(context, kinds, books)) {
    model.keep(c.make);
    auto read = example::second_halves(model, text, size, static_cast<std::size_t>(o.windows));
    double const bytes = model.cache_bytes();
    double const found = example::needles_found(model, text, size, static_cast<std::size_t>(o.needles));
    rows.push_back({{c.name, std::move(read)}, bytes, found});
    std::printf("%-11s %-47s %15.0f %10.3f %16s %11.1f\n", c.name, c.text, bytes, rows.back().perplexity(),
                example::ratio_text(example::compare(rows.back().read.found, rows[0].read.found)).c_str(),
                100 * found);
    std::fflush(stdout);
  }
  std::vector<example::reading> readings;
  for (row const& r : rows) { readings.push_back(r.read); }
  std::printf("\nBy perplexity, < where 95 %% of such texts agree, ~ where they may not: %s\n",
              example::order_of(std::move(readings)).c_str());
  return !o.check || in_order(rows) ? 0 : 1;
}
