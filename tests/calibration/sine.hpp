// SPDX-License-Identifier: MIT
// The values on which calibrations are compared, and the error that quantizing them makes.
#pragma once

#include "octavo/quant/concept.hpp"

#include <cmath>
#include <span>
#include <vector>

namespace test {

/// sin(i) sqrt(i) for i = 0 ... 63, from -7.5456 to 7.3, and one outlier, 25.
inline std::vector<float> sine() {
  std::vector<float> xs;
  for (int i = 0; i < 64; ++i) { xs.push_back(static_cast<float>(std::sin(i) * std::sqrt(i))); }
  xs.push_back(25);
  return xs;
}

/// The mean squared error of the group by these params.
template <octavo::quantizer Q>
double mean_square(std::span<float const> xs, typename Q::params const& p) {
  double sum = 0;
  for (float const x : xs) {
    double const e = double{Q::decode(Q::encode(x, p), p)} - double{x};
    sum += e * e;
  }
  return sum / static_cast<double>(xs.size());
}

}  // namespace test
