// SPDX-License-Identifier: MIT
// Activations in double precision, written as the formulas.
#pragma once

#include <cmath>

namespace octavo {
inline namespace v0 {
namespace reference {

[[nodiscard]] inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
[[nodiscard]] inline double silu(double x) { return x / (1 + std::exp(-x)); }
/// x Phi(x); erfc where erf would cancel.
[[nodiscard]] inline double gelu(double x) { return 0.5 * x * std::erfc(-x * std::sqrt(0.5)); }
/// 1 + tanh u is 2 / (1 + e^-2u), which does not cancel.
[[nodiscard]] inline double gelu_tanh(double x) {
  double const u = std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x);
  return x / (1 + std::exp(-2 * u));
}
[[nodiscard]] inline double quick_gelu(double x) { return x / (1 + std::exp(-1.702 * x)); }

}  // namespace reference
}  // namespace v0
}  // namespace octavo
