// SPDX-License-Identifier: MIT
// Ranges of values: of one span, running over batches, and the params that reach as far.
#pragma once

#include <span>

#include "octavo/calibration/fit.hpp"
#include "octavo/quant/scale.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// From the lowest to the highest value, low <= high.
struct range {
  float low;
  float high;
};

/// The params of a group whose extremes are those of `r`: absmax max(|low|, |high|) for symmetric quantizers.
template <quantizer Q>
[[nodiscard]] typename Q::params params_of(range r) {
  float const ends[] = {r.low, r.high};
  return Q::calibrate(std::span<float const>(ends));
}

/// Least and largest value. *Errors*: no values, NaN, infinity.
[[nodiscard]] inline range range_of(std::span<float const> xs) {
  detail::check_values("range_of", xs);
  detail::value_range const r(xs.data(), xs.data() + xs.size(), xs[0]);
  return {r.low, r.high};
}

/// The range of a tensor that arrives in batches, such as the activations of a layer: min-max over all of them, or with
/// a momentum m the moving average low = (1 - m) low + m low_batch, in which the first batch counts whole. I-BERT and
/// I-ViT use .05, FQ-ViT .01.
class running_range {
 public:
  running_range() = default;
  /// Pre, checked: 0 < momentum <= 1.
  explicit running_range(float momentum) : momentum_(momentum), averages_(true) {
    if (!(momentum > 0 && momentum <= 1)) {
      detail::fail("running_range: the momentum must be above 0 and at most 1. I-BERT has 0.05, FQ-ViT 0.01.");
    }
  }

  /// *Errors*: no values, NaN, infinity.
  void update(std::span<float const> xs) {
    range const batch = range_of(xs);
    if (empty_) {
      now_ = batch;
      empty_ = false;
    } else if (averages_) {
      now_ = {mix(now_.low, batch.low), mix(now_.high, batch.high)};
    } else {
      now_ = {batch.low < now_.low ? batch.low : now_.low, batch.high > now_.high ? batch.high : now_.high};
    }
  }
  /// *Errors*: before the first update.
  [[nodiscard]] range finish() const {
    if (empty_) { detail::fail("running_range: nothing was seen yet. Call update first."); }
    return now_;
  }

 private:
  [[nodiscard]] float mix(float old, float batch) const {
    return static_cast<float>((1.0 - double{momentum_}) * double{old} + double{momentum_} * double{batch});
  }

  range now_{0, 0};
  float momentum_ = 0;
  bool averages_ = false;
  bool empty_ = true;
};

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
