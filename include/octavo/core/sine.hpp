// SPDX-License-Identifier: MIT
// Sine and cosine in double precision: constexpr, the same bits on every instruction set and library.
#pragma once

#include <cstdint>

#include "octavo/core/round.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

struct sine_cosine {
  double sine;
  double cosine;
};

/// sin x and cos x, absolute error 4e-16 + 2e-23 |x|. Pre: |x| < 2^30.
[[nodiscard, gnu::always_inline]] constexpr sine_cosine sine_cosine_of(double x) noexcept {
  // r = x - quarters pi / 2, |r| < 0.786. Of the three parts of pi / 2 the first two have 23 bits: their products are
  // exact.
  constexpr double magic = 0x1.8p52;
  double const quarters = opaque(opaque(x * 0.6366197723675814) + magic) - magic;
  double const r = ((x - quarters * 0x1.921fb40000000p+0) - quarters * 0x1.4442d00000000p-24) -
                   opaque(quarters * 0x1.8469898cc5170p-48);
  // Taylor's series, whose next terms are below 2^-60.
  double const square = r * r;
  double sine = 0;
  double cosine = 0;
  for (int k = 19; k >= 3; k -= 2) { sine = opaque((sine + 1.0) * square / (-k * (k - 1))); }
  for (int k = 18; k >= 2; k -= 2) { cosine = opaque((cosine + 1.0) * square / (-k * (k - 1))); }
  sine = opaque((sine + 1.0) * r);
  cosine = cosine + 1.0;
  switch (static_cast<std::int64_t>(quarters) & 3) {
    case 0:
      return {sine, cosine};
    case 1:
      return {cosine, -sine};
    case 2:
      return {-sine, -cosine};
    default:
      return {-cosine, sine};
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace octavo
