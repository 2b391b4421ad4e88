// SPDX-License-Identifier: MIT
// Which elements share parameters: granularities of a stored matrix, of an operand that arrives as float, of a cache.
#pragma once

#include "octavo/core/index.hpp"

namespace octavo {
inline namespace v0 {

struct per_tensor {};  ///< all elements (of a stored matrix; of all tokens of an activation)
struct per_row {};     ///< a row of a stored matrix: one output feature
struct per_column {};  ///< a column of a stored matrix: one input feature; folded into the activations
struct per_token {};   ///< one token of an operand that arrives as float; of a cache: one token of a head

/// G neighbours in a row of a stored matrix; the last group of a row may be short.
template <int G>
struct per_group {
  static_assert(G >= 1 && G <= 32768, "Octavo: a group has 1 to 32768 elements.");
  static constexpr index size = G;
};

/// Of scales that are quantized themselves (quant/two_level.hpp): those of G neighbouring groups in R neighbouring rows
/// share what they are quantized with.
template <int R, int G>
struct per_tile {
  static_assert(R == 16 || R == 32 || R == 64, "Octavo: a tile of scales has 16, 32 or 64 rows.");
  static_assert(G >= 1 && G <= 32768, "Octavo: a tile of scales has 1 to 32768 groups of a row.");
  static constexpr index rows = R;
  static constexpr index size = G;
};

/// G neighbouring channels of one token of a cache; the last group of a head may be short.
template <int G>
struct per_token_group {
  static_assert(G >= 1 && G <= 32768, "Octavo: a group has 1 to 32768 channels.");
  static constexpr index size = G;
};
/// G neighbouring tokens of one channel of a cache (KIVI's keys). Groups close R tokens at a time: up to R - 1 of the
/// newest tokens are floats still.
template <int G, int R = G>
struct per_channel_group {
  static_assert(G >= 1 && G <= 32768, "Octavo: a group has 1 to 32768 tokens.");
  static_assert(R >= G && R <= 32768 && R % G == 0,
                "Octavo: per_channel_group<G, R> closes groups of G tokens when there are R, a multiple of G.");
  static constexpr index size = G;
  static constexpr index residual = R;
};

namespace detail {

template <class T>
inline constexpr bool is_per_group = false;
template <int G>
inline constexpr bool is_per_group<per_group<G>> = true;

template <class T>
inline constexpr bool is_per_tile = false;
template <int R, int G>
inline constexpr bool is_per_tile<per_tile<R, G>> = true;

template <class G>
inline constexpr bool is_per_column = false;
template <>
inline constexpr bool is_per_column<per_column> = true;
template <class G>
inline constexpr bool is_per_token = false;
template <>
inline constexpr bool is_per_token<per_token> = true;
template <class G>
inline constexpr bool is_per_token_group = false;
template <int G>
inline constexpr bool is_per_token_group<per_token_group<G>> = true;
template <class G>
inline constexpr bool is_per_channel_group = false;
template <int G, int R>
inline constexpr bool is_per_channel_group<per_channel_group<G, R>> = true;
template <class G>
inline constexpr bool is_per_tensor = false;
template <>
inline constexpr bool is_per_tensor<per_tensor> = true;

}  // namespace detail
}  // namespace v0
}  // namespace octavo
