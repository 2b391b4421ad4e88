// SPDX-License-Identifier: MIT
// Symmetric codes of a few numbers, one by one: what kernels of attention are compared with.
#pragma once

#include "octavo/core/index.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace test {

/// Codes -limit ... limit of n numbers `stride` apart, which share a scale.
struct quantized {
  float scale = 0;
  std::vector<int> codes;

  quantized(float const* x, octavo::index n, octavo::index stride, float limit) {
    float absmax = 0;
    for (octavo::index i = 0; i < n; ++i) { absmax = std::max(absmax, std::abs(x[i * stride])); }
    if (absmax != 0) { scale = absmax / limit; }
    for (octavo::index i = 0; i < n; ++i) {
      float const volatile scaled = absmax == 0 ? 0.0f : x[i * stride] * (limit / absmax);
      codes.push_back(static_cast<int>(std::nearbyint(scaled)));
    }
  }
};

}  // namespace test
