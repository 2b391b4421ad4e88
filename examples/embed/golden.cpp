// SPDX-License-Identifier: MIT
// Checks the example against the ids of tokenizers and the vectors of transformers in float32 (data/golden.json), and
// its readers against files that they must refuse.
#include "bert.hpp"
#include "model_folder.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace schemes = octavo::schemes;
int faults = 0;

void check(bool ok, std::string const& what) {
  if (ok) { return; }
  std::printf("FAILED: %s\n", what.c_str());
  ++faults;
}

// ---- against PyTorch ----

void check_words(example::wordpiece const& words, nlohmann::json const& cases) {
  for (auto const& c : cases) {
    auto const text = c["text"].get<std::string>();
    auto const ids = words.encode(text);
    check(ids == c["ids"].get<std::vector<int>>(),
          "ids of '" + text + "' are " + nlohmann::json(ids).dump() + ", should be " + c["ids"].dump());
  }
}

/// The largest difference of an element and the least cosine of a vector are within bounds.
template <class W, class A>
void check_vectors(example::model_folder const& folder, nlohmann::json const& cases, char const* name,
                   float difference, float cosine) {
  example::thread_pool pool(2);
  example::bert<W, A> bert(folder.weights, pool);
  std::vector<std::vector<int>> ids;
  for (auto const& c : cases) { ids.push_back(c["ids"].get<std::vector<int>>()); }
  Eigen::MatrixXf const vectors = bert.embed(ids);
  float largest = 0;
  float least = 1;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    auto const expected = cases[i]["vector"].get<std::vector<float>>();
    auto const truth = Eigen::VectorXf::Map(expected.data(), vectors.rows());
    auto const got = vectors.col(static_cast<octavo::index>(i));
    largest = std::max(largest, (got - truth).cwiseAbs().maxCoeff());
    least = std::min(least, got.dot(truth));
    if constexpr (!std::is_same_v<W, float>) {  // by contract: neither neighbours nor threads change a bit
      check(bert.embed(std::span(&ids[i], 1)) == got, std::string(name) + ": a sentence alone has the same vector");
    }
  }
  std::printf("%-6s largest difference %.2g, least cosine %.6f\n", name, static_cast<double>(largest),
              static_cast<double>(least));
  check(largest <= difference && least >= cosine, std::string(name) + " is within its bounds");
}

// ---- readers ----

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: embed_golden DIR, a model and its golden.json\n");
    return 2;
  }
  std::string const path = argv[1];
  std::string error;
  auto const folder = example::model_folder::open(path, error);
  auto const text = octavo::io::mapped_file::open(path + "/golden.json", error);
  if (!folder || !text) {
    std::fprintf(stderr, "embed_golden: %s\n", error.c_str());
    return 1;
  }
  auto const golden = nlohmann::json::parse(text->text());
  check_words(folder->words, golden["words"]);
  check_words(folder->words, golden["sentences"]);
  check_vectors<float, float>(*folder, golden["sentences"], "float", 2e-6f, 0.99999f);
  check_vectors<schemes::w8, schemes::a8>(*folder, golden["sentences"], "w8a8", 0.02f, 0.998f);
  check_vectors<schemes::w4_g32, schemes::a8>(*folder, golden["sentences"], "w4a8", 0.2f, 0.95f);
  std::printf("%s\n", faults == 0 ? "all checks passed" : "some checks failed");
  return faults == 0 ? 0 : 1;
}
