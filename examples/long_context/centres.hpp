// SPDX-License-Identifier: MIT
// Codebooks of keys before rotation, as calibration::k_means finds them of the model that ships.
#pragma once

#include <array>

namespace example {

/// Centres of the keys of a channel, each group of 64 tokens on [-1, 1], on text that is not measured; a test of
/// tests/evidence finds them again.
struct centres_2 {
  static constexpr std::array<float, 4> values{-0.686f, -0.210f, 0.212f, 0.687f};
};
struct centres_4 {
  static constexpr std::array<float, 16> values{-0.967f, -0.787f, -0.640f, -0.510f, -0.389f, -0.274f,
                                                -0.163f, -0.054f, 0.054f,  0.163f,  0.274f,  0.389f,
                                                0.512f,  0.644f,  0.792f,  0.969f};
};

}  // namespace example
