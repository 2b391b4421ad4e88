// SPDX-License-Identifier: MIT
// Caches of pseudo-random keys and values.
#pragma once

#include "octavo/storage/kv_cache.hpp"

#include "support/random.hpp"

namespace test {

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

}  // namespace test
