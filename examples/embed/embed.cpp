// SPDX-License-Identifier: MIT
// Cosine similarities of sentences by a BERT encoder, in float and in number formats of fewer bits.
#include "bert.hpp"
#include "model_folder.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace {

using example::index;
namespace schemes = octavo::schemes;

/// A column of the table. W: scheme of the weights. A: scheme of the activations.
template <class W, class A>
struct format {
  using model = example::bert<W, A>;
  char const* name;
  char const* text;
};

/// The formats that the program knows, float first. A new one is a line here: the kernels follow from its types.
template <class Function>
void for_each_format(Function&& f) {
  f(format<float, float>{"float", "float weights and activations"});
  f(format<schemes::w8, schemes::a8>{"w8a8", "INT8 per row x INT8 per token"});
  f(format<schemes::w4_g32, schemes::a8>{"w4a8", "INT4 group 32 x INT8 per token"});
}

constexpr char const* usage =
    "usage: embed [--model DIR] [SENTENCE...]\n"
    "  --model DIR   a sentence encoder: config.json, vocab.txt and model.safetensors of a BERT model, uncased, whose\n"
    "                vector is the mean over its tokens, such as all-MiniLM-L6-v2\n";

struct column {
  char const* name;
  Eigen::MatrixXf vectors;
};

void print_table(std::vector<column> const& columns) {
  auto const& exact = columns[0].vectors;
  std::printf("\npair ");
  for (auto const& c : columns) { std::printf("%9s", c.name); }
  for (index i = 0; i < exact.cols(); ++i) {
    for (index j = i + 1; j < exact.cols(); ++j) {
      std::printf("\n%2td %2td", i + 1, j + 1);
      for (auto const& c : columns) {
        std::printf("%9.4f", static_cast<double>(c.vectors.col(i).dot(c.vectors.col(j))));
      }
    }
  }
  std::printf("\n\nlargest difference of a similarity to float, and least cosine of a vector with that of float\n");
  for (auto const& c : columns) {
    auto const difference = (c.vectors.transpose() * c.vectors - exact.transpose() * exact).cwiseAbs().maxCoeff();
    auto const cosine = c.vectors.cwiseProduct(exact).colwise().sum().minCoeff();
    std::printf("%-6s %.4f %.4f\n", c.name, static_cast<double>(difference), static_cast<double>(cosine));
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder = EMBED_DATA_DIR;
  std::vector<std::string> sentences;
  for (int i = 1; i < argc; ++i) {
    std::string_view const argument = argv[i];
    if (argument == "--help") {
      std::printf("%s", usage);
      return 0;
    }
    if (argument == "--model" && i + 1 < argc) {
      folder = argv[++i];
    } else if (argument.starts_with("--")) {
      std::fprintf(stderr, "embed: cannot use %s\n%s", argv[i], usage);
      return 1;
    } else {
      sentences.emplace_back(argument);
    }
  }
  if (sentences.empty()) {
    sentences = {
        "She was delighted to see her sister again.",    "The sight of her sister gave her the greatest joy.",
        "It rained so hard that nobody could walk out.", "The bad weather kept them all in the house.",
        "He asked her to marry him, and she refused.",   "His proposal of marriage was not accepted."};
  }

  std::string error;
  auto const model = example::model_folder::open(folder, error);
  if (!model) {
    std::fprintf(stderr, "embed: %s\n", error.c_str());
    return 1;
  }
  std::vector<std::vector<int>> ids;
  for (auto const& s : sentences) {
    ids.push_back(model->words.encode(s));
    std::printf("%2zu %s (%zu tokens)\n", ids.size(), s.c_str(), ids.back().size());
  }
  example::thread_pool pool(1);
  auto const& c = model->weights;
  std::printf("\nBERT, %zu layers, %td wide; %s\n", c.layers.size(), c.hidden,
              octavo::arch_name<octavo::default_arch>);
  std::vector<column> columns;
  for_each_format([&](auto f) {
    typename decltype(f)::model bert(c, pool);
    std::printf("%-6s %-31s %-9s %6.2f MB of linear layers\n", f.name, f.text, decltype(bert)::linear_type::path,
                static_cast<double>(bert.weight_bytes()) * 1e-6);
    std::fflush(stdout);
    columns.push_back({f.name, bert.embed(ids)});
  });
  print_table(columns);
}
