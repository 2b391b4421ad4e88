// SPDX-License-Identifier: MIT
// Checks the example against what PyTorch computed (data/golden.json), and its readers against hostile files.
#include "llama.hpp"
#include "paired.hpp"
#include "thread_pool.hpp"
#include "tokenizer_json.hpp"

#include "../check.hpp"

#include <octavo/io/mapped_file.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using example::check;
using example::replaced;

// ---- readers ----

using bytes = std::vector<std::byte>;

/// A safetensors file with this header and so many bytes of data (tests/io/safetensors.cpp has more hostile ones).
bytes file_of(std::string_view header, std::size_t data) { return example::safetensors_file(header, bytes(data)); }

/// Reads all that a program would read, and says what was wrong.
std::string read_model(std::span<std::byte const> file) {
  std::string error;
  auto const tensors = octavo::io::safetensors::parse(file, error);
  if (tensors && example::checkpoint::read(*tensors, error)) { return ""; }
  return error.empty() ? "refused without a reason" : error;
}

void check_refused(bytes const& file, std::string const& what, std::string_view reason) {
  example::check_says(read_model(file), reason, what);
}

void check_hostile_models(std::span<std::byte const> good) {
  check(read_model(good).empty(), "the model itself is refused: " + read_model(good));
  example::safetensors_parts const parts(good);
  auto const begin_of_data = good.size() - parts.data.size();
  for (std::size_t const length :
       {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{8}, std::size_t{9}, begin_of_data - 1,
        begin_of_data, begin_of_data + 1, good.size() / 2, good.size() - 1}) {
    bytes const file(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length));
    auto const error = read_model(file);
    check(!error.empty() && error != "refused without a reason", "cut to " + std::to_string(length) + " bytes");
  }
  check_refused(file_of("{\"__metadata__\": {\"hidden_size\": \"-1\"}}", 0), "negative extent", "hidden_size");
  check_refused(file_of("{\"__metadata__\": {\"hidden_size\": \"99999999999999999999\"}}", 0), "huge", "hidden_size");

  // The right names with other shapes and types; a copy of the header with one piece of text replaced.
  auto const with = [&](std::string_view from, std::string_view to) {
    return example::safetensors_file(replaced(parts.header, from, to), parts.data);
  };
  check_refused(with("\"hidden_size\": \"192\"", "\"hidden_size\": \"193\""), "another width",
                "should have the shape");
  check_refused(with("\"vocab_size\": \"1536\"", "\"vocab_size\": \"1537\""), "another vocabulary",
                "should have the shape");
  check_refused(with("\"num_hidden_layers\": \"4\"", "\"num_hidden_layers\": \"5\""), "a layer too many",
                "no tensor");
  check_refused(with("\"num_key_value_heads\": \"2\"", "\"num_key_value_heads\": \"4\""), "6 heads over 4",
                "groups of heads");
  check_refused(with("\"head_dim\": \"32\"", "\"head_dim\": \"0\""), "no head_dim", "head_dim");
  check_refused(with("\"rms_norm_eps\": \"1e-05\"", "\"rms_norm_eps\": \"nan\""), "eps", "rms_norm_eps");
  check_refused(with("\"dtype\": \"BF16\"", "\"dtype\": \"F16\""), "another type", "should be BF16");
  check_refused(with("model.norm.weight", "model.gorm.weight"), "another name", "no tensor model.norm.weight");
  // An odd header length is legal; bf16 at odd addresses is not what this program reads.
  check_refused(example::safetensors_file(parts.header + " ", parts.data), "odd addresses", "multiple of 2");
}

void check_hostile_tokenizers(std::string const& good) {
  auto const refused = [](std::string const& text, std::string const& what) {
    std::string error;
    check(!example::read_tokenizer_json(text, error) && !error.empty(), "tokenizer accepted: " + what);
  };
  for (std::size_t length = 0; length < good.size(); length += good.size() / 50) {
    refused(good.substr(0, length), "cut to " + std::to_string(length) + " bytes");
  }
  auto const with = [&](std::string_view from, std::string_view to) { return replaced(good, from, to); };
  refused("{}", "an empty object");
  refused(with("\"BPE\"", "\"WordPiece\""), "another model");
  refused(with("\"add_prefix_space\":false", "\"add_prefix_space\":true"), "a prefix space");
  refused(with("\"normalizer\":null", "\"normalizer\":{\"type\":\"NFC\"}"), "a normalizer");
  refused(with("\"!\":1,", "\"!\":-1,"), "a negative id");
  refused(with("\"!\":1,", "\"!\":99999999999,"), "a huge id");
  refused(with("\"!\":1,", "\"!\":2,"), "an id twice");
  refused(with("\"!\":1,", "\"\":1,"), "an empty token");
  refused(with("\"!\":1,", ""), "a missing byte");
  refused(with("\"id\":0", "\"id\":1536"), "a special token beyond the vocabulary");
  refused(with("\"merges\":[", "\"merges\":[[\"!\",\"!\"],"), "a merge without a token");
  refused(with("\"merges\":[", "\"merges\":[7,"), "a merge that is a number");
}

