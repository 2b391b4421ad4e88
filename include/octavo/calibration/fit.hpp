// SPDX-License-Identifier: MIT
// How the params of one group of values are chosen: what a fit is, the plain one, and the checks of its input.
#pragma once

#include <cstddef>
#include <span>

#include "octavo/core/views.hpp"
#include "octavo/quant/concept.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// The extremes of the group, by the quantizer's own law: absmax for `symmetric`, min-max for `affine`, `affine_min`.
struct extremes {
  template <quantizer Q>
  [[nodiscard]] typename Q::params fit(std::span<float const> xs) const {
    return Q::calibrate(xs);
  }
};

/// Whether the params of Q reach further to one side than to the other.
template <quantizer Q>
inline constexpr bool two_sided = has_zero_point<Q> || has_minimum<Q>;

}  // namespace calibration

namespace detail {

/// The params that `fit` chooses for the values of a group, which stand in the columns from `column` on. A fit is an
/// object with `fit<Q>(values)`, or with `fit<Q>(values, column)` if the place matters, or any callable of the values.
template <quantizer Q, class Fit>
[[nodiscard]] typename Q::params fit_group(Fit const& fit, std::span<float const> xs, index column) {
  using P = typename Q::params;
  if constexpr (requires { P(fit.template fit<Q>(xs, column)); }) {
    return fit.template fit<Q>(xs, column);
  } else if constexpr (requires { P(fit.template fit<Q>(xs)); }) {
    return fit.template fit<Q>(xs);
  } else {
    static_assert(
        requires { P(fit(xs)); },
        "Octavo: a fit is calibration::extremes, percentile, clip_search, progressive_search, entropy, output_clip, or a "
        "callable that takes std::span<float const> and returns the params of the quantizer.");
    return fit(xs);
  }
}

/// Fails when there are no values, or one is NaN or infinite.
inline void check_values(char const* where, std::span<float const> xs) {
  if (xs.empty()) {
    fail_extents(where, "the values are", 0, "but must be at least", 1, "Pass data to calibrate on.");
  }
  for (std::size_t i = 0; i < xs.size(); ++i) {
    if (!is_finite(xs[i])) {
      fail_extents(where, "not finite is value", static_cast<index>(i), "of", static_cast<index>(xs.size()),
                   "Look for an overflow in what made it.");
    }
  }
}

/// Fails when an element of a matrix or of tokens, value(r, c), is NaN or infinite.
template <class Value>
void check_finite(char const* where, index rows, index cols, Value const& value) {
  for (index r = 0; r < rows; ++r) {
    for (index c = 0; c < cols; ++c) {
      if (!is_finite(static_cast<float>(value(r, c)))) {
        fail_extents(where, "not finite is the element in row", r, "column", c,
                     "Look for an overflow in what made it.");
      }
    }
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace octavo
