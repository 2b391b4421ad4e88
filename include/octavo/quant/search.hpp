// SPDX-License-Identifier: MIT
// least_squared_error: which of several candidates for parameters a quantizer errs least with.
#pragma once

#include "octavo/core/round.hpp"
#include "octavo/quant/concept.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

/// The i of 0 ... n - 1 for which Q with the parameters candidate(i) has the least sum of (decode(encode(x)) - x)^2, of several
/// the first. Squares are of doubles and summed in order. With NaN in every sum: 0.
template <quantizer Q, class Candidate>
[[nodiscard, gnu::always_inline]] constexpr int least_squared_error(float const* first, float const* last, int n,
                                                                    Candidate const& candidate) {
  int best = 0;
  double least = __builtin_inf();
  for (int i = 0; i < n; ++i) {
    typename Q::params const p = candidate(i);
    double sum = 0;
    for (float const* x = first; x != last; ++x) {
      auto const error = static_cast<double>(Q::decode(Q::encode(*x, p), p)) - static_cast<double>(*x);
      sum += opaque(error * error);
    }
    if (sum < least) {
      least = sum;
      best = i;
    }
  }
  return best;
}

}  // namespace detail
}  // namespace v0
}  // namespace octavo
