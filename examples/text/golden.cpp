// SPDX-License-Identifier: MIT
// Test: the tokenizers agree with PyPI's tokenizers and sentencepiece (data/golden.json, by golden.py), give back any
// bytes, refuse vocabularies that are not consistent, and take time in proportion to a long word.
#include "gguf_words.hpp"

#include "../check.hpp"

#include <octavo/io/mapped_file.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace {

using example::check;

/// A vocabulary of golden.json, free to be broken.
struct model {
  explicit model(nlohmann::json const& json) : tokens(json["tokens"].get<std::vector<std::string>>()) {
    for (int const k : json["kinds"].get<std::vector<int>>()) {
      kinds.push_back(static_cast<example::token_kind>(k));
    }
    if (json.contains("merges")) { merges = json["merges"].get<std::vector<std::string>>(); }
    if (json.contains("scores")) { scores = json["scores"].get<std::vector<float>>(); }
    if (json.contains("rule")) {
      auto const rule = json["rule"].get<std::string>();
      bpe.words = rule == "gpt2"     ? example::word_rule::gpt2
                  : rule == "smollm" ? example::word_rule::smollm
                                     : example::word_rule::llama3;
      bpe.whole_words = json["whole_words"].get<bool>();
    } else {
      space_prefix = json["space_prefix"].get<bool>();
    }
  }

  [[nodiscard]] int id(std::string_view token) const {
    auto const at = std::find(tokens.begin(), tokens.end(), token);
    return at == tokens.end() ? -1 : static_cast<int>(at - tokens.begin());
  }

  [[nodiscard]] std::optional<example::words> make(std::string& error,
                                                   example::word_settings const& settings = {}) const {
    std::vector<std::string_view> const texts(tokens.begin(), tokens.end());
    std::vector<std::string_view> const pairs(merges.begin(), merges.end());
    if (scores.empty()) {
      auto made = example::byte_bpe::make({texts, kinds}, pairs, bpe, error);
      return made ? example::words::make(std::move(*made), settings, error) : std::nullopt;
    }
    auto made = example::sentencepiece::make({texts, kinds}, scores, space_prefix, error);
    return made ? example::words::make(std::move(*made), settings, error) : std::nullopt;
  }

  std::vector<std::string> tokens;
  std::vector<example::token_kind> kinds;
  std::vector<std::string> merges;
  std::vector<float> scores;
  example::byte_bpe::options bpe;
  bool space_prefix = false;
};

std::string shown(std::vector<int> const& ids) {
  std::string text;
  for (int const id : ids) { text.append(1, ' ').append(std::to_string(id)); }
  return text;
}

void check_encode(example::words const& w, nlohmann::json const& cases, std::string const& name) {
  check(cases.size() >= 25, name + ": golden.json has too few cases");
  for (auto const& c : cases) {
    auto const text = c["text"].get<std::string>();
    for (char const* const how : {"plain", "special"}) {
      if (!c.contains(how)) { continue; }
      auto const ids = w.encode(text, how == std::string_view("special"));
      check(ids == c[how].get<std::vector<int>>(), name + ", " + how + ": " + text + ":" + shown(ids));
      bool const blanks = w.space_prefix() || name == "sentencepiece";  // U+2581 comes back as a blank
      if (!blanks || text.find("\u2581") == std::string::npos) {
        check(w.decode(ids) == text, name + ", decode: " + text + " gives " + w.decode(ids));
      }
    }
  }
}

void check_bytes(example::words const& w, std::string const& name) {
  std::string text;
  for (int b = 0; b < 256; ++b) { text += static_cast<char>(b); }
  text += "\xe2\x96";  // the start of a character
  check(w.decode(w.encode(text)) == text, name + ": bytes that are no UTF-8 come back");
  check(w.encode("").empty(), name + ": no text, no tokens");
  check(w.decode(-1).empty() && w.decode(w.size()).empty(), name + ": numbers that are no tokens");

  example::text_stream stream(w);
  std::string streamed;
  std::string const emoji = "x \U0001f642 \u65e5\u672c \xff\xe2\x28 \xf0\x9f";
  for (int const id : w.encode(emoji)) {
    auto const piece = stream.next(id);
    check(example::unfinished(piece) == 0, name + ": half a character was given");
    streamed += piece;
  }
  check(streamed + stream.rest() == emoji, name + ": streamed text");

  // A word of a million bytes: seconds if n log n, hours if quadratic.
  auto const begin = std::chrono::steady_clock::now();
  check(!w.encode(std::string(1 << 20, 'e')).empty(), name + ": a long word");
  std::string long_text;
  while (long_text.size() < (1 << 20)) { long_text += "theabcd"; }
  check(w.decode(w.encode(long_text)) == long_text, name + ": a long word comes back");
  check(std::chrono::steady_clock::now() - begin < std::chrono::seconds(120), name + ": a long word takes too long");
}

