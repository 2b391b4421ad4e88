// SPDX-License-Identifier: MIT
// What AdaLog and twin uniform quantizers take: probabilities, or outputs of GELU.
#pragma once

namespace octavo {
inline namespace v0 {

/// - min GELU(x), at x = -0.7518: what outputs of GELU are shifted by to be positive. The constant of AdaLog's and
///   PTQ4ViT's
/// code, so that files agree; the minimum itself is 3.5e-8 nearer to 0.
inline constexpr float gelu_minimum = 0.16997124254703522f;

/// Numbers from 0 to 1: what softmax gives.
struct probabilities {
  static constexpr float added = 0.0f;       ///< before a number is encoded
  static constexpr float subtracted = 0.0f;  ///< after it is decoded
};
/// Numbers from -gelu_minimum: what GELU gives.
struct gelu_outputs {
  static constexpr float added = gelu_minimum;
  static constexpr float subtracted = gelu_minimum;
};
/// The same for a layer whose bias holds the shift already (fold_gelu_shift): decoded values are larger by
/// gelu_minimum.
struct folded_gelu_outputs {
  static constexpr float added = gelu_minimum;
  static constexpr float subtracted = 0.0f;
};

}  // namespace v0
}  // namespace octavo
