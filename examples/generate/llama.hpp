// SPDX-License-Identifier: MIT
// A Llama model of Octavo's operations: matmul for any scheme of weights and activations, norms, rotations, attention.
#pragma once

#include "checkpoint.hpp"
#include "layer_cache.hpp"
#include "linear.hpp"
#include "thread_pool.hpp"

#include <octavo/octavo.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

namespace example {

/// One sequence of tokens through a model. W and A: see linear. Table: the scheme of the embedding and the head.
template <class W, class A, class Table = W>
class llama {
 public:
  using linear_type = linear<W, A>;
  using table_type = linear<Table, A>;

  llama(checkpoint const& c, thread_pool& pool) : llama(c, c.context, pages<float>(), pool) {}
  /// `context` positions at most, whose keys and values `caches` keep.
  llama(checkpoint const& c, index context, layer_caches const& caches, thread_pool& pool)
      : llama(c, context, caches, pool, [](std::size_t) {}) {}
  /// `progress(layers done)` is called while matrices are packed.
  template <class Progress>
  llama(checkpoint const& c, index context, layer_caches const& caches, thread_pool& pool, Progress const& progress)
      : c_(c), machine_(pool), embedding_(std::span(&c.embedding, 1), pool), norm_(c.norm.floats()) {
    c_.context = context;
    if (c.head) { head_.emplace(std::span(&*c.head, 1), pool); }
    for (auto const& l : c.layers) {
      weights const qkv[] = {l.q, l.k, l.v};
      weights const gate_up[] = {l.gate, l.up};
      layers_.push_back({l.attention_norm.floats(), l.mlp_norm.floats(), linear_type(qkv, pool),
                         linear_type({&l.o, 1}, pool), linear_type(gate_up, pool), linear_type({&l.down, 1}, pool),
                         nullptr});
      progress(layers_.size());
    }
    keep(caches);
    auto const pairs = c.neighbours ? octavo::rope_pairs::neighbours : octavo::rope_pairs::halves;
    double const base = static_cast<double>(c.theta);
    if (c.angle_divisors.empty()) {
      turns_ = octavo::rope_table(c.head_dim, context, octavo::rope_plain{base}, pairs);
    } else {
      turns_ = octavo::rope_table(c.head_dim, context, octavo::rope_divided{base, c.angle_divisors.data()}, pairs);
    }
  }

  /// Forgets the sequence; from now on `caches` keep keys and values.
  void keep(layer_caches const& caches) {
    position_ = 0;
    octavo::cache_shape const shape{.head_dim = c_.head_dim, .kv_heads = c_.kv_heads, .capacity = c_.context};
    auto const count = static_cast<index>(layers_.size());
    for (index i = 0; i < count; ++i) { layers_[static_cast<std::size_t>(i)].cache = caches(shape, i, count); }
  }

  [[nodiscard]] index context() const noexcept { return c_.context; }
  [[nodiscard]] index vocab() const noexcept { return c_.vocab; }
  /// Tokens seen so far.
  [[nodiscard]] index position() const noexcept { return position_; }
  /// Bytes of all matrices.
  [[nodiscard]] index weight_bytes() const {
    index sum = embedding_.bytes() + (head_ ? head_->bytes() : 0);
    for (auto const& l : layers_) { sum += l.qkv.bytes() + l.o.bytes() + l.gate_up.bytes() + l.down.bytes(); }
    return sum;
  }
  [[nodiscard]] index weight_count() const {
    index sum = embedding_.count() + (head_ ? head_->count() : 0);
    for (auto const& l : layers_) { sum += l.qkv.count() + l.o.count() + l.gate_up.count() + l.down.count(); }
    return sum;
  }
  /// Bytes of keys and values, for each token.
  [[nodiscard]] double cache_bytes() const {
    double sum = 0;
    for (auto const& l : layers_) { sum += l.cache->token_bytes(); }
    return sum;
  }
  /// Only the first n tokens of the sequence stay. Pre: n is at most position().
  void truncate(index n) {
    for (auto& l : layers_) { l.cache->truncate(n); }
    position_ = n;
  }
  /// Forgets the sequence.
  void reset() { truncate(0); }

