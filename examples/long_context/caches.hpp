// SPDX-License-Identifier: MIT
// Caches that long_context compares, beside those of generate: keys by channel, a window with sinks, RazorAttention.
#pragma once

#include "../generate/caches.hpp"

#include <octavo/calibration/retrieval_heads.hpp>

#include <memory>
#include <vector>

namespace example {

/// For each layer a bool for each kv head: whether it keeps all its tokens.
using head_kinds = std::vector<std::shared_ptr<bool[]>>;

/// Caches of a context of so many tokens. Compiled by itself, in caches.cpp, where a new one is a line.
std::vector<named_caches> long_caches(index context, head_kinds const& kinds);

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

}  // namespace example
