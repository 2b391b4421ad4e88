// SPDX-License-Identifier: MIT
// A Llama model whose every matrix product is one call of octavo::matmul, for any scheme of weights and activations.
#pragma once

#include "attention.hpp"
#include "checkpoint.hpp"
#include "linear.hpp"
#include "thread_pool.hpp"

#include <octavo/octavo.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
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
                         float_cache(c.kv_heads, c.head_dim, context)});
      progress(layers_.size());
    }
    for (index p = 0; p < context; ++p) {
      for (index i = 0; i < c.head_dim / 2; ++i) {
        float const exponent = static_cast<float>(2 * i) / static_cast<float>(c.head_dim);
        float angle = static_cast<float>(p) / std::pow(c.theta, exponent);
        if (!c.angle_divisors.empty()) { angle /= c.angle_divisors[static_cast<std::size_t>(i)]; }
        cos_.push_back(std::cos(angle));
        sin_.push_back(std::sin(angle));
      }
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
    float_cache cache;
  };

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

  /// RMSNorm, written as the elements that the next layer reads.
  tokens_view<element const> normed(tokens_view<float> x, std::vector<float> const& weight) {
    auto const out = view(in_, x.features(), x.tokens());
    for (index t = 0; t < x.tokens(); ++t) {
      float const* const from = x.token(t);
      lanes squares = lanes::Zero();
      for (index i = 0; i < x.features(); i += width) { squares += load(from + i, x.features() - i).square(); }
      float const scale = 1.0f / std::sqrt(squares.sum() / static_cast<float>(x.features()) + c_.eps);
      for (index i = 0; i < x.features(); ++i) {
        out.token(t)[i] = element(from[i] * scale * weight[static_cast<std::size_t>(i)]);
      }
    }
    return read_only(out);
  }

  /// silu(gate) * up.
  tokens_view<element const> gated(tokens_view<float> gate_up) {
    auto const out = view(in_, c_.intermediate, gate_up.tokens());
    for (index t = 0; t < out.tokens(); ++t) {
      for (index i = 0; i < c_.intermediate; i += width) {
        index const n = std::min(width, c_.intermediate - i);
        lanes const gate = load(gate_up.token(t) + i, n);
        lanes const v = gate / (1.0f + (-gate).exp()) * load(gate_up.token(t) + c_.intermediate + i, n);
        std::transform(v.data(), v.data() + n, out.token(t) + i, [](float each) { return element(each); });
      }
    }
    return read_only(out);
  }

  /// Turns pairs of elements by angles that grow with the position.
  void rotate(float* head, index position) const {
    index const half = c_.head_dim / 2;
    float const* const cos = cos_.data() + position * half;
    float const* const sin = sin_.data() + position * half;
    auto const turn = [=](float& a, float& b, index i) {
      float const turned = a * cos[i] - b * sin[i];
      b = b * cos[i] + a * sin[i];
      a = turned;
    };
    if (c_.neighbours) {
      for (index i = 0; i < half; ++i) { turn(head[2 * i], head[2 * i + 1], i); }
    } else {
      for (index i = 0; i < half; ++i) { turn(head[i], head[i + half], i); }
    }
  }

  /// Stores keys and values, then attends: several query heads share a head of keys and values.
  tokens_view<element const> attend(layer& l, tokens_view<float> qkv) {
    index const n = qkv.tokens();
    index const d = c_.head_dim;
    for (index t = 0; t < n; ++t) {
      float* const k = qkv.token(t) + c_.heads * d;
      for (index h = 0; h < c_.kv_heads; ++h) { rotate(k + h * d, position_ + t); }
      l.cache.put(position_ + t, k, k + c_.kv_heads * d);
    }
    auto const out = view(in_, c_.heads * d, n);
    grow(scores_, c_.heads * l.cache.scratch());
    machine_.pool(c_.heads, [&](index h) noexcept {
      for (index t = 0; t < n; ++t) { rotate(qkv.token(t) + h * d, position_ + t); }
      l.cache.attend(qkv.token(0) + h * d, qkv.stride(), h / (c_.heads / c_.kv_heads), position_, n,
                     out.token(0) + h * d, out.stride(), scores_.data() + h * l.cache.scratch());
    });
    return read_only(out);
  }

  model_shape c_;
  machine machine_;
  table_type embedding_;
  std::optional<table_type> head_;  // none: the embedding
  std::vector<float> norm_;
  std::vector<layer> layers_;
  std::vector<float> cos_, sin_;  // context x head_dim / 2
  index position_ = 0;
  std::vector<float> x_, wide_, logits_, scores_;
  std::vector<element> in_;
};

}  // namespace example
