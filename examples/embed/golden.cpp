// SPDX-License-Identifier: MIT
// Checks the example against the ids of tokenizers and the vectors of transformers (data/golden.json, by distil.py).
#include "bert.hpp"
#include "model_folder.hpp"

#include "../check.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace {

namespace schemes = octavo::schemes;
using example::check;

void check_words(example::wordpiece const& words, nlohmann::json const& cases) {
  for (auto const& c : cases) {
    auto const text = c["text"].get<std::string>();
    auto const ids = words.encode(text);
    check(ids == c["ids"].get<std::vector<int>>(),
          "ids of '" + text + "' are " + nlohmann::json(ids).dump() + ", should be " + c["ids"].dump());
  }
}

/// What is allowed between vectors of Octavo and those of PyTorch, whose weights and tokens are rounded likewise, and
/// between both and float. Sums of another order round some tokens to the next code.
struct bounds {
  float difference;       ///< of an element to PyTorch
  float cosine;           ///< with PyTorch, at least
  float cosine_to_float;  ///< at least
};

template <class W, class A>
void check_vectors(example::model_folder const& folder, nlohmann::json const& cases, std::string const& name,
                   bounds allowed) {
  example::thread_pool pool(2);
  example::bert<W, A> bert(folder.weights, pool);
  std::vector<std::vector<int>> ids;
  for (auto const& c : cases) { ids.push_back(c["ids"].get<std::vector<int>>()); }
  Eigen::MatrixXf const vectors = bert.embed(ids);
  bounds found{0, 1, 1};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    Eigen::VectorXf const got = vectors.col(static_cast<octavo::index>(i));
    auto const expected = [&](std::string const& key) {
      auto const values = cases[i].at(key).get<std::vector<float>>();
      return Eigen::VectorXf(Eigen::VectorXf::Map(values.data(), got.size()));
    };
    found.difference = std::max(found.difference, (got - expected(name)).cwiseAbs().maxCoeff());
    found.cosine = std::min(found.cosine, got.dot(expected(name)));
    found.cosine_to_float = std::min(found.cosine_to_float, got.dot(expected("float")));
    if constexpr (!std::is_same_v<W, float>) {  // Octavo's contract, and this example's: bits stay for any batch
      check(bert.embed(std::span(&ids[i], 1)) == got, name + ": a sentence alone has the same vector");
    }
  }
  std::printf("%-5s largest difference %.2g, least cosine %.6f, with float %.6f\n", name.c_str(),
              static_cast<double>(found.difference), static_cast<double>(found.cosine),
              static_cast<double>(found.cosine_to_float));
  check(found.difference <= allowed.difference && found.cosine >= allowed.cosine &&
            found.cosine_to_float >= allowed.cosine_to_float,
        name + " is within its bounds");
}

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
  auto const& sentences = golden["sentences"];
  check_vectors<float, float>(*folder, sentences, "float", {2e-6f, 0.999999f, 0.999999f});
  check_vectors<schemes::w8, schemes::a8>(*folder, sentences, "w8a8", {0.003f, 0.9999f, 0.9995f});
  check_vectors<schemes::w4_g32, schemes::a8>(*folder, sentences, "w4a8", {0.003f, 0.9999f, 0.995f});
  return example::conclude();
}
