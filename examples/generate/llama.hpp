// SPDX-License-Identifier: MIT
// A Llama model of Octavo's operations: matmul for any scheme of weights and activations, norms, rotations, attention.
#pragma once

#include "checkpoint.hpp"
#include "linear.hpp"
#include "thread_pool.hpp"

#include <octavo/octavo.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace example {

/// One sequence of tokens through a model. W and A: see linear. Table: the scheme of the embedding and the head.
template <class W, class A, class Table = W>
class llama {
 public:
  using linear_type = linear<W, A>;
  using table_type = linear<Table, A>;
  using element = typename linear_type::element;

  llama(checkpoint const& c, thread_pool& pool) : llama(c, c.context, pool, [](std::size_t) {}) {}
  /// `context` positions at most. `progress(layers done)` is called while matrices are packed.
  template <class Progress>
  llama(checkpoint const& c, index context, thread_pool& pool, Progress const& progress)
      : c_(c), machine_(pool), embedding_(std::span(&c.embedding, 1), pool), norm_(c.norm.floats()) {
    c_.context = context;
    if (c.head) { head_.emplace(std::span(&*c.head, 1), pool); }
    for (auto const& l : c.layers) {
      weights const qkv[] = {l.q, l.k, l.v};
      weights const gate_up[] = {l.gate, l.up};
      layers_.push_back({l.attention_norm.floats(), l.mlp_norm.floats(), linear_type(qkv, pool),
                         linear_type({&l.o, 1}, pool), linear_type(gate_up, pool), linear_type({&l.down, 1}, pool),
                         std::vector<float>(cache_size(context)), std::vector<float>(cache_size(context))});
      progress(layers_.size());
    }
    auto const pairs = c.neighbours ? octavo::rope_pairs::neighbours : octavo::rope_pairs::halves;
    double const base = static_cast<double>(c.theta);
    if (c.angle_divisors.empty()) {
      turns_ = octavo::rope_table(c.head_dim, context, octavo::rope_plain{base}, pairs);
    } else {
      turns_ = octavo::rope_table(c.head_dim, context, octavo::rope_divided{base, c.angle_divisors.data()}, pairs);
    }
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
  /// Forgets the sequence.
  void reset() noexcept { position_ = 0; }

  /// Appends tokens and returns logits for what comes next: after the last token, or after each (one column each).
  /// A prompt is one call: its tokens are columns of the same products. Valid until the next call.
  /// Pre: tokens are below vocab(), and position() + their number is at most context().
  tokens_view<float const> forward(std::span<int const> tokens, bool after_each = false) {
    auto const n = static_cast<index>(tokens.size());
    auto const x = view(x_, c_.hidden, n);  // the residual stream
    for (index t = 0; t < n; ++t) { embedding_.row(tokens[static_cast<std::size_t>(t)], x.token(t)); }
    for (auto& l : layers_) {
      auto const qkv = view(wide_, l.qkv.rows(), n);
      l.qkv.multiply(normed(x, l.attention_norm), qkv, machine_);
      l.o.add(attend(l, qkv), x, machine_);
      auto const gate_up = view(wide_, l.gate_up.rows(), n);
      l.gate_up.multiply(normed(x, l.mlp_norm), gate_up, machine_);
      l.down.add(gated(gate_up), x, machine_);
    }
    position_ += n;
    index const wanted = after_each ? n : std::min<index>(n, 1);
    auto const logits = view(logits_, c_.vocab, wanted);
    (head_ ? *head_ : embedding_)
        .multiply(normed(tokens_view<float>(x.token(n - wanted), c_.hidden, wanted, c_.hidden), norm_), logits,
                  machine_);
    return {logits.data(), c_.vocab, wanted, c_.vocab};
  }

 private:
  struct layer {
    std::vector<float> attention_norm, mlp_norm;
    linear_type qkv, o, gate_up, down;
    std::vector<float> keys, values;  // positions x kv_heads x head_dim
  };

  [[nodiscard]] std::size_t cache_size(index positions) const {
    return static_cast<std::size_t>(octavo::product(positions, c_.kv_heads, c_.head_dim));
  }

  template <class T>
  static void grow(std::vector<T>& v, index size) {
    if (v.size() < static_cast<std::size_t>(size)) { v.resize(static_cast<std::size_t>(size)); }
  }
  /// features x n over a buffer that only ever grows: nothing is allocated once the longest prompt was seen.
  template <class T>
  static tokens_view<T> view(std::vector<T>& buffer, index features, index n) {
    grow(buffer, features * n);
    return {buffer.data(), features, n, features};
  }
  static tokens_view<element const> read_only(tokens_view<element> v) {
    return {v.data(), v.features(), v.tokens(), v.stride()};
  }

  /// RMSNorm, as the elements that the next layer reads.
  tokens_view<element const> normed(tokens_view<float> x, std::vector<float> const& weight) {
    auto const out = view(in_, x.features(), x.tokens());
    octavo::rms_norm(x, weight, out, {.epsilon = c_.eps}, machine_.context());
    return read_only(out);
  }

  /// silu(gate) * up.
  tokens_view<element const> gated(tokens_view<float> gate_up) {
    auto const out = view(in_, c_.intermediate, gate_up.tokens());
    octavo::gated<octavo::silu>(gate_up, out, machine_.context());
    return read_only(out);
  }

  /// Turns queries and keys, stores keys and values, then attends: several query heads share a head of keys and values.
  tokens_view<element const> attend(layer& l, tokens_view<float> qkv) {
    using octavo::heads_view;
    index const n = qkv.tokens();
    index const d = c_.head_dim;
    index const stored = c_.kv_heads * d;
    index const seen = position_ + n;
    octavo::rope(heads_view<float>(qkv.data(), d, c_.heads + c_.kv_heads, n, d, qkv.stride()), position_, turns_,
                 machine_.context());
    for (index t = 0; t < n; ++t) {
      float const* const k = qkv.token(t) + c_.heads * d;
      std::copy_n(k, stored, l.keys.data() + (position_ + t) * stored);
      std::copy_n(k + stored, stored, l.values.data() + (position_ + t) * stored);
    }
    auto const out = view(in_, c_.heads * d, n);
    octavo::attention(heads_view<float const>(qkv.data(), d, c_.heads, n, d, qkv.stride()),
                      heads_view<float const>(l.keys.data(), d, c_.kv_heads, seen, d, stored),
                      heads_view<float const>(l.values.data(), d, c_.kv_heads, seen, d, stored),
                      heads_view<element>(out.data(), d, c_.heads, n, d, out.stride()), octavo::causal{},
                      machine_.context());
    return read_only(out);
  }

  model_shape c_;
  machine machine_;
  table_type embedding_;
  std::optional<table_type> head_;  // none: the embedding
  std::vector<float> norm_;
  std::vector<layer> layers_;
  octavo::rope_table turns_;
  index position_ = 0;
  std::vector<float> x_, wide_, logits_;
  std::vector<element> in_;
};

}  // namespace example