// ---- results ----

template <class T>
std::vector<T> list(nlohmann::json const& json, char const* key) {
  std::vector<T> values;
  if (!json.contains(key) || !json[key].is_array()) {
    check(false, "golden.json has no list " + std::string(key));
    return values;
  }
  for (auto const& v : json[key]) { values.push_back(v.is_number() ? v.get<T>() : T{}); }
  return values;
}

std::string text_of(nlohmann::json const& json, char const* key) {
  return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
}

void check_tokenizer(example::words const& words, nlohmann::json const& golden) {
  auto const cases = golden.contains("tokenizer_cases") ? golden["tokenizer_cases"] : nlohmann::json();
  check(cases.size() >= 8, "golden.json has too few tokenizer_cases");
  for (auto const& c : cases) {
    auto const text = text_of(c, "text");
    auto const ids = words.encode(text, true);
    check(ids == list<int>(c, "ids"), "encode: " + text);
    check(words.decode(ids) == text, "decode(encode): " + text);
  }
  std::string every_byte;
  for (int b = 0; b < 256; ++b) { every_byte += static_cast<char>(b); }
  check(words.decode(words.encode(every_byte)) == every_byte, "all bytes survive, though they are not UTF-8");
  check(words.encode("<|endoftext|>").size() > 1, "a special token in a user's text is text");
  auto const long_word = words.encode(std::string(300000, 'a'));
  check(words.decode(long_word).size() == 300000, "a long word");
}

/// Golden numbers are SciPy's (stats.t.ppf).
void check_pairs() {
  for (auto const& [n, t] : {std::pair(4.0, 2.77644511), {7.0, 2.36462425}, {19.0, 2.09302405}, {59.0, 2.00099538}}) {
    check(std::abs(example::t_of(n) - t) < 0.001, "Student's t of " + std::to_string(n));
  }
  auto const of = [](std::vector<double> const& means) {
    example::losses l;
    for (double const m : means) { l.windows.push_back({100 * m, 100}); }
    l.windows.push_back({1e6, 3});  // the end of a text is no pair
    return l;
  };
  auto const a = of({2.31, 2.54, 2.17, 2.90, 2.66, 2.42});
  auto const b = of({2.25, 2.50, 2.19, 2.81, 2.60, 2.35});
  auto const d = example::compare(a, b);
  check(std::abs(d.mean - 0.05) < 1e-9 && std::abs(d.margin - 0.0398232826) < 1e-4 && d.certain(),
        "pairs of windows");
  check(!example::compare(of({1, 2, 3, 4}), of({0, 0, 0, 0})).certain(), "four windows leave all open");
  auto const c = of({2.25, 2.50, 2.19, 2.81, 2.60, 2.36});
  check(example::order_of({{"a", a}, {"b", b}, {"c", c}}) == "b ~ c < a", "the order of three");
  check(example::ratio_text({0, 0.01}) == "1.000 +- 0.010", "a ratio");
}

template <class Model>
std::vector<int> greedy(Model& model, std::vector<int> const& prompt, std::size_t count) {
  std::vector<int> ids;
  model.reset();
  auto logits = model.forward(prompt);
  while (ids.size() < count) {
    auto const best = std::max_element(logits.data(), logits.data() + model.vocab()) - logits.data();
    ids.push_back(static_cast<int>(best));
    logits = model.forward(std::span(&ids.back(), 1));
  }
  return ids;
}

void check_float_model(example::checkpoint const& weights, std::vector<int> const& heldout,
                       nlohmann::json const& golden) {
  example::thread_pool pool(1);
  example::llama<float, float> model(weights, pool);
  auto const prompt = list<int>(golden, "prompt_ids");
  auto const expected = list<float>(golden, "last_logits_first8");
  auto const logits = model.forward(prompt);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    float const got = logits.data()[i];
    check(std::abs(got - expected[i]) < 1e-3f, "logit " + std::to_string(i) + " is " + std::to_string(got));
  }
  auto const continuation = list<int>(golden, "greedy_ids");
  check(greedy(model, prompt, continuation.size()) == continuation, "the greedy continuation is PyTorch's");

  auto const first = list<int>(golden, "heldout_first16");
  check(std::equal(first.begin(), first.end(), heldout.begin()), "the first tokens of heldout.txt");
  double const perplexity = std::exp(example::loss(model, std::span(heldout).first(2048)).mean());
  double const wanted = golden.contains("heldout_perplexity") ? golden["heldout_perplexity"].get<double>() : 0.0;
  std::printf("float: perplexity %.4f, PyTorch's %.4f\n", perplexity, wanted);
  check(std::abs(perplexity - wanted) < 1e-3, "perplexity differs");
}

