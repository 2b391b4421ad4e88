// SPDX-License-Identifier: MIT
// A linear layer to calibrate: weights, and activations that are correlated as those of real layers are.
#pragma once

#include "octavo/calibration/gram.hpp"

#include <Eigen/Core>
#include <cstdint>

namespace test {

/// Integers that make_golden.py makes too: z = z * 6364136223846793005 + 1442695040888963407 (mod 2^64), the upper 31
/// bits mod n.
class integers {
 public:
  explicit integers(std::uint64_t seed) : state_(seed) {}
  std::int64_t below(std::int64_t n) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::int64_t>(state_ >> 33) % n;
  }

 private:
  std::uint64_t state_;
};

/// All elements are multiples of 2^-10, hence the same in any arithmetic. A feature is 7/8 of the one before it and
/// noise; every 16th is 32 times as large in `strong`, an outlier as norms of language models make them.
struct layer {
  Eigen::MatrixXf w;  // rows x cols
  Eigen::MatrixXf x;  // cols x tokens
  layer(octavo::index rows, octavo::index cols, octavo::index tokens, std::uint64_t seed, bool strong = false)
      : w(rows, cols), x(cols, tokens) {
    integers next(seed);
    for (octavo::index r = 0; r < rows; ++r) {
      for (octavo::index c = 0; c < cols; ++c) {
        w(r, c) = static_cast<float>(next.below(1001) + next.below(1001) - 1000) * 0x1p-10f;
      }
    }
    for (octavo::index t = 0; t < tokens; ++t) {
      std::int64_t last = 0;
      for (octavo::index f = 0; f < cols; ++f) {
        last = next.below(1001) - 500 + (7 * last >> 3);
        x(f, t) = static_cast<float>(strong && f % 16 == 5 ? 32 * last : last) * 0x1p-10f;
      }
    }
  }
};

/// The mean of X Xᵀ.
inline Eigen::MatrixXd gram_of(Eigen::MatrixXf const& x) {
  octavo::calibration::gram seen(x.rows());
  seen.add(x);
  return seen.mean();
}

}  // namespace test
