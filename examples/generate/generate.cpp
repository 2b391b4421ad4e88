// SPDX-License-Identifier: MIT
// Continues a text with a small Llama model, then compares number formats: size, perplexity, speed.
#include "caches.hpp"
#include "llama.hpp"
#include "measure.hpp"
#include "model_files.hpp"
#include "paired.hpp"
#include "stored.hpp"
#include "thread_pool.hpp"

#include "../number.hpp"

#include <octavo/io/mapped_file.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using example::index;
namespace schemes = octavo::schemes;

/// A line of the table. W: scheme of the weights. A: scheme of the activations, or an element type. T: scheme of the
/// table of embeddings and of the head.
template <class W, class A, class T = W>
struct format {
  using model = example::llama<W, A, T>;
  using matrices = W;
  using table = T;
  char const* name;
  char const* text;
  /// The type of a GGUF file whose matrices this format holds as they are, with other activations than bytes.
  std::optional<octavo::io::ggml_type> type = std::nullopt;
};

/// The formats that the program knows. A new one is a line here: the kernels follow from its types.
template <class Function>
void for_each_format(Function&& f) {
  constexpr auto q4_1_type = octavo::io::ggml_type::q4_1;
  using q4_1 = schemes::w4_min_g<32>;
  using q8_0 = schemes::w8_g<32>;
  f(format<float, float>{"float", "float weights and activations"});
  f(format<schemes::w8, schemes::a8>{"w8a8", "INT8 per row x INT8 per token"});
  f(format<schemes::w4_g32, schemes::a8>{"w4a8", "INT4 group 32 x INT8 per token"});
  f(format<schemes::w4_g32, octavo::bf16>{"w4a16", "INT4 group 32 x bf16"});
  f(format<schemes::mxfp4, schemes::a8>{"mxfp4", "E2M1 group 32 x INT8 per token"});
  f(format<schemes::fp8, octavo::bf16>{"fp8", "E4M3 per row x bf16"});
  f(format<schemes::w6_g<32>, schemes::a8>{"w6a8", "INT6 group 32 x INT8 per token"});
  f(format<schemes::nf4_g64, float>{"nf4", "NF4 group 64 x float"});
  f(format<schemes::nvfp4, schemes::a8>{"nvfp4", "NVFP4 x INT8 per token"});
  f(format<schemes::w3_g<32>, schemes::a8>{"w3a8", "INT3 group 32 x INT8 per token"});
  f(format<q4_1, octavo::bf16, q8_0>{"q4_1a16", "Q4_1, head Q8_0 x bf16", q4_1_type});
  f(format<example::stored, schemes::a8>{"file", "the types of a GGUF file x INT8 per token"});
}
template <class F>
inline constexpr bool is_stored = std::is_same_v<typename F::matrices, example::stored>;

struct options {
  std::string data = GENERATE_DATA_DIR;
  std::string prompt = "It was a fine morning, and Emma";
  std::string model;  // a GGUF file; empty: the one in `data`
  std::string text;   // what perplexity is measured on; empty: heldout.txt in `data`
  std::string scheme;
  std::string kv = "f16";
  int tokens = 120;
  int context = 2048;
  int text_tokens = 1 << 20;
  bool chat = false;
  int seed = 1;
  int threads = 1;
  bool table = true;
};