/// Quantized models: close to the float model; the same bits for a prompt in one call and token by token, and for
/// any number of threads.
template <class W, class A>
example::losses check_quantized_model(char const* name, example::checkpoint const& weights,
                                      std::vector<int> const& heldout, double reference, double tolerance) {
  example::thread_pool one(1);
  example::thread_pool three(3);
  example::llama<W, A> model(weights, one);
  example::llama<W, A> threaded(weights, three);
  auto const found = example::loss(model, std::span(heldout).first(2048));
  double const perplexity = std::exp(found.mean());
  std::printf("%s: perplexity %.4f\n", name, perplexity);
  check(perplexity < reference * tolerance, std::string(name) + ": perplexity too high");

  auto const window = std::span(heldout).first(100);
  model.reset();
  auto const logits = model.forward(window);
  std::vector<float> const at_once(logits.data(), logits.data() + model.vocab());
  model.reset();
  for (std::size_t t = 0; t < window.size(); ++t) { (void)model.forward(window.subspan(t, 1)); }
  check(std::equal(at_once.begin(), at_once.end(), logits.data()), std::string(name) + ": token by token differs");
  auto const shared = threaded.forward(window);
  check(std::equal(at_once.begin(), at_once.end(), shared.data()), std::string(name) + ": threads change bits");
  return found;
}

}  // namespace

int main(int argc, char** argv) {
  std::string const data = argc > 1 ? argv[1] : ".";
  std::string error;
  auto const model_file = octavo::io::mapped_file::open(data + "/model.safetensors", error);
  auto const words_file = octavo::io::mapped_file::open(data + "/tokenizer.json", error);
  auto const heldout_file = octavo::io::mapped_file::open(data + "/heldout.txt", error);
  auto const golden_file = octavo::io::mapped_file::open(data + "/golden.json", error);
  if (!model_file || !words_file || !heldout_file || !golden_file) {
    std::printf("golden: %s\nusage: golden DIR\n", error.c_str());
    return 1;
  }
  check(!octavo::io::mapped_file::open(data + "/no such file", error) && !error.empty(),
        "a file that does not exist");
  check(!octavo::io::mapped_file::open(data, error) && !error.empty(), "a folder is no file");
  check_hostile_models(model_file->bytes());
  check_hostile_tokenizers(std::string(words_file->text()));

  auto const golden = nlohmann::json::parse(golden_file->text(), nullptr, false);
  auto const tensors = octavo::io::safetensors::parse(model_file->bytes(), error);
  auto const words = example::read_tokenizer_json(words_file->text(), error);
  auto const weights = tensors ? example::checkpoint::read(*tensors, error) : std::nullopt;
  if (!golden.is_object() || !words || !weights) {
    std::printf("golden: %s\n", error.c_str());
    return 1;
  }
  check_pairs();
  check_tokenizer(*words, golden);
  auto const heldout = words->encode(heldout_file->text(), true);
  check(heldout.size() >= 2048 && words->decode(heldout) == heldout_file->text(), "heldout.txt survives");
  if (heldout.size() < 2048) { return 1; }
  check_float_model(*weights, heldout, golden);
  double const reference = golden.contains("heldout_perplexity") ? golden["heldout_perplexity"].get<double>() : 0.0;
  auto const w8 =
      check_quantized_model<octavo::schemes::w8, octavo::schemes::a8>("w8a8", *weights, heldout, reference, 1.01);
  auto const w4 =
      check_quantized_model<octavo::schemes::w4_g32, octavo::schemes::a8>("w4a8", *weights, heldout, reference, 1.08);
  auto const fp8 =
      check_quantized_model<octavo::schemes::fp8, octavo::bf16>("fp8", *weights, heldout, reference, 1.01);
  for (auto const* const better : {&w8, &fp8}) {
    auto const d = example::compare(w4, *better);
    check(d.mean > 0 && d.certain(), "8 bits read better than 4, with 95 per cent confidence");
  }
  return example::conclude();
}
