// SPDX-License-Identifier: MIT
// Rotary position embedding of one head in double precision, written as the formula.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace octavo {
inline namespace v0 {
namespace reference {

/// Pair i turns by position * radians[i]: channels i and i + n of the 2 n that turn, or 2 i and 2 i + 1. Others stay.
[[nodiscard]] inline std::vector<double> rope(std::vector<double> x, double position,
                                              std::vector<double> const& radians, bool neighbours) {
  std::size_t const n = radians.size();
  for (std::size_t i = 0; i < n; ++i) {
    double& a = x[neighbours ? 2 * i : i];
    double& b = x[neighbours ? 2 * i + 1 : i + n];
    double const c = std::cos(position * radians[i]);
    double const s = std::sin(position * radians[i]);
    double const turned = a * c - b * s;
    b = a * s + b * c;
    a = turned;
  }
  return x;
}

}  // namespace reference
}  // namespace v0
}  // namespace octavo
