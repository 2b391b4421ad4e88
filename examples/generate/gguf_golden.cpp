// SPDX-License-Identifier: MIT
// A test: a small Llama in GGUF gives the logits that gguf_golden.py computed with NumPy, and broken ones are refused.
#include "checkpoint.hpp"
#include "llama.hpp"
#include "thread_pool.hpp"

#include <octavo/io/mapped_file.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::string_view_literals;

int faults = 0;
void check(bool ok, std::string const& what) {
  if (!ok) {
    std::printf("FAILED: %s\n", what.c_str());
    ++faults;
  }
}

/// The file with the first `from` replaced by a text of the same length is refused with `sentence`.
void check_refused(std::span<std::byte const> file, std::string_view from, std::string_view to,
                   std::string_view sentence) {
  std::vector<std::byte> changed(file.begin(), file.end());
  auto const* const bytes = reinterpret_cast<std::byte const*>(from.data());
  auto const at = std::search(changed.begin(), changed.end(), bytes, bytes + from.size());
  check(at != changed.end() && from.size() == to.size(), "the file has no " + std::string(from));
  if (at == changed.end()) { return; }
  std::memcpy(&*at, to.data(), to.size());
  std::string error;
  auto const gguf = octavo::io::gguf::parse(changed, error);
  bool const refused = !gguf || !example::checkpoint::read(*gguf, error);
  check(refused && error.find(sentence) != std::string::npos, "instead of '" + std::string(sentence) + "': " + error);
}

/// Largest difference of the logits after each token to those of NumPy.
template <class W, class A>
float difference(example::checkpoint const& weights, std::vector<int> const& tokens, nlohmann::json const& expected) {
  example::thread_pool pool(1);
  example::llama<W, A> model(weights, pool);
  auto const logits = model.forward(tokens, true);
  float largest = 0;
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    for (std::size_t i = 0; i < expected[t].size(); ++i) {
      float const got = logits.token(static_cast<octavo::index>(t))[i];
      largest = std::max(largest, std::abs(got - expected[t][i].get<float>()));
    }
  }
  return largest;
}

}  // namespace

int main(int argc, char** argv) {
  std::string const data = argc > 1 ? argv[1] : ".";
  std::string error;
  auto const file = octavo::io::mapped_file::open(data + "/tiny.gguf", error);
  auto const golden_file = octavo::io::mapped_file::open(data + "/tiny.json", error);
  auto const gguf = file ? octavo::io::gguf::parse(file->bytes(), error) : std::nullopt;
  auto const weights = gguf ? example::checkpoint::read(*gguf, error) : std::nullopt;
  if (!weights || !golden_file) {
    std::printf("gguf_golden: %s\nusage: gguf_golden DIR\n", error.c_str());
    return 1;
  }
  auto const golden = nlohmann::json::parse(golden_file->text(), nullptr, false);
  auto const tokens = golden["tokens"].get<std::vector<int>>();
  auto const& expected = golden["logits"];
  check(expected.size() == tokens.size() && expected[0].size() == 50, "tiny.json has a row of logits for each token");

  // Logits are between -4 and 4. Float weights leave rounding; bytes per row and per token their steps.
  float const exact = difference<float, float>(*weights, tokens, expected);
  float const bytes = difference<octavo::schemes::w8, octavo::schemes::a8>(*weights, tokens, expected);
  std::printf("largest difference to NumPy: float %.2g, W8A8 %.2g\n", static_cast<double>(exact),
              static_cast<double>(bytes));
  check(exact < 2e-5f, "float logits differ");
  check(bytes < 0.15f && bytes > exact, "W8A8 logits differ");

  auto const all = file->bytes();
  check_refused(all, "\5\0\0\0\0\0\0\0llama"sv, "\5\0\0\0\0\0\0\0mamba"sv, "general.architecture is 'mamba'");
  check_refused(all, "blk.1.ffn_up.weight", "blk.1.ffn_up.weihgt", "there is no tensor blk.1.ffn_up.weight");
  check_refused(all, "llama.attention.head_count", "llama.attention.dead_count", "llama.attention.head_count");
  check_refused(all, "llama.block_count", "llama.block_kount", "llama.block_count");
  std::printf("%d faults\n", faults);
  return faults == 0 ? 0 : 1;
}
