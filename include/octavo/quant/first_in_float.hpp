// SPDX-License-Identifier: MIT
// first_in_float<Scheme, N>: a scheme of a cache whose first N tokens stay floats.
#pragma once

#include "octavo/core/index.hpp"
#include "octavo/quant/scale.hpp"
#include "octavo/quant/with_outliers.hpp"

namespace octavo {
inline namespace v0 {

/// Keys or values of a cache by S, but for the first N tokens of the sequence, which stay f32 beside its pages and take
/// no part in parameters of others. The first tokens take most of the attention of many heads, and their keys are
/// unlike the others, so that they lose more, and cost others more, when they are quantized. N floats a channel and
/// head, whatever the length.
///
///     using k2_first = first_in_float<schemes::k2, 4>;
///     kv_cache<k2_first, first_in_float<schemes::v2, 4>> cache(shape);
///
/// Source: KVQuant (Hooper et al. 2024), section 3.4, attention-sink-aware quantization: there the first token, in f16.
template <class S, int N>
struct first_in_float : S {
  static_assert(detail::is_scheme<S> || detail::has_outliers<S>,
                "Octavo: first_in_float<S, N> needs a scheme<quantizer, granularity>, or one with_outliers.");
  static_assert(N >= 1 && N <= 15, "Octavo: first_in_float<S, N> keeps 1 to 15 tokens.");
  using coded = S;
  static constexpr index first = N;
};

namespace detail {

/// How many tokens stay floats.
template <class S>
inline constexpr index first_of = 0;
template <class S, int N>
inline constexpr index first_of<first_in_float<S, N>> = N;

}  // namespace detail
}  // namespace v0
}  // namespace octavo
