// SPDX-License-Identifier: MIT
#include "caches.hpp"
#include "centres.hpp"

#include <octavo/ops/razor_cache.hpp>

#include <algorithm>
#include <optional>

namespace example {

namespace {

using octavo::f16;

/// Some tokens of a view.
template <class T>
heads_view<T> part(heads_view<T> const& x, index first, index n) {
  return {x.at(0, first), x.head_dim(), x.heads(), n, x.head_stride(), x.token_stride()};
}

/// StreamingLLM: the first tokens and the last ones, at the positions where they stand in the cache.
template <class K, class V>
class window_cache final : public layer_cache {
 public:
  window_cache(octavo::cache_shape shape, octavo::streaming_window const& window) : window_(window), cache_(shape) {}

  void attend(heads_view<float> q, heads_view<float> k, heads_view<float const> v, heads_view<float> out, index,
              octavo::rope_table const& turns, machine& m) override {
    for (index first = 0; first < q.tokens();) {
      (void)octavo::make_room(cache_, window_, turns, m.context());
      index const n = std::min(window_.room(cache_), q.tokens() - first);
      auto const queries = part(q, first, n);
      auto const keys = part(k, first, n);
      octavo::rope(queries, cache_.tokens(), turns, m.context());
      octavo::rope(keys, cache_.tokens(), turns, m.context());
      octavo::append(cache_, keys, part(v, first, n), m.context());
      octavo::attention(queries, cache_.keys(), cache_.values(), part(out, first, n), octavo::causal{}, m.context());
      first += n;
      seen_ += n;
    }
  }
  /// Pre: n is 0, since what has left does not come back.
  void truncate(index) override {
    cache_.truncate(0);
    seen_ = 0;
  }
  [[nodiscard]] double token_bytes() const override {
    return static_cast<double>(cache_.bytes()) / static_cast<double>(std::max<index>(seen_, 1));
  }

 private:
  octavo::streaming_window window_;
  octavo::kv_cache<K, V> cache_;
  index seen_ = 0;
};

/// KVQuant: keys are kept as they are before rotation, and turned when they are read.
template <class K, class V>
class unturned_cache final : public kept_pages<K, V> {
 public:
  using kept_pages<K, V>::kept_pages;

  void attend(heads_view<float> q, heads_view<float> k, heads_view<float const> v, heads_view<float> out,
              index position, octavo::rope_table const& turns, machine& m) override {
    auto& cache = this->cache_;
    octavo::rope(q, position, turns, m.context());
    octavo::append(cache, k, v, m.context());
    octavo::attention(q, cache.keys(), cache.values(), out, octavo::causal{}, octavo::key_rope{turns}, m.context());
  }
};

template <class Centres>
using nuq_keys = octavo::scheme<octavo::affine_codebook<octavo::codebook_format<Centres>, octavo::scale_as<f16>>,
                                octavo::per_channel_group<32>>;

template <class K, class V>
layer_caches unturned() {
  return [](octavo::cache_shape const& shape, index, index) { return std::make_unique<unturned_cache<K, V>>(shape); };
}

/// The same by codebooks that were found for each layer.
layer_caches calibrated(std::vector<layer_books> const& books) {
  return [books](octavo::cache_shape const& shape, index layer, index) {
    return std::make_unique<unturned_cache<nuq_keys_2, nuq_values_2>>(shape, books[static_cast<std::size_t>(layer)]);
  };
}

/// RazorAttention.
template <class K, class V>
class razor_layer final : public layer_cache {
 public:
  razor_layer(octavo::cache_shape const& shape, std::shared_ptr<bool[]> kinds, octavo::razor_window const& window)
      : shape_(shape), kinds_(std::move(kinds)), window_(window) {
    truncate(0);
  }

  void attend(heads_view<float> q, heads_view<float> k, heads_view<float const> v, heads_view<float> out,
              index position, octavo::rope_table const& turns, machine& m) override {
    octavo::rope(q, position, turns, m.context());
    octavo::rope(k, position, turns, m.context());
    cache_->append(k, v, m.context());
    if constexpr (octavo::element<K> || octavo::element<V>) {
      cache_->attend(q.read(), out, 0, m.context());
    } else {
      cache_->template attend<octavo::schemes::q8, octavo::schemes::p8>(q.read(), out, 0, m.context());
    }
    cache_->compress();
  }
  /// Pre: n is 0.
  void truncate(index) override { cache_.emplace(shape_, kinds_.get(), window_); }
  [[nodiscard]] double token_bytes() const override {
    return static_cast<double>(cache_->bytes()) / static_cast<double>(std::max<index>(cache_->tokens(), 1));
  }

 private:
  octavo::cache_shape shape_;
  std::shared_ptr<bool[]> kinds_;
  octavo::razor_window window_;
  std::optional<octavo::razor_cache<K, V>> cache_;
};

template <class K, class V>
layer_caches window(index context) {
  octavo::streaming_window const w{.sinks = 4, .window = context / 4 - 4, .step = context / 16};
  return [w](octavo::cache_shape shape, index, index) {
    shape.capacity = w.sinks + w.window;
    return std::make_unique<window_cache<K, V>>(shape, w);
  };
}

template <class K, class V>
layer_caches razor(index context, head_kinds const& kinds) {
  octavo::razor_window const w{.sinks = 4, .least = context / 8, .share = 5};
  return [w, kinds](octavo::cache_shape shape, index layer, index) {
    shape.block = 64;
    return std::make_unique<razor_layer<K, V>>(shape, kinds[static_cast<std::size_t>(layer)], w);
  };
}

}  // namespace

std::vector<named_caches> long_caches(index context, head_kinds const& kinds, std::vector<layer_books> const& books) {
  using namespace octavo::schemes;
  auto all = all_caches();
  std::vector<named_caches> const more = {
      {"k2", "KIVI: keys by channel, values INT2", pages<k2, v2>()},
      {"k2 + 1", "and the farthest number of each token and head",
       pages<octavo::with_outliers<k2, 1>, octavo::with_outliers<v2, 1>>()},
      {"k2 first", "the same, and the first four tokens f32",
       pages<octavo::first_in_float<octavo::with_outliers<k2, 1>, 4>,
             octavo::first_in_float<octavo::with_outliers<v2, 1>, 4>>()},
      {"nuq4", "KVQuant: keys before rotation, values INT4", unturned<nuq_keys<centres_4>, v4>()},
      {"nuq2", "the same, 2 bits", unturned<nuq_keys<centres_2>, v2>()},
      {"nuq2 + 1", "and the farthest number of each token and head",
       unturned<octavo::with_outliers<nuq_keys<centres_2>, 1>, octavo::with_outliers<v2, 1>>()},
      {"nuq2 first", "the same, and the first token f32",
       unturned<octavo::first_in_float<octavo::with_outliers<nuq_keys<centres_2>, 1>, 1>,
                octavo::first_in_float<octavo::with_outliers<v2, 1>, 1>>()},
      {"nuq2 cal", "codebooks of each layer, of values too", calibrated(books)},
      {"window", "f16, 4 sinks + a quarter of the context", window<f16, f16>(context)},
      {"razor", "f16, 15 % retrieval heads", razor<f16, f16>(context, kinds)},
      {"razor k4", "the same, INT4 group 64", razor<k4, v4>(context, kinds)},
  };
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace example
