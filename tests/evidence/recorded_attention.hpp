// SPDX-License-Identifier: MIT
// Queries, keys and values of a model's layers, and what attention loses when they are quantized in one way or another.
#pragma once

#include "errors.hpp"

#include "octavo/ops/attention.hpp"
#include "octavo/ops/rope.hpp"
#include "octavo/storage/kv_cache.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace test {

/// One window of one layer: turned queries, keys before they are turned, values. Tokens are columns.
struct attention_window {
  matrix q, k, v;
  std::size_t layer = 0;
};

/// Errors are nmse of attention, causal, over all windows to test on.
class recorded_attention {
 public:
  recorded_attention(octavo::index heads, octavo::index kv_heads, octavo::rope_table turns)
      : heads_{.query_heads = heads, .kv_heads = kv_heads}, d_(turns.dims()), turns_(std::move(turns)) {}

  /// Queries as they were before they are turned.
  void add(bool to_test, matrix q, matrix k, matrix v, std::size_t layer) {
    turn(q);
    (to_test ? test_ : calibrate_).push_back({std::move(q), std::move(k), std::move(v), layer});
    layers_ = layers_ > layer ? layers_ : layer + 1;
  }
  [[nodiscard]] std::size_t layers() const { return layers_; }
  [[nodiscard]] octavo::index kv_heads() const { return heads_.kv_heads; }
  [[nodiscard]] std::vector<attention_window> const& to_calibrate() const { return calibrate_; }
  [[nodiscard]] std::vector<attention_window> const& to_test() const { return test_; }
  [[nodiscard]] matrix turned(matrix k) const {
    turn(k);
    return k;
  }

  /// Attention as change(window) computes it.
  template <class Change>
  [[nodiscard]] double error_of(Change const& change) const {
    return error_of(change, test_);
  }
  template <class Change>
  [[nodiscard]] double error_of(Change const& change, std::vector<attention_window> const& windows) const {
    double error = 0;
    double energy = 0;
    for (auto const& w : windows) {
      auto const exact = attended(w.q, turned(w.k), w.v).cast<double>().eval();
      error += (exact - change(w).template cast<double>()).squaredNorm();
      energy += exact.squaredNorm();
    }
    return error / energy;
  }
  template <class S = octavo::as_is, class P = octavo::as_is, class... Options>
  [[nodiscard]] matrix attended(matrix const& q, matrix const& k, matrix const& v, Options const&... options) const {
    matrix out(q.rows(), q.cols());
    octavo::attention<S, P>(q, k, v, out, octavo::causal{}, heads_, options...);
    return out;
  }
  /// What a cache by scheme K makes of keys.
  template <class K>
  [[nodiscard]] matrix stored(matrix const& k, octavo::cache_codebooks<K, float> const& books = {}) const {
    octavo::kv_cache<K, float> cache({.head_dim = d_, .kv_heads = heads_.kv_heads, .capacity = k.cols()}, books);
    cache.append(k, k);
    auto const keys = cache.keys();
    return matrix::NullaryExpr(k.rows(), k.cols(),
                               [&](octavo::index r, octavo::index t) { return keys(r / d_, t, r % d_); });
  }

  template <class K>
  [[nodiscard]] double turned_keys() const {
    return error_of([&](attention_window const& w) { return attended(w.q, stored<K>(turned(w.k)), w.v); });
  }
  /// Keys are stored as they were before, and turned when they are read.
  template <class K>
  [[nodiscard]] double keys_before_turning() const {
    return error_of([&](attention_window const& w) { return attended(w.q, turned(stored<K>(w.k)), w.v); });
  }
  template <class V>
  [[nodiscard]] double values_by() const {
    return error_of([&](attention_window const& w) { return attended(w.q, turned(w.k), stored<V>(w.v)); });
  }
  /// INT4 of queries and keys, floats else.
  template <class... Smooth>
  [[nodiscard]] double by_int4(Smooth const&... smooth) const {
    return error_of(
        [&](attention_window const& w) { return attended<octavo::schemes::q4>(w.q, turned(w.k), w.v, smooth...); });
  }
  /// Attention to the last `keys` keys, some of which are the first of all.
  [[nodiscard]] double by_last_keys(octavo::index keys, octavo::index sinks) const {
    return error_of([&](attention_window const& w) {
      return attended(w.q, turned(w.k), w.v, octavo::sliding_window{.left = keys - 1 - sinks, .first = sinks});
    });
  }

 private:
  void turn(matrix& x) const { octavo::rope(octavo::as_heads(x, x.rows() / d_), 0, turns_); }

  octavo::attention_heads heads_;
  octavo::index d_;
  octavo::rope_table turns_;
  std::vector<attention_window> calibrate_;
  std::vector<attention_window> test_;
  std::size_t layers_ = 0;
};

/// Of the decoder that ships: 4 layers of 6 heads on 2, 32 channels, windows of 256 tokens. Run once.
[[nodiscard]] recorded_attention const& shipped_attention();

}  // namespace test