void check_refusals(model const& good) {
  auto const refused = [&](std::string const& reason, std::function<void(model&)> const& change,
                           example::word_settings const& settings = {}) {
    auto bad = good;
    change(bad);
    std::string error;
    bool const made = bad.make(error, settings).has_value();
    example::check_says(made ? "nothing is wrong" : error, reason);
  };
  auto const as_is = [](model&) {};
  refused("the vocabulary is empty", [](model& m) { m.tokens.clear(); });
  refused("kinds of 1", [](model& m) { m.kinds.resize(1); });
  refused("unknown kind 9", [](model& m) { m.kinds[5] = static_cast<example::token_kind>(9); });
  refused("is empty", [](model& m) { m.tokens.back() = ""; });
  refused("special token", as_is, {static_cast<int>(good.tokens.size()), -1, -1, false, ""});
  refused("special token -2", as_is, {-1, -2, -1, false, ""});
  refused("no bos_token_id", as_is, {-1, -1, -1, true, ""});
  if (good.scores.empty()) {
    refused("is there twice", [](model& m) { m.tokens[300] = m.tokens[299]; });
    refused("is not byte-level", [](model& m) { m.tokens[300] = "a b"; });
    refused("is not byte-level", [](model& m) { m.tokens[300] = "\u65e5"; });
    refused("there is no token for byte 65",
            [](model& m) { m.kinds[static_cast<std::size_t>(m.id("A"))] = example::token_kind::unused; });
    refused("does not join", [](model& m) { m.merges[3] = "Q Q"; });
    refused("does not join", [](model& m) { m.merges[3] = "e "; });
    refused("not two tokens", [](model& m) { m.merges[3] = "e"; });
    refused("is there twice", [](model& m) { m.merges[3] = m.merges[2]; });
  } else {
    auto const last = good.tokens.size() - 1;
    refused("is there twice", [last](model& m) { m.tokens[last] = m.tokens[last - 1]; });
    refused("is there twice", [](model& m) { m.tokens[static_cast<std::size_t>(m.id("<0x41>"))] = "<0x42>"; });
    refused("should be a byte", [](model& m) { m.tokens[static_cast<std::size_t>(m.id("<0x41>"))] = "<0x4g>"; });
    refused("no token for byte 65",
            [](model& m) { m.kinds[static_cast<std::size_t>(m.id("<0x41>"))] = example::token_kind::unused; });
    refused("scores of 3", [](model& m) { m.scores.resize(3); });
    refused("no number", [](model& m) { m.scores[9] = std::numeric_limits<float>::quiet_NaN(); });
  }
}

/// The templates of ChatML, Llama 2 and 3 as jinja2 renders them; <BOS> is the token that begins a text.
void check_frames(nlohmann::json const& cases) {
  check(cases.size() >= 20, "chat.json has too few cases");
  for (auto const& c : cases) {
    std::string error;
    auto const frame = example::frame_of(c["template"].get<std::string>(), error);
    auto const question = c["question"].get<std::string>();
    auto const name = c["name"].get<std::string>() + ", " + question;
    check(frame.has_value(), name + ": " + error);
    if (!frame) { continue; }
    auto const text = frame->before +
                      std::string(frame->trimmed ? example::trimmed(question) : std::string_view(question)) +
                      frame->after;
    auto wanted = c["text"].get<std::string>();
    if (wanted.starts_with("<BOS>")) { wanted.erase(0, 5); }
    check(text == wanted, name + ": " + text + "\nbut jinja2 renders\n" + wanted);
  }
}

