// SPDX-License-Identifier: MIT
// Real weights and activations: the models that ship with examples/generate and examples/embed, run on heldout.txt.
#pragma once

#include "octavo/core/index.hpp"

#include <Eigen/Core>

#include <vector>

namespace test {

using matrix = Eigen::MatrixXf;

/// A linear layer. Tokens are columns.
struct layer {
  matrix weights;
  matrix x;      ///< tokens to calibrate on
  matrix later;  ///< tokens to test on, of the text behind them
};

/// One head of one sentence: column q has the probabilities of query q. Values are channels x keys.
struct attention_map {
  matrix probabilities;
  matrix values;
};

/// A LayerNorm: sums of residuals, one token a column.
struct norm_layer {
  matrix x;
  std::vector<float> weight;
  std::vector<float> bias;
};

struct models {
  /// The decoder: 4 layers of q, k and v together, o, gate and up together, down. 192 wide; 4096 and 1024 tokens.
  std::vector<layer> llama;
  /// The inputs of the four `down`, which SwiGLU makes, are those with the strongest features.
  std::vector<layer> down;
  /// The encoder, which sees a sentence from both sides, as vision transformers see an image: 2 layers of 4 heads, 20
  /// sentences of 64 tokens.
  std::vector<std::vector<attention_map>> attention;
  /// Outputs of GELU in its 2 layers.
  std::vector<std::vector<float>> gelu;
  /// Its 4 norms behind attention and behind GELU, on the same sentences.
  std::vector<norm_layer> norms;
};

/// Run once.
[[nodiscard]] models const& shipped_models();

}  // namespace test
