// SPDX-License-Identifier: MIT
// import_tokens(cache, keys, values): a ready-made prefix from a cache of other schemes, or from a pool of blocks.
#pragma once

#include "octavo/core/buffer.hpp"
#include "octavo/kernel/token_floats.hpp"
#include "octavo/ops/append.hpp"

namespace octavo {
inline namespace v0 {

namespace detail {

/// read(first, n, to): tokens first ... first + n - 1 as floats, channel c of head h of token first + t at
/// to[(t * heads + h) * head_dim + c]. Pre: first is a multiple of 64, n at most that. Of anything: row by row if it
/// has rows, or number by number.
template <class A, class From>
class token_reader {
 public:
  explicit token_reader(From const& from) noexcept : from_(from) {}
  void read(index first, index n, float* to) const noexcept {
    for (index t = 0; t < n; ++t) {
      for (index h = 0; h < from_.heads(); ++h) {
        if constexpr (requires { from_.row(h, t, to); }) {
          from_.row(h, first + t, to);
        } else {
          for (index c = 0; c < from_.head_dim(); ++c) { to[c] = from_(h, first + t, c); }
        }
        to += from_.head_dim();
      }
    }
  }

 private:
  From const& from_;
};
/// Of a cache: page by page, by vectors.
template <class A, class S, class Layout, bool Values>
class token_reader<A, cache_side<S, Layout, Values>> {
 public:
  explicit token_reader(cache_side<S, Layout, Values> const& from)
      : from_(from), pages_(from), room_(product(pages_.room(from.head_dim()), sizeof(float))) {}
  void read(index first, index n, float* to) noexcept {
    index const d = from_.head_dim();
    for (index h = 0; h < from_.heads(); ++h) {
      pages_.page(h, first / page_tokens, n, reinterpret_cast<float*>(room_.data()), to + h * d, from_.heads() * d);
    }
  }

 private:
  cache_side<S, Layout, Values> const& from_;
  kernel::token_floats<A, S, Layout, Values> pages_;
  aligned_buffer room_;
};

}  // namespace detail

/// Appends the tokens of anything that has head_dim(), heads(), tokens() and (head, token, channel): keys() and
/// values() of a kv_cache, block_table_keys and block_table_values. Each token is quantized from the float that it
/// stands for there; so keys of the same positions and of a format that holds them exactly come in without a loss. All
/// tokens or, when shapes do not fit, none. What has row(head, token, to) besides, which writes the channels of a
/// token, is read by rows; a cache by vectors. *Scratch*: 64 tokens as floats, and of a cache a page of a head, on the
/// heap.
///
///     import_tokens(k4_cache, bf16_cache.keys(), bf16_cache.values());
template <class K, class V, class Memory, class Keys, class Values, class... Context, class Default = default_arch>
void import_tokens(kv_cache<K, V, Memory>& cache, Keys const& keys, Values const& values, Context const&... context) {
  if (keys.heads() != values.heads() || keys.tokens() != values.tokens()) {
    detail::fail_extents("import_tokens", "keys have tokens", keys.tokens(), "values", values.tokens(),
                         "Tokens and heads must be equal.");
  }
  static_assert((detail::is_context<Context> && ...) && sizeof...(Context) <= 1,
                "Octavo: import_tokens takes a cache, keys, values, and at most one context: on<arch>().");
  using arch = typename decltype(detail::context_of<Default>(context...))::arch;
  if constexpr (detail::check_arch<arch>()) {
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
    detail::token_reader<arch, Keys> read_keys(keys);
    detail::token_reader<arch, Values> read_values(values);
    for (index first = 0; first < all; first += page_tokens) {
      index const n = smaller(page_tokens, all - first);
      read_keys.read(first, n, k);
      read_values.read(first, n, v);
      append(cache, heads_view<float const>(k, d, heads, n, d, heads * d),
             heads_view<float const>(v, e, heads, n, e, heads * e), context...);
    }
  }
}

}  // namespace v0
}  // namespace octavo