void check_chat(model const& bpe, model const& pieces) {
  auto const chat = [](model const& m, std::string const& chat_template, int begin, std::string const& question) {
    std::string error;
    auto const w = m.make(error, {begin, -1, -1, false, chat_template});
    auto const ids = w ? w->chat(question, error) : std::nullopt;
    return ids ? w->decode(*ids) : "error: " + error;
  };
  check(chat(bpe, "'<|im_start|>system\\n' + x + '<|im_end|>' '<|im_start|>system\\nNo<|im_end|>'", -1, "Hi") ==
            "<|im_start|>system\nNo<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
        "ChatML with a system message that is an expression");
  check(chat(bpe, "<|start_header_id|>", bpe.id("<|begin|>"), "Hi ") ==
            "<|begin|><|start_header_id|>user<|end_header_id|>\n\nHi <|eot_id|><|start_header_id|>assistant"
            "<|end_header_id|>\n\n",
        "Llama 3, not trimmed");
  check(chat(pieces, "[INST] x.strip()", pieces.id("<s>"), "\u00a0\n Hi <s> ") == "<s>[INST] Hi <s> [/INST]",
        "Llama 2, trimmed");
  check(chat(pieces, "[INST] x.strip()", pieces.id("<s>"), " \n") == "<s>[INST]  [/INST]", "nothing but spaces");
  check(chat(bpe, "{{ x }}", -1, "Hi").find("no known family") != std::string::npos, "an unknown template");
  check(chat(bpe, "", -1, "Hi").find("no chat template") != std::string::npos, "no template");

  // What a user types is no control token; what the frame says is.
  auto with_marks = bpe;
  for (char const* const mark : {"<|im_start|>", "<|im_end|>"}) {
    with_marks.tokens.emplace_back(mark);
    with_marks.kinds.push_back(example::token_kind::control);
  }
  std::string error;
  auto const w = with_marks.make(error, {-1, -1, -1, false, "<|im_start|>"});
  auto const ids = w ? w->chat("<|im_end|>", error) : std::nullopt;
  check(ids && std::count(ids->begin(), ids->end(), with_marks.id("<|im_end|>")) == 1 &&
            std::count(ids->begin(), ids->end(), with_marks.id("<|im_start|>")) == 2,
        "a control token in a question");
}

// ---- GGUF ----

class gguf_writer {
 public:
  template <class T>
  void value(std::string_view key, octavo::io::gguf_type type, T v) {
    entry(key, type);
    put(v);
  }
  void value(std::string_view key, std::string_view v) {
    entry(key, octavo::io::gguf_type::text);
    text(v);
  }
  void value(std::string_view key, std::vector<std::string> const& v) {
    array(key, octavo::io::gguf_type::text, v.size());
    for (auto const& s : v) { text(s); }
  }
  template <class T>
  void value(std::string_view key, octavo::io::gguf_type type, std::vector<T> const& v) {
    array(key, type, v.size());
    for (auto const& x : v) { put(x); }
  }
  [[nodiscard]] std::vector<std::byte> file() const {
    gguf_writer all;
    for (char const c : {'G', 'G', 'U', 'F'}) { all.put(c); }
    all.put(std::uint32_t{3});
    all.put(std::uint64_t{0});
    all.put(entries_);
    all.bytes_.insert(all.bytes_.end(), bytes_.begin(), bytes_.end());
    return all.bytes_;
  }

 private:
  template <class T>
  void put(T v) {
    std::byte bytes[sizeof v];
    std::memcpy(bytes, &v, sizeof v);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof v);
  }
  void text(std::string_view v) {
    put(static_cast<std::uint64_t>(v.size()));
    for (char const c : v) { put(c); }
  }
  void entry(std::string_view key, octavo::io::gguf_type type) {
    ++entries_;
    text(key);
    put(static_cast<std::uint32_t>(type));
  }
  void array(std::string_view key, octavo::io::gguf_type type, std::size_t count) {
    entry(key, octavo::io::gguf_type::array);
    put(static_cast<std::uint32_t>(type));
    put(static_cast<std::uint64_t>(count));
  }

  std::vector<std::byte> bytes_;
  std::uint64_t entries_ = 0;
};

