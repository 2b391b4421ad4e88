// SPDX-License-Identifier: MIT
// What a layer of a model keeps of the tokens that it has seen, and how it attends to them.
#pragma once

#include "linear.hpp"

#include <octavo/octavo.hpp>

#include <functional>
#include <memory>

namespace example {

using octavo::heads_view;

/// The keys and values of one layer. A cache of your own derives from this.
class layer_cache {
 public:
  layer_cache() = default;
  layer_cache(layer_cache const&) = delete;
  layer_cache& operator=(layer_cache const&) = delete;
  virtual ~layer_cache() = default;

  /// Appends the keys and values of tokens, the first of which stands at `position`, and writes what their queries, the
  /// last ones of the sequence, then see. Queries and keys come as layers made them: whoever wants them turned turns
  /// them in place.
  virtual void attend(heads_view<float> q, heads_view<float> k, heads_view<float const> v, heads_view<float> out,
                      index position, octavo::rope_table const& turns, machine& m) = 0;
  /// Only the first n tokens stay.
  virtual void truncate(index n) = 0;
  /// Bytes of keys and values, for each token.
  [[nodiscard]] virtual double token_bytes() const = 0;
};

/// Makes the cache of a layer; `context` positions at most.
using layer_caches =
    std::function<std::unique_ptr<layer_cache>(octavo::cache_shape const& shape, index layer, index layers)>;

/// A layer that keeps its tokens in a kv_cache; how it attends is left open.
template <class K, class V>
class kept_pages : public layer_cache {
 public:
  explicit kept_pages(octavo::cache_shape const& shape) : cache_(shape) {}
  kept_pages(octavo::cache_shape const& shape, octavo::cache_codebooks<K, V> const& books) : cache_(shape, books) {}

  void truncate(index n) override { cache_.truncate(n); }
  [[nodiscard]] double token_bytes() const override {
    return static_cast<double>(cache_.block_bytes()) / static_cast<double>(cache_.shape().block);
  }

 protected:
  octavo::kv_cache<K, V> cache_;
};

/// Keys and values by schemes, whose codes then multiply queries and probabilities of 8 bits; or as elements, and
/// attention is by f32.
template <class K, class V>
class page_cache final : public kept_pages<K, V> {
 public:
  using kept_pages<K, V>::kept_pages;

  void attend(heads_view<float> q, heads_view<float> k, heads_view<float const> v, heads_view<float> out,
              index position, octavo::rope_table const& turns, machine& m) override {
    auto& cache = this->cache_;
    octavo::rope(q, position, turns, m.context());
    octavo::rope(k, position, turns, m.context());
    octavo::append(cache, k, v, m.context());
    if constexpr (octavo::element<K> || octavo::element<V>) {
      octavo::attention(q, cache.keys(), cache.values(), out, octavo::causal{}, m.context());
    } else {
      octavo::attention<octavo::schemes::q8, octavo::schemes::p8>(q, cache.keys(), cache.values(), out,
                                                                  octavo::causal{}, m.context());
    }
  }
};

/// Every layer has a kv_cache<K, V>.
template <class K, class V = K>
layer_caches pages() {
  return [](octavo::cache_shape const& shape, index, index) { return std::make_unique<page_cache<K, V>>(shape); };
}

}  // namespace example
