// SPDX-License-Identifier: MIT
// RMSNorm, LayerNorm and softmax of one row in double precision, written as the formula.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace octavo {
inline namespace v0 {
namespace reference {

/// x / sqrt(mean(x^2) + epsilon) * weight.
[[nodiscard]] inline std::vector<double> rms_norm(std::vector<double> x, std::vector<double> const& weight,
                                                  double epsilon) {
  double sum = 0;
  for (double const v : x) { sum += v * v; }
  double const root = std::sqrt(sum / static_cast<double>(x.size()) + epsilon);
  for (std::size_t i = 0; i < x.size(); ++i) { x[i] = x[i] / root * weight[i]; }
  return x;
}

/// (x - mean) / sqrt(mean((x - mean)^2) + epsilon) * weight + bias.
[[nodiscard]] inline std::vector<double> layer_norm(std::vector<double> x, std::vector<double> const& weight,
                                                    std::vector<double> const& bias, double epsilon) {
  double mean = 0;
  for (double const v : x) { mean += v / static_cast<double>(x.size()); }
  for (double& v : x) { v -= mean; }
  x = rms_norm(x, weight, epsilon);
  for (std::size_t i = 0; i < x.size(); ++i) { x[i] += bias[i]; }
  return x;
}

}  // namespace reference
}  // namespace v0
}  // namespace octavo
