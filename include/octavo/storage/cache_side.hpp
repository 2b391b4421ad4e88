// SPDX-License-Identifier: MIT
// cache_keys<K>, cache_values<V>: a side of a cache as operations read it, and where its pages are.
#pragma once

#include <cstddef>

#include "octavo/core/index.hpp"
#include "octavo/storage/cache_layout.hpp"
#include "octavo/storage/channel_layout.hpp"
#include "octavo/storage/first_layout.hpp"
#include "octavo/storage/outlier_layout.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

/// Where pages are: blocks of [head][pages of keys][pages of values].
struct cache_places {
  std::byte* const* table;
  index block_pages;
  index key_bytes;  ///< of a page
  index value_bytes;
  float const* open = nullptr;        ///< keys whose groups are open: [head][token % residual][channel]
  float const* first_keys = nullptr;  ///< of first_in_float: [head][token][channel]
  float const* first_values = nullptr;
  index key_codes = 0;  ///< bytes of a page before its parameters, where these stand together
  index value_codes = 0;

  [[nodiscard, gnu::always_inline]] index head_bytes() const noexcept { return key_bytes + value_bytes; }
  /// Keys of tokens 64 p to 64 p + 63 of a head, and values.
  [[nodiscard, gnu::always_inline]] std::byte* keys(index head, index p) const noexcept {
    return table[p / block_pages] + head * block_pages * head_bytes() + p % block_pages * key_bytes;
  }
  [[nodiscard, gnu::always_inline]] std::byte* values(index head, index p) const noexcept {
    return table[p / block_pages] + (head * head_bytes() + key_bytes) * block_pages + p % block_pages * value_bytes;
  }
  /// Where n pages of a head are, from page p.
  [[gnu::always_inline]] void keys(index head, index p, index n, std::byte const** at) const noexcept {
    run(p, n, head * block_pages * head_bytes(), key_bytes, at);
  }
  [[gnu::always_inline]] void values(index head, index p, index n, std::byte const** at) const noexcept {
    run(p, n, (head * head_bytes() + key_bytes) * block_pages, value_bytes, at);
  }

 private:
  [[gnu::always_inline]] void run(index p, index n, index in_block, index bytes,
                                  std::byte const** at) const noexcept {
    index b = p / block_pages;  // one division
    index in = p - b * block_pages;
    for (index i = 0; i < n; ++i) {
      at[i] = table[b] + in_block + in * bytes;
      if (++in == block_pages) {
        in = 0;
        ++b;
      }
    }
  }
};

/// The keys or the values of a cache, all heads, as operations take them. Valid until the cache changes.
template <class S, class Layout, bool Values>
class cache_side {
 public:
  using stored_scheme = S;
  using layout_type = Layout;
  static constexpr index residual = residual_of<Layout>;
  static constexpr index first = first_of<S>;

  [[gnu::always_inline]] cache_side(cache_places const& places, Layout const& layout, index heads,
                                    index tokens) noexcept
      : places_(places), layout_(layout), heads_(heads), tokens_(tokens) {}

  [[nodiscard, gnu::always_inline]] index head_dim() const noexcept { return layout_.head_dim; }
  [[nodiscard, gnu::always_inline]] index heads() const noexcept { return heads_; }
  [[nodiscard, gnu::always_inline]] index tokens() const noexcept { return tokens_; }
  [[nodiscard, gnu::always_inline]] Layout const& layout() const noexcept { return layout_; }
  [[nodiscard, gnu::always_inline]] cache_side const& read() const noexcept { return *this; }
  /// Of keys and of values.
  [[nodiscard, gnu::always_inline]] cache_places const& places() const noexcept { return places_; }
  /// Tokens 64 p to 64 p + 63 of a head.
  [[nodiscard, gnu::always_inline]] std::byte const* page(index head, index p) const noexcept {
    return Values ? places_.values(head, p) : places_.keys(head, p);
  }
  /// Tokens that are codes (or elements) in pages; those behind them are open: floats.
  [[nodiscard, gnu::always_inline]] index closed() const noexcept { return tokens_ - tokens_ % residual; }
  [[nodiscard, gnu::always_inline]] float const* open(index head, index token) const noexcept {
    return places_.open + (head * residual + token % residual) * layout_.head_dim;
  }
  /// The tokens that are floats however many come: firsts() of them, from the first.
  [[nodiscard, gnu::always_inline]] index firsts() const noexcept { return smaller(first, tokens_); }
  [[nodiscard, gnu::always_inline]] float const* first_token(index head, index token) const noexcept {
    return (Values ? places_.first_values : places_.first_keys) + (head * first + token) * layout_.head_dim;
  }
  /// What a channel stands for.
  [[nodiscard, gnu::always_inline]] float operator()(index head, index token, index channel) const noexcept {
    if constexpr (first > 0) {
      if (token < firsts()) { return first_token(head, token)[channel]; }
    }
    if constexpr (residual > 1) {
      if (token >= closed() && token < tokens_) { return open(head, token)[channel]; }
    }
    return layout_.value(page(head, token / page_tokens), token % page_tokens, channel);
  }

 private:
  cache_places places_;
  Layout layout_;
  index heads_;
  index tokens_;
};

}  // namespace detail

template <class K>
using cache_keys = detail::cache_side<K, key_layout<K>, false>;
template <class V>
using cache_values = detail::cache_side<V, value_layout<V>, true>;

/// Operands of attention that know their heads.
template <class S, class Layout, bool Values>
[[nodiscard, gnu::always_inline]] inline detail::cache_side<S, Layout, Values> as_heads(
    detail::cache_side<S, Layout, Values> const& side, index) noexcept {
  return side;
}

}  // namespace v0
}  // namespace octavo