/// Reads a GGUF file of this model; `change` writes what else is in it.
std::optional<example::words> through_gguf(model const& m, std::string_view pre, std::string& error,
                                           std::function<void(gguf_writer&)> const& change = {}) {
  using octavo::io::gguf_type;
  gguf_writer out;
  out.value("tokenizer.ggml.model", m.scores.empty() ? "gpt2" : "llama");
  if (!pre.empty()) { out.value("tokenizer.ggml.pre", pre); }
  out.value("tokenizer.ggml.tokens", m.tokens);
  std::vector<std::int32_t> kinds;
  for (auto const k : m.kinds) { kinds.push_back(static_cast<int>(k)); }
  out.value("tokenizer.ggml.token_type", gguf_type::i32, kinds);
  if (m.scores.empty()) {
    out.value("tokenizer.ggml.merges", m.merges);
  } else {
    out.value("tokenizer.ggml.scores", gguf_type::f32, m.scores);
    out.value("tokenizer.ggml.add_space_prefix", gguf_type::boolean, m.space_prefix);
  }
  if (change) { change(out); }
  auto const bytes = out.file();
  auto const file = octavo::io::gguf::parse(bytes, error);
  return file ? example::read_words(*file, error) : std::nullopt;
}

void check_gguf(model const& bpe, model const& pieces) {
  using octavo::io::gguf_type;
  std::string error;
  auto const refused = [&](model const& m, std::string_view pre, std::string const& reason,
                           std::function<void(gguf_writer&)> const& change = {}) {
    error.clear();
    bool const made = through_gguf(m, pre, error, change).has_value();
    example::check_says(made ? "nothing is wrong" : error, reason);
  };
  auto const number = [](char const* key, std::uint32_t v) {
    return [=](gguf_writer& out) { out.value(std::string("tokenizer.ggml.") + key, gguf_type::u32, v); };
  };
  auto const llama = through_gguf(pieces, "", error, number("bos_token_id", 1));
  check(llama && llama->prompt("x").front() == 1 && llama->prompt("x").size() == llama->encode("x").size() + 1,
        "SentencePiece begins texts unless it says no: " + error);
  auto const smollm = through_gguf(bpe, "smollm", error, number("eos_token_id", 7));
  check(smollm && smollm->prompt("x") == smollm->encode("x") && smollm->is_end(7) && !smollm->is_end(-1),
        "smollm does not: " + error);
  refused(pieces, "", "no bos_token_id");
  refused(bpe, "llama-bpe", "no bos_token_id");
  refused(bpe, "smollm", "is not one of", number("bos_token_id", 1u << 20));
  refused(bpe, "smollm", "bos_token_id is no id", number("bos_token_id", 0xffffffffu));
  refused(bpe, "smollm", "add_bos_token is no bool", number("add_bos_token", 1));
  refused(bpe, "", "pre  is not supported");
  refused(bpe, "qwen2", "pre qwen2 is not supported");
  auto few = bpe;
  few.kinds.pop_back();
  refused(few, "smollm", "one integer for each token");
  auto broken = bpe;
  broken.merges[0] = "x";
  refused(broken, "smollm", "merge 0");
  auto const empty = gguf_writer().file();
  auto const file = octavo::io::gguf::parse(empty, error);
  check(file && !example::read_words(*file, error) && error.find("tokens is not there") != std::string::npos,
        "a file without a tokenizer: " + error);
}

}  // namespace

int main(int argc, char** argv) {
  std::string error;
  auto const file = octavo::io::mapped_file::open(argc > 1 ? argv[1] : "golden.json", error);
  auto const golden = file ? nlohmann::json::parse(file->text(), nullptr, false) : nlohmann::json();
  auto const chat_file = octavo::io::mapped_file::open(argc > 2 ? argv[2] : "chat.json", error);
  auto const frames = chat_file ? nlohmann::json::parse(chat_file->text(), nullptr, false) : nlohmann::json();
  if (!golden.is_object() || !frames.is_array()) {
    std::printf("text_golden: %s\nusage: text_golden golden.json chat.json\n", error.c_str());
    return 1;
  }
  for (char const* const name : {"byte_bpe", "sentencepiece"}) {
    for (auto const& json : golden[name]) {
      model const m(json);
      auto const w = m.make(error);
      check(w.has_value(), error);
      if (!w) { continue; }
      check_encode(*w, json["cases"], name);
      check_bytes(*w, name);
      check_refusals(m);
    }
  }
  check_frames(frames);
  check_chat(model(golden["byte_bpe"][2]), model(golden["sentencepiece"][0]));
  check_gguf(model(golden["byte_bpe"][1]), model(golden["sentencepiece"][0]));
  return example::conclude();
}
