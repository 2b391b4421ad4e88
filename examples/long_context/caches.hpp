// SPDX-License-Identifier: MIT
// Caches that long_context compares, beside those of generate: keys by channel, a window with sinks, RazorAttention.
#pragma once

#include "../generate/caches.hpp"

#include <octavo/calibration/cache_codebook.hpp>
#include <octavo/calibration/retrieval_heads.hpp>

#include <memory>
#include <vector>

namespace example {

/// For each layer a bool for each kv head: whether it keeps all its tokens.
using head_kinds = std::vector<std::shared_ptr<bool[]>>;

/// KVQuant with 2 bits: codebooks of each layer, known when the program runs.
using nuq_keys_2 = octavo::scheme<octavo::affine_codebook<octavo::codebook<2>, octavo::scale_as<octavo::f16>>,
                                  octavo::per_channel_group<32>>;
using nuq_values_2 = octavo::scheme<octavo::affine_codebook<octavo::codebook<2>, octavo::scale_as<octavo::f16>>,
                                    octavo::per_token_group<32>>;
using layer_books = octavo::cache_codebooks<nuq_keys_2, nuq_values_2>;

/// Caches of a context of so many tokens. Compiled by itself, in caches.cpp, where a new one is a line.
std::vector<named_caches> long_caches(index context, head_kinds const& kinds, std::vector<layer_books> const& books);

/// No cache to run with: scores each kv head on tokens that repeat, which come in one call.
class scoring_cache final : public layer_cache {
 public:
  scoring_cache(index period, std::vector<octavo::calibration::repeat_score>& scores)
      : period_(period), scores_(scores) {}

  void attend(heads_view<float> q, heads_view<float> k, heads_view<float const> v, heads_view<float> out,
              index position, octavo::rope_table const& turns, machine& m) override {
    octavo::rope(q, position, turns, m.context());
    octavo::rope(k, position, turns, m.context());
    octavo::attention(q, k, v, out, octavo::causal{}, m.context());
    auto const layer = octavo::calibration::score_layer(q.read(), k.read(), period_, 0);
    scores_.insert(scores_.end(), layer.begin(), layer.end());
  }
  void truncate(index) override {}
  [[nodiscard]] double token_bytes() const override { return 0; }

 private:
  index period_;
  std::vector<octavo::calibration::repeat_score>& scores_;
};

/// No cache to run with: finds the codebooks of a layer, of tokens that come in one call.
class codebook_cache final : public layer_cache {
 public:
  codebook_cache(index kv_heads, std::vector<layer_books>& books) : kv_heads_(kv_heads), books_(books) {}

  void attend(heads_view<float> q, heads_view<float> k, heads_view<float const> v, heads_view<float> out,
              index position, octavo::rope_table const& turns, machine& m) override {
    octavo::calibration::cache_codebook<nuq_keys_2> keys({.kv_heads = kv_heads_, .q_norm = true});
    octavo::calibration::cache_codebook<nuq_values_2> values({.kv_heads = kv_heads_});
    keys.add(k);
    values.add(v);
    books_.push_back({keys.finish(), values.finish()});
    octavo::rope(q, position, turns, m.context());
    octavo::rope(k, position, turns, m.context());
    octavo::attention(q, k, v, out, octavo::causal{}, m.context());
  }
  void truncate(index) override {}
  [[nodiscard]] double token_bytes() const override { return 0; }

 private:
  index kv_heads_;
  std::vector<layer_books>& books_;
};

}  // namespace example
