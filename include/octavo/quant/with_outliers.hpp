// SPDX-License-Identifier: MIT
// with_outliers<Scheme, N>: a scheme of a cache beside which N numbers of each token and head are kept whole.
#pragma once

#include "octavo/core/index.hpp"
#include "octavo/core/round.hpp"
#include "octavo/quant/concept.hpp"
#include "octavo/quant/scale.hpp"

namespace octavo {
inline namespace v0 {

/// Keys or values of a cache by S, but for the N channels of each token and head that stand out most: those take no
/// part in what S finds its parameters by, and what S then leaves of them is stored beside, as f16. Of 128 channels,
/// N = 1 are 0.8 per cent, for 32 / 128 bits a channel.
///
///     using k4_outliers = with_outliers<schemes::k4, 1>;
///     kv_cache<k4_outliers, with_outliers<schemes::v4, 1>> cache(shape);
///
/// Source: KVQuant (Hooper et al. 2024), section 3.3, per-vector dense-and-sparse quantization: there by thresholds.
template <class S, int N>
struct with_outliers : S {
  static_assert(detail::is_scheme<S>,
                "Octavo: with_outliers<S, N> needs a scheme<quantizer, granularity>. first_in_float goes around it: "
                "first_in_float<with_outliers<S, N>, M>.");
  static_assert(N >= 1 && N <= 16, "Octavo: with_outliers<S, N> keeps 1 to 16 numbers of each token and head.");
  using dense = S;
  static constexpr index outliers = N;
};

namespace detail {

/// From where numbers stand out: their mean, summed in ascending order, or 0 of a quantizer without zero points and
/// minima.
template <class Q>
[[nodiscard, gnu::always_inline]] inline float outlier_centre(float const* x, index n, index stride) noexcept {
  if constexpr (has_zero_point<Q> || has_minimum<Q>) {
    float sum = 0;
    for (index i = 0; i < n; ++i) { sum += x[i * stride]; }
    return n == 0 ? 0.0f : opaque(sum / static_cast<float>(n));
  }
  return 0;
}

template <class S>
inline constexpr bool has_outliers = false;
template <class S, int N>
inline constexpr bool has_outliers<with_outliers<S, N>> = true;

}  // namespace detail
}  // namespace v0
}  // namespace octavo
