// SPDX-License-Identifier: MIT
#include "models.hpp"

#include "../../examples/choose_a_format/shipped_layers.hpp"
#include "../../examples/embed/bert.hpp"
#include "../../examples/embed/model_folder.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace test {
namespace {

using octavo::index;

void run_llama(models& to) {
  example::recording seen;
  std::string error;
  constexpr index calibration = 4096;
  if (!example::run_shipped_llama(EVIDENCE_MODELS "/generate/data", calibration + 1024, seen, error)) {
    throw std::runtime_error(error);
  }
  for (std::size_t i = 1; i < seen.layers.size(); ++i) {
    auto const& l = seen.layers[i];
    to.llama.push_back({l.weights, l.x().leftCols(calibration), l.x().rightCols(l.x().cols() - calibration)});
    if (example::llama_layer_name(i).ends_with("down")) { to.down.push_back(to.llama.back()); }
  }
}

void run_bert(models& to) {
  std::string error;
  auto const folder = example::model_folder::open(EVIDENCE_MODELS "/embed/data", error);
  auto const text = octavo::io::mapped_file::open(EVIDENCE_MODELS "/generate/data/heldout.txt", error);
  if (!folder || !text) { throw std::runtime_error(error); }
  std::vector<std::vector<int>> sentences;
  for (std::size_t i = 0; i < 20; ++i) {
    sentences.push_back(folder->words.encode(text->text().substr(400 * i, 400)));
  }
  example::recording seen;
  example::thread_pool pool(1);
  example::bert<example::recorded, float> model(folder->weights, pool);
  (void)model.embed(sentences);
  index const hidden = folder->weights.hidden;
  index const d = hidden / folder->weights.heads;
  for (std::size_t l = 0; l + 3 < seen.layers.size(); l += 4) {  // q, k and v; o; up; down
    auto const qkv = seen.layers[l].y();
    std::vector<attention_map> maps;
    index first = 0;
    for (auto const& s : sentences) {
      auto const n = static_cast<index>(s.size());
      for (index h = 0; h < folder->weights.heads; ++h) {
        auto const part = [&](index which) { return qkv.block(which * hidden + h * d, first, d, n); };
        matrix p = part(1).transpose() * part(0) / std::sqrt(static_cast<float>(d));
        for (auto column : p.colwise()) {
          column = (column.array() - column.maxCoeff()).exp();
          column /= column.sum();
        }
        maps.push_back({p, part(2)});
      }
      first += n;
    }
    to.attention.push_back(std::move(maps));
    to.gelu.push_back(seen.layers[l + 3].inputs);
    auto const& layer = folder->weights.layers[l / 4];
    auto const add_norm = [&](auto const& x, auto const& y, auto const& norm) {
      to.norms.push_back({x + y, norm.weight.floats(), norm.bias.floats()});
    };
    add_norm(seen.layers[l].x(), seen.layers[l + 1].y(), layer.attention_norm);
    add_norm(seen.layers[l + 2].x(), seen.layers[l + 3].y(), layer.output_norm);
  }
}

}  // namespace

models const& shipped_models() {
  static models const all = [] {
    models result;
    run_llama(result);
    run_bert(result);
    return result;
  }();
  return all;
}

}  // namespace test
