// SPDX-License-Identifier: MIT
// channel_reparameterization: per-channel scales and zero points moved into a norm and its weights (RepQ-ViT, Li 2023).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "octavo/core/error.hpp"
#include "octavo/core/index.hpp"
#include "octavo/core/round.hpp"

namespace octavo {
inline namespace v0 {

/// Outputs X of a norm, calibrated with a scale s_i > 0 and zero point z_i for each channel, become X' that one scale
/// and one zero point quantize to the same codes, without a change of what the layers behind compute:
///
///     scale = mean s_i     zero_point = rne(mean z_i)     r_i = s_i / scale     d_i = s_i (z_i - zero_point)
///     norm:    gamma_i /= r_i,     beta_i = (beta_i + d_i) / r_i                 so X' = (X + d) / r
///     layers:  bias_o -= sum over i of W(o, i) d_i,     W(o, i) *= r_i           so W' X' + bias' = W X + bias
///
/// X' / scale = X / s_i + z_i - zero_point. Every layer that reads the norm must be rewritten, and its weights
/// quantized afterwards. Arithmetic is of doubles, rounded to f32 at the end, sums with i ascending. (The authors' code
/// leaves the mean of zero points unrounded, and so does not keep codes.)
class channel_reparameterization {
 public:
  float scale = 1.0f;  ///< what remains: an affine quantizer of the whole tensor
  int zero_point = 0;

  /// Throws when the extents differ or a scale is not positive.
  channel_reparameterization(std::span<float const> scales, std::span<int const> zero_points) {
    require(scales.size(), zero_points.size(), "the zero points are", "Pass both for each channel.");
    double scale_sum = 0;
    double zero_sum = 0;
    for (std::size_t i = 0; i < scales.size(); ++i) {
      if (!(scales[i] > 0)) { detail::fail("channel_reparameterization: a scale is not positive. Pass none of 0."); }
      scale_sum += static_cast<double>(scales[i]);
      zero_sum += zero_points[i];
    }
    auto const n = static_cast<double>(scales.empty() ? 1 : scales.size());
    double const mean = scales.empty() ? 1.0 : scale_sum / n;
    scale = static_cast<float>(mean);
    zero_point = static_cast<int>(detail::round_even(static_cast<float>(zero_sum / n)));
    for (std::size_t i = 0; i < scales.size(); ++i) {
      ratios_.push_back(static_cast<double>(scales[i]) / mean);
      shifts_.push_back(static_cast<double>(scales[i]) * (zero_points[i] - zero_point));
    }
  }

  /// The norm's weight and bias; one without a bias (RMSNorm) needs a new one of zeros.
  void norm(std::span<float> gamma, std::span<float> beta) const {
    require(ratios_.size(), gamma.size(), "the norm has weights", "Pass those of the calibrated norm.");
    require(ratios_.size(), beta.size(), "the norm has biases", "Pass zeros for a norm without.");
    for (std::size_t i = 0; i < ratios_.size(); ++i) {
      gamma[i] = static_cast<float>(static_cast<double>(gamma[i]) / ratios_[i]);
      beta[i] = static_cast<float>((static_cast<double>(beta[i]) + shifts_[i]) / ratios_[i]);
    }
  }
  /// Weights (outputs x channels) and bias of a layer: any matrix with rows(), cols() and M(o, i).
  template <class M>
  void layer(M& weights, std::span<float> bias) const {
    require(ratios_.size(), static_cast<std::size_t>(weights.cols()), "the weights have columns",
            "Rewrite layers that read this norm.");
    require(static_cast<std::size_t>(weights.rows()), bias.size(), "the bias has",
            "Pass one for each output, zeros if there was none.");
    for (std::size_t o = 0; o < bias.size(); ++o) {
      double sum = 0;
      for (std::size_t i = 0; i < ratios_.size(); ++i) {
        auto& w = weights(static_cast<index>(o), static_cast<index>(i));
        sum += detail::opaque(static_cast<double>(w) * shifts_[i]);
        w = static_cast<float>(static_cast<double>(w) * ratios_[i]);
      }
      bias[o] = static_cast<float>(static_cast<double>(bias[o]) - sum);
    }
  }

 private:
  static void require(std::size_t expected, std::size_t got, char const* what, char const* todo) {
    if (expected != got) {
      detail::fail_extents("channel_reparameterization", "expected are", static_cast<index>(expected), what,
                           static_cast<index>(got), todo);
    }
  }

  std::vector<double> ratios_;
  std::vector<double> shifts_;
};

}  // namespace v0
}  // namespace octavo