  /// Appends tokens and returns logits for what comes next: after the last token, or after each (one column each).
  /// A prompt is one call: its tokens are columns of the same products. Valid until the next call.
  /// Pre: tokens are below vocab(), and position() + their number is at most context().
  tokens_view<float const> forward(std::span<int const> tokens, bool after_each = false) {
    auto const n = static_cast<index>(tokens.size());
    auto const x = view(x_, c_.hidden, n);  // the residual stream
    for (index t = 0; t < n; ++t) { embedding_.row(tokens[static_cast<std::size_t>(t)], x.token(t)); }
    for (auto& l : layers_) {
      auto const qkv = view(wide_, l.qkv.rows(), n);
      l.qkv.multiply(normed(x, l.attention_norm, to_layer_), qkv, machine_);
      l.o.add(attended(l, qkv), x, machine_);
      auto const gate_up = view(wide_, l.gate_up.rows(), n);
      l.gate_up.multiply(normed(x, l.mlp_norm, to_layer_), gate_up, machine_);
      l.down.add(gated(gate_up), x, machine_);
    }
    position_ += n;
    index const wanted = after_each ? n : std::min<index>(n, 1);
    auto const logits = view(logits_, c_.vocab, wanted);
    tokens_view<float> const last(x.token(n - wanted), c_.hidden, wanted, c_.hidden);
    (head_ ? *head_ : embedding_).multiply(normed(last, norm_, to_head_), logits, machine_);
    return {logits.data(), c_.vocab, wanted, c_.vocab};
  }

 private:
  using input = layer_input<A>;

  struct layer {
    std::vector<float> attention_norm, mlp_norm;
    linear_type qkv, o, gate_up, down;
    std::unique_ptr<layer_cache> cache;
  };

  /// features x n over a buffer that only ever grows: nothing is allocated once the longest prompt was seen.
  static tokens_view<float> view(std::vector<float>& buffer, index features, index n) {
    auto const size = static_cast<std::size_t>(octavo::product(features, n));
    if (buffer.size() < size) { buffer.resize(size); }
    return {buffer.data(), features, n, features};
  }

  /// RMSNorm, as the next layer reads it.
  decltype(auto) normed(tokens_view<float> x, std::vector<float> const& weight, input& to) {
    return to.written(x.features(), x.tokens(),
                      [&](auto&& out) { octavo::rms_norm(x, weight, out, {.epsilon = c_.eps}, machine_.context()); });
  }

  /// silu(gate) * up.
  decltype(auto) gated(tokens_view<float> gate_up) {
    return to_down_.written(c_.intermediate, gate_up.tokens(),
                            [&](auto&& out) { octavo::gated<octavo::silu>(gate_up, out, machine_.context()); });
  }

  /// Stores keys and values, and attends to all there are.
  decltype(auto) attended(layer& l, tokens_view<float> qkv) {
    index const n = qkv.tokens();
    index const d = c_.head_dim;
    auto const heads = [&](index first, index count) {
      return heads_view<float>(qkv.data() + first * d, d, count, n, d, qkv.stride());
    };
    auto const out = view(heads_, c_.heads * d, n);
    l.cache->attend(heads(0, c_.heads), heads(c_.heads, c_.kv_heads),
                    heads(c_.heads + c_.kv_heads, c_.kv_heads).read(),
                    heads_view<float>(out.data(), d, c_.heads, n, d, out.stride()), position_, turns_, machine_);
    return to_o_.written(out.features(), n,
                         [&](auto&& to) { octavo::activate<unchanged>(out, to, machine_.context()); });
  }
  /// An activation: floats become what a layer reads.
  struct unchanged {
    template <class Arch>
    static octavo::simd::floats<Arch> apply(octavo::simd::floats<Arch> x) noexcept {
      return x;
    }
  };

  model_shape c_;
  machine machine_;
  table_type embedding_;
  std::optional<table_type> head_;  // none: the embedding
  std::vector<float> norm_;
  std::vector<layer> layers_;
  octavo::rope_table turns_;
  index position_ = 0;
  std::vector<float> x_, wide_, heads_, logits_;
  input to_layer_, to_o_, to_down_, to_head_;
};

}  // namespace example
