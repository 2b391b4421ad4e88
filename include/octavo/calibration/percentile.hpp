// SPDX-License-Identifier: MIT
// The percentile fit: a range that leaves out the outermost values.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "octavo/calibration/range.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// The quantile Q(p) of the values, between neighbours in their order by linear interpolation: h = p (n - 1),
/// v[floor h] + (h - floor h) (v[floor h + 1] - v[floor h]), in double. Reorders the values. Pre, checked: 0 <= p <= 1.
[[nodiscard]] inline double quantile(std::span<float> xs, double p) {
  detail::check_values("quantile", xs);
  if (!(p >= 0 && p <= 1)) { detail::fail("quantile: p must lie between 0 and 1, such as 0.999."); }
  double const h = p * static_cast<double>(xs.size() - 1);
  auto const below = xs.begin() + static_cast<std::ptrdiff_t>(h);
  std::nth_element(xs.begin(), below, xs.end());
  double const v = *below;
  if (below + 1 == xs.end()) { return v; }
  return v + (h - std::floor(h)) * (double{*std::min_element(below + 1, xs.end())} - v);
}

/// The range [Q(1 - p), Q(p)] of the values; for symmetric quantizers Q(p) of |x| to both sides. Usual are .99 to
/// .99999.
/// *Errors*: no values, NaN, infinity, p outside [1/2, 1]. *Scratch*: a copy of the values.
struct percentile {
  double p = 0.999;

  template <quantizer Q>
  [[nodiscard]] typename Q::params fit(std::span<float const> xs) const {
    if (!(p >= 0.5 && p <= 1)) {
      detail::fail("percentile: p must lie between 0.5 and 1, such as 0.999, the share of values kept on a side.");
    }
    std::vector<float> copy(xs.begin(), xs.end());
    if constexpr (two_sided<Q>) {
      auto const low = static_cast<float>(quantile(copy, 1 - p));
      return params_of<Q>({low, static_cast<float>(quantile(copy, p))});
    } else {
      for (float& x : copy) { x = std::fabs(x); }
      auto const high = static_cast<float>(quantile(copy, p));
      return params_of<Q>({-high, high});
    }
  }
};

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
