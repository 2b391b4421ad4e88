// SPDX-License-Identifier: MIT
// import_tokens(cache, keys, values): a ready-made prefix from a cache of other schemes, or from a pool of blocks.
#pragma once

#include "octavo/core/buffer.hpp"
#include "octavo/ops/append.hpp"

namespace octavo {
inline namespace v0 {

/// Appends the tokens of anything that has head_dim(), heads(), tokens() and (head, token, channel): keys() and values() of a
/// kv_cache, block_table_keys and block_table_values. Each token is quantized from the float that it stands for there; so
/// keys of the same positions and of a format that holds them exactly come in without a loss. All tokens or, when shapes do
/// not fit, none.
///
///     import_tokens(k4_cache, bf16_cache.keys(), bf16_cache.values());
template <class K, class V, class Memory, class Keys, class Values, class... Context, class Default = default_arch>
void import_tokens(kv_cache<K, V, Memory>& cache, Keys const& keys, Values const& values, Context const&... context) {
  if (keys.heads() != values.heads() || keys.tokens() != values.tokens()) {
    detail::fail_extents("import_tokens", "keys have tokens", keys.tokens(), "values", values.tokens(),
                         "Tokens and heads must be equal.");
  }
  index const heads = keys.heads();
  index const d = keys.head_dim();
  index const e = values.head_dim();
  index const all = keys.tokens();
  if (all > cache.shape().capacity - cache.tokens()) {
    detail::fail_extents("import_tokens", "there is room for tokens", cache.shape().capacity - cache.tokens(),
                         "given are", all, "Truncate, or make a cache of more capacity.");
  }
  aligned_buffer room(product(page_tokens, heads, d + e, sizeof(float)));
  auto* const k = reinterpret_cast<float*>(room.data());
  float* const v = k + page_tokens * heads * d;
  for (index first = 0; first < all; first += page_tokens) {
    index const n = smaller(page_tokens, all - first);
    for (index t = 0; t < n; ++t) {
      for (index h = 0; h < heads; ++h) {
        for (index c = 0; c < d; ++c) { k[(t * heads + h) * d + c] = keys(h, first + t, c); }
        for (index c = 0; c < e; ++c) { v[(t * heads + h) * e + c] = values(h, first + t, c); }
      }
    }
    append(cache, heads_view<float const>(k, d, heads, n, d, heads * d),
           heads_view<float const>(v, e, heads, n, e, heads * e), context...);
  }
}

}  // namespace v0
}  // namespace octavo
