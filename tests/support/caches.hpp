// SPDX-License-Identifier: MIT
// Caches of pseudo-random keys and values, and what caches hold.
#pragma once

#include "octavo/storage/kv_cache.hpp"

#include "support/bits.hpp"
#include "support/random.hpp"

#include <cstdint>
#include <vector>

namespace test {

/// `all` tokens of two heads, [head][token][channel].
struct head_tokens {
  octavo::index all;
  octavo::index d;
  std::vector<float> x = values(2 * all * d, 3);

  /// n tokens from `first`.
  [[nodiscard]] octavo::heads_view<float const> view(octavo::index first, octavo::index n) const {
    return {x.data() + first * d, d, 2, n, all * d, d};
  }
  [[nodiscard]] float const* at(octavo::index h, octavo::index t) const { return x.data() + (h * all + t) * d; }
  /// As keys, and as values.
  template <class Cache>
  void append_to(Cache& cache, octavo::index first, octavo::index n) const {
    cache.append(view(first, n), view(first, n));
  }
};

/// Two kv heads, `tokens` tokens, keys of d channels and values of e, in blocks of a page.
template <class K, class V>
[[nodiscard]] octavo::kv_cache<K, V> cache_of(octavo::index tokens, octavo::index d, octavo::index e) {
  octavo::kv_cache<K, V> cache({.head_dim = d, .kv_heads = 2, .capacity = tokens, .value_head_dim = e, .block = 64});
  auto const k = values(2 * tokens * d, 1);
  auto const v = values(2 * tokens * e, 2);
  cache.append(octavo::heads_view<float const>(k.data(), d, 2, tokens, tokens * d, d),
               octavo::heads_view<float const>(v.data(), e, 2, tokens, tokens * e, e));
  return cache;
}

/// All numbers of a side of a cache, as bits: [head][token][channel].
template <class S, class Layout, bool Values>
[[nodiscard]] std::vector<std::uint32_t> contents(octavo::detail::cache_side<S, Layout, Values> const& side) {
  std::vector<std::uint32_t> bits;
  for (octavo::index h = 0; h < side.heads(); ++h) {
    for (octavo::index t = 0; t < side.tokens(); ++t) {
      for (octavo::index c = 0; c < side.head_dim(); ++c) { bits.push_back(bits_of(side(h, t, c))); }
    }
  }
  return bits;
}
/// Of both sides.
template <class K, class V, class Memory>
[[nodiscard]] std::vector<std::uint32_t> contents(octavo::kv_cache<K, V, Memory> const& cache) {
  auto bits = contents(cache.keys());
  auto const values = contents(cache.values());
  bits.insert(bits.end(), values.begin(), values.end());
  return bits;
}

}  // namespace test
