// SPDX-License-Identifier: MIT
// Which of several candidates for parameters a quantizer errs least with.
#pragma once

#include "octavo/core/round.hpp"
#include "octavo/quant/concept.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

/// Of candidates 0 ... n - 1, the first with the least error(i). Stops when `patience` of them in turn did not improve;
/// 0 means never. Candidate 0 stands when no error is a number.
template <class Error>
[[nodiscard, gnu::always_inline]] constexpr int least_error(int n, int patience, Error const& error) {
  int best = 0;
  double least = __builtin_inf();
  for (int i = 0; i < n && (patience == 0 || i - best <= patience); ++i) {
    double const e = error(i);
    if (e < least) {
      least = e;
      best = i;
    }
  }
  return best;
}

/// The same by the sum of (decode(encode(x)) - x)^2 with the parameters candidate(i) of Q. Squares are of doubles and
/// summed in order.
template <quantizer Q, class Candidate>
[[nodiscard, gnu::always_inline]] constexpr int least_squared_error(float const* first, float const* last, int n,
                                                                    Candidate const& candidate) {
  return least_error(
      n, 0, [&](int i) __attribute__((always_inline)) {
        typename Q::params const p = candidate(i);
        double sum = 0;
        for (float const* x = first; x != last; ++x) {
          auto const error = static_cast<double>(Q::decode(Q::encode(*x, p), p)) - static_cast<double>(*x);
          sum += opaque(error * error);
        }
        return sum;
      });
}

}  // namespace detail
}  // namespace v0
}  // namespace octavo
