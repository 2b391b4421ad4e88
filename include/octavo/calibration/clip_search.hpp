// SPDX-License-Identifier: MIT
// The clip search ("MSE" observers): of a grid of shrunken ranges the one whose codes lie nearest to the values.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "octavo/calibration/range.hpp"
#include "octavo/quant/search.hpp"

namespace octavo {
inline namespace v0 {

namespace detail {

/// What a value becomes when it is coded and decoded.
template <quantizer Q>
[[nodiscard]] float round_trip(float x, typename Q::params const& p) {
  return Q::decode(Q::encode(x, p), p);
}

}  // namespace detail

namespace calibration {

/// Ranges rho_i (low, high), rho_i = 1 - i / grid, for i = 0 ... candidates - 1; the least sum of
/// |decoded - x|^exponent wins, the wider range in a tie. Any quantizer, linear or not, whose params follow from the
/// extremes of a group.
///
/// The defaults are GPTQ's and llm-compressor's older ones; `omse` and `patient` are presets. Sums are in double, in
/// the order of the values, squares by fma. The error is no convex function of rho, so that the whole grid is tried.
/// *Errors*: no values, NaN, infinity, a grid that reaches 0.
struct clip_search {
  int candidates = 80;
  int grid = 100;
  double exponent = 2.4;
  int patience = 0;  ///< candidates without improvement after which the search ends; 0: never

  template <quantizer Q>
  [[nodiscard]] typename Q::params fit(std::span<float const> xs) const {
    return params_of<Q>(best<Q>(xs));
  }

  /// The range that wins.
  template <quantizer Q>
  [[nodiscard]] range best(std::span<float const> xs) const {
    if (candidates < 1 || candidates > grid) {
      detail::fail_extents("clip_search", "candidates are", candidates, "the grid has", grid,
                           "Try at least one, and no more than the grid has.");
    }
    range const whole = range_of(xs);
    return shrunk(whole, detail::least_error(candidates, patience,
                                             [&](int i) { return error<Q>(xs, params_of<Q>(shrunk(whole, i))); }));
  }

  /// The sum that is minimized.
  template <quantizer Q>
  [[nodiscard]] double error(std::span<float const> xs, typename Q::params const& p) const {
    double sum = 0;
    for (float const x : xs) {
      double const e = std::fabs(double{detail::round_trip<Q>(x, p)} - double{x});
      sum = exponent == 2 ? std::fma(e, e, sum) : sum + std::pow(e, exponent);
    }
    return sum;
  }

 private:
  [[nodiscard]] range shrunk(range r, int i) const {
    double const rho = 1 - static_cast<double>(i) / grid;
    return {static_cast<float>(rho * double{r.low}), static_cast<float>(rho * double{r.high})};
  }
};

/// FQ-ViT's OMSE: least squares, 90 steps of 1 %.
inline constexpr clip_search omse{90, 100, 2.0, 0};
/// llm-compressor's newer MSE observer: down to 80 %, ends after five that do not improve.
inline constexpr clip_search patient{20, 100, 2.4, 5};

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