void print_usage(std::FILE* out) {
  options const o;
  std::fprintf(out,
               "usage: generate [options]\n"
               "  --prompt TEXT   what to continue (\"%s\")\n"
               "  --tokens N      how many tokens to write at most (%d)\n"
               "  --scheme NAME   number formats of the model that writes (w4a8, or file), one of\n",
               o.prompt.c_str(), o.tokens);
  for_each_format([out](auto f) { std::fprintf(out, "                    %-7s %s\n", f.name, f.text); });
  std::fprintf(out, "  --kv NAME       how it keeps keys and values (%s), one of\n", o.kv.c_str());
  for (auto const& c : example::all_caches()) { std::fprintf(out, "                    %-7s %s\n", c.name, c.text); }
  std::fprintf(out,
               "  --seed N        another text (%d)\n"
               "  --threads N     threads that share the products (%d)\n"
               "  --model FILE    a Llama in GGUF, with its tokenizer, instead of the model that ships\n"
               "  --chat          the prompt is a question, put into the chat template of the file\n"
               "  --context N     positions that the model keeps, at most its own (%d)\n"
               "  --text FILE     measure perplexity on this text (heldout.txt)\n"
               "  --text-tokens N on so many tokens of it\n"
               "  --data DIR      folder of model.safetensors, tokenizer.json, heldout.txt\n"
               "  --no-table      only write\n",
               o.seed, o.threads, o.context);
}

bool known_scheme(std::string_view name) {
  bool found = false;
  for_each_format([&](auto f) { found = found || name == f.name; });
  return found;
}
/// Of all_caches(); null if there is none of that name.
example::named_caches const* find_caches(std::vector<example::named_caches> const& all, std::string_view name) {
  auto const found = std::find_if(all.begin(), all.end(), [&](auto const& c) { return name == c.name; });
  return found == all.end() ? nullptr : &*found;
}

