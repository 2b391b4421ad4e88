// SPDX-License-Identifier: MIT
// What is measured of each candidate on one layer.
#pragma once

#include <octavo/core/index.hpp>

#include <Eigen/Core>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace example {

using octavo::index;

/// Weights, outputs x inputs, and tokens that the layer sees, inputs x tokens.
struct layer_sample {
  Eigen::MatrixXf weights;
  Eigen::MatrixXf tokens;
};

struct measure_settings {
  index tokens = 64;        ///< of the second speed
  double seconds = 0.1;     ///< for each speed; 0: none are measured
  index memory = 64 << 20;  ///< bytes of copies of the weights that calls take turns with, as with a model's layers
};

/// One of the two speeds, in seconds of a call.
struct speed {
  double measured = 0;
  double memory = 0;      ///< what reading the weights takes at the rate of a plain load loop
  double arithmetic = 0;  ///< what the products take at the peak of the path's own instruction; 0: not known

  /// No call takes less.
  [[nodiscard]] double predicted() const { return memory > arithmetic ? memory : arithmetic; }
};

struct measurement {
  std::string name;
  std::string text;
  std::string path;
  double weights = 0;  ///< how many
  double bits = 0;     ///< of a weight, with scales and padding
  double nmse = 0;     ///< squared error of W X over its square, both in double, W and X as they were
  speed one;           ///< of 1 token
  speed many;          ///< of measure_settings::tokens tokens
};

/// All candidates, in the order of the list. `say` is told what is measured next.
[[nodiscard]] std::vector<measurement> measure(layer_sample const& layer, measure_settings const& settings,
                                               std::function<void(char const*)> const& say);

}  // namespace example