bool read_options(int argc, char** argv, options& o) {
  using example::number;
  for (int i = 1; i < argc; ++i) {
    std::string_view const name = argv[i];
    if (name == "--no-table") {
      o.table = false;
      continue;
    }
    if (name == "--chat") {
      o.chat = true;
      continue;
    }
    std::string_view const value = i + 1 < argc ? argv[++i] : "";
    bool const ok = name == "--prompt"        ? (o.prompt = value, !value.empty())
                    : name == "--data"        ? (o.data = value, !value.empty())
                    : name == "--model"       ? (o.model = value, !value.empty())
                    : name == "--text"        ? (o.text = value, !value.empty())
                    : name == "--context"     ? number(value, 2, 1 << 20, o.context)
                    : name == "--text-tokens" ? number(value, 2, 1 << 30, o.text_tokens)
                    : name == "--scheme"      ? (o.scheme = value, known_scheme(value))
                    : name == "--kv"          ? (o.kv = value, find_caches(example::all_caches(), value) != nullptr)
                    : name == "--tokens"      ? number(value, 0, 1000000, o.tokens)
                    : name == "--seed"        ? number(value, 0, 2147483647, o.seed)
                    : name == "--threads"     ? number(value, 1, 1024, o.threads)
                                              : false;
    if (!ok) {
      std::fprintf(stderr, "generate: cannot use %s %s\n", std::string(name).c_str(), std::string(value).c_str());
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
    constexpr std::size_t kept = 40;
    candidates_.clear();  // a heap whose first is the least likely of the best so far
    for (index i = 0; i < vocab; ++i) {
      std::pair const next(logits[i], static_cast<int>(i));
      if (candidates_.size() == kept) {
        if (!(next > candidates_[0])) { continue; }
        std::pop_heap(candidates_.begin(), candidates_.end(), std::greater<>());
        candidates_.pop_back();
      }
      candidates_.push_back(next);
      std::push_heap(candidates_.begin(), candidates_.end(), std::greater<>());
    }
    std::sort_heap(candidates_.begin(), candidates_.end(), std::greater<>());
    float total = 0;
    float const largest = candidates_[0].first;
    for (auto& c : candidates_) {
      c.first = std::exp((c.first - largest) / temperature);
      total += c.first;
    }
    float left = total * static_cast<float>(random_() >> 8) * 0x1p-24f;
    for (auto const& c : candidates_) {
      left -= c.first;
      if (left < 0) { return c.second; }
    }
    return candidates_[0].second;
  }

 private:
  std::mt19937 random_;
  std::vector<std::pair<float, int>> candidates_;
};

/// Prints the prompt, then each token as soon as it is known.
template <class Model>
void write(Model& model, example::words const& words, std::vector<int> text, options const& o) {
  auto const context = static_cast<std::size_t>(model.context());
  std::size_t first_unseen = 0;
  sampler sample(o.seed);
  example::text_stream stream(words, true);
  std::printf("%s%s", o.prompt.c_str(), o.chat ? "\n" : "");
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

/// Packs the matrices of a model, saying how far it is.
template <class Model>
std::unique_ptr<Model> load(char const* name, example::checkpoint const& weights, index context,
                            example::layer_caches const& caches, example::thread_pool& pool) {
  auto const all = weights.layers.size();
  auto const say = [&](std::size_t done) {
    if (weights.hidden >= 512) { std::fprintf(stderr, "\r%s: packed %zu of %zu layers", name, done, all); }
  };
  auto model = std::make_unique<Model>(weights, context, caches, pool, say);
  if (weights.hidden >= 512) { std::fprintf(stderr, "\n"); }
  return model;
}

/// All matrices of a model, and the scheme of each in the format F: visit(matrix, is_table).
template <class Visit>
void for_each_matrix(example::checkpoint const& c, Visit const& visit) {
  visit(c.embedding, true);
  if (c.head) { visit(*c.head, true); }
  for (auto const& l : c.layers) {
    for (example::weights const* const w : {&l.q, &l.k, &l.v, &l.o, &l.gate, &l.up, &l.down}) { visit(*w, false); }
  }
}
template <class Scheme>
bool holds(example::weights const& w) {
  if constexpr (std::is_same_v<Scheme, float>) {
    return true;
  } else if constexpr (std::is_same_v<Scheme, example::stored>) {
    return example::stored::holds(w);
  } else {
    return w.fits<Scheme>();
  }
}
/// How many matrices of a file the format F does not hold as they are.
template <class F>
int rounded(F, example::checkpoint const& c) {
  int count = 0;
  for_each_matrix(c, [&](example::weights const& w, bool table) {
    count += (table ? holds<typename F::table>(w) : holds<typename F::matrices>(w)) ? 0 : 1;
  });
  return count;
}
/// `210 Q4_1, 1 Q8_0`: the types of the matrices of a GGUF file, the most frequent first.
std::string types_of(example::checkpoint const& c) {
  std::vector<std::pair<int, std::string>> counts;
  for_each_matrix(c, [&](example::weights const& w, bool) {
    auto name = octavo::io::ggml_type_text(w.stored->type);
    name.resize(name.find(' '));
    auto const at = std::find_if(counts.begin(), counts.end(), [&](auto const& n) { return n.second == name; });
    at == counts.end() ? counts.emplace_back(1, name) : (++at->first, *at);
  });
  std::stable_sort(counts.begin(), counts.end(), [](auto const& a, auto const& b) { return a.first > b.first; });
  std::string text;
  for (auto const& [count, name] : counts) {
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + name;
  }
  return text;
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
  bool const own = o.model.empty();
  auto const files = example::model_files::read(o.model, o.data, error);
  if (!files) { return fail(error); }
  auto const& path = files->path;
  auto const& weights = files->weights;
  auto const& words = files->words;
  octavo::index const context = std::min<octavo::index>(weights->context, o.context);

  auto prompt = words->prompt(o.prompt);
  if (o.chat) {
    auto question = words->chat(o.prompt, error);
    if (!question) { return fail(path + ": " + error); }
    prompt = *std::move(question);
  }
  if (own && o.scheme == "file") { return fail("the model that ships is no GGUF file; name another scheme"); }
  if (o.scheme.empty()) { o.scheme = own ? "w4a8" : "file"; }
  auto const caches = example::all_caches();
  auto const& keep = find_caches(caches, o.kv)->make;

  example::thread_pool pool(o.threads);
  for_each_format([&](auto f) {
    if (o.scheme != f.name) { return; }
    if (int const count = own ? 0 : rounded(f, *weights); count != 0) {
      std::fprintf(stderr, "%s: rounds %d matrices of the file, which are of other types\n", f.name, count);
    }
    auto const model = load<typename decltype(f)::model>(f.name, *weights, context, keep, pool);
    write(*model, *words, prompt, o);
  });
  if (!o.table) { return 0; }

  auto const heldout_file = octavo::io::mapped_file::open(o.text.empty() ? o.data + "/heldout.txt" : o.text, error);
  if (!heldout_file) { return fail(error); }
  auto heldout = words->encode(heldout_file->text(), own);
  if (heldout.size() > static_cast<std::size_t>(o.text_tokens)) {
    heldout.resize(static_cast<std::size_t>(o.text_tokens));
  }
  octavo::index const window = std::min<octavo::index>(context, 512);
  std::printf(
      "Llama, %zu layers, %td wide%s%s; %s, %d thread%s. Perplexity over %zu tokens of %s, in windows of %td;\n"
      "prompt of %td tokens in one call, decode of the first %td, one a call.\n\n",
      weights->layers.size(), weights->hidden, own ? "" : "; ", own ? "" : types_of(*weights).c_str(),
      octavo::arch_name<octavo::default_arch>, o.threads, o.threads == 1 ? "" : "s", heldout.size(),
      o.text.empty() ? "heldout.txt" : o.text.c_str(), window, window,
      std::min<octavo::index>(window, example::decoded));
  std::vector<example::reading> rows;
  auto const measure = [&](auto& model, char const* name) {
    auto const say = [&](std::size_t done) {
      if (!own) { std::fprintf(stderr, "\r%s: read %zu of %zu tokens", name, done, heldout.size()); }
    };
    rows.push_back({name, example::loss(model, heldout, say)});
    if (!own) { std::fprintf(stderr, "\n%s: timing ...\n", name); }
    auto const speed = example::measure_speed(model, heldout);
    auto const& [_, found] = rows.back();
    std::printf(" %10.3f %16s %12.0f %12.0f\n", std::exp(found.mean()),
                example::ratio_text(example::compare(found, rows[0].found)).c_str(), speed.prompt, speed.decode);
    std::fflush(stdout);
  };
  auto const conclude = [&] {
    std::printf("\nBy perplexity, < where 95 %% of such texts agree, ~ where they may not: %s\n",
                example::order_of(rows).c_str());
    rows.clear();
  };
  std::printf("%-7s %-41s %-9s %6s %7s %10s %16s %12s %12s\n", "scheme", "weights x activations", "path", "MB",
              "bits", "perplexity", "x the first's", "prompt tok/s", "decode tok/s");
  for_each_format([&](auto f) {
    using F = decltype(f);
    bool const of_file = !own && (is_stored<F> || f.type == weights->layers[0].up.stored->type);
    if (own ? f.type.has_value() || is_stored<F> : !of_file && o.scheme != f.name) { return; }
    std::fprintf(stderr, "measuring %s ...\n", f.name);
    using model_type = typename F::model;
    auto const model = load<model_type>(f.name, *weights, window, keep, pool);
    auto const bytes = static_cast<double>(model->weight_bytes());
    std::printf("%-7s %-41s %-9s %6.2f %7.2f", f.name, f.text, model_type::linear_type::path, bytes * 1e-6,
                8 * bytes / static_cast<double>(model->weight_count()));
    measure(*model, f.name);
  });
  conclude();

  std::printf("\n%-7s %-41s %16s %18s %16s %12s %12s\n", "--kv", ("keys and values, with " + o.scheme).c_str(),
              "bytes per token", "perplexity", "x the first's", "prompt tok/s", "decode tok/s");
  for_each_format([&](auto f) {
    if (o.scheme != f.name) { return; }
    auto const model = load<typename decltype(f)::model>(f.name, *weights, window, keep, pool);
    for (auto const& c : caches) {
      std::fprintf(stderr, "measuring %s ...\n", c.name);
      model->keep(c.make);
      std::printf("%-7s %-41s %16.0f       ", c.name, c.text, model->cache_bytes());
      measure(*model, c.name);
    }
  });
  conclude();
}
