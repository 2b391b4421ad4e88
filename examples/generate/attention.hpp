// SPDX-License-Identifier: MIT
// Causal attention over float keys and values. Bits do not depend on how many queries come at once.
#pragma once

#include "lanes.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>
#include <vector>

namespace example {

/// Keys and values of one layer and one sequence. Loops run over neighbours in memory, 32 at a time, in a fixed order.
class float_cache {
 public:
  float_cache(index heads, index head_dim, index capacity)
      : heads_(heads),
        head_dim_(head_dim),
        channels_(octavo::round_up(head_dim, width)),
        positions_(octavo::round_up(capacity, width)),
        keys_(static_cast<std::size_t>(heads * channels_ * positions_)),
        values_(keys_.size()) {}

  /// Stores heads x head_dim keys and values at a position.
  void put(index position, float const* k, float const* v) {
    for (index h = 0; h < heads_; ++h) {
      for (index i = 0; i < head_dim_; ++i) {
        keys(h)[i * positions_ + position] = *k++;
        values(h)[position * channels_ + i] = *v++;
      }
    }
  }

  /// Floats that one head of queries needs while it attends.
  [[nodiscard]] index scratch() const noexcept { return tile * (positions_ + channels_); }

  /// out = softmax(K q / sqrt(head_dim)) V for n queries of a head, at positions first, first + 1, ...; each sees the
  /// positions up to its own. `head` is that of the keys.
  template <class T>
  void attend(float const* q, index q_stride, index head, index first, index n, T* out, index out_stride,
              float* scratch) const {
    auto const next = [&](auto size, index t) {
      attend_tile<size()>(q + t * q_stride, q_stride, head, first + t, out + t * out_stride, out_stride, scratch);
    };
    index t = 0;
    for (; t + tile <= n; t += tile) { next(std::integral_constant<int, tile>{}, t); }
    for (; t < n; ++t) { next(std::integral_constant<int, 1>{}, t); }
  }

 private:
  /// Queries that share what they read of the cache.
  static constexpr int tile = 4;

  [[nodiscard]] float* keys(index head) noexcept { return keys_.data() + head * channels_ * positions_; }
  [[nodiscard]] float const* keys(index head) const noexcept { return keys_.data() + head * channels_ * positions_; }
  [[nodiscard]] float* values(index head) noexcept { return values_.data() + head * channels_ * positions_; }
  [[nodiscard]] float const* values(index head) const noexcept {
    return values_.data() + head * channels_ * positions_;
  }

  /// out[t] = sum of factors[t][i] * rows[i] over i < n, ascending, for `width` columns of the rows.
  template <int N>
  static void combine(float const* factors, index factor_stride, float const* rows, index row_stride, index n,
                      float* out, index out_stride) {
    std::array<lanes, static_cast<std::size_t>(N)> sums;
    for (auto& sum : sums) { sum.setZero(); }
    for (index i = 0; i < n; ++i) {
      lanes const row = load(rows + i * row_stride);
      float const* factor = factors + i;
      for (auto& sum : sums) {
        sum += *factor * row;
        factor += factor_stride;
      }
    }
    for (auto const& sum : sums) {
      store(sum, out);
      out += out_stride;
    }
  }

  template <int N, class T>
  void attend_tile(float const* q, index q_stride, index head, index first, T* out, index out_stride,
                   float* scores) const {
    index const visible = octavo::round_up(first + N, width);
    float* const sums = scores + tile * positions_;
    for (index p = 0; p < visible; p += width) {
      combine<N>(q, q_stride, keys(head) + p, positions_, head_dim_, scores + p, positions_);
    }
    float const scale = 1.0f / std::sqrt(static_cast<float>(head_dim_));
    std::array<float, static_cast<std::size_t>(N)> totals;
    for (index t = 0; t < N; ++t) {
      float* const s = scores + t * positions_;
      std::fill(s + first + t + 1, s + visible, -std::numeric_limits<float>::infinity());
      lanes most = load(s);
      for (index p = width; p < visible; p += width) { most = most.max(load(s + p)); }
      float const largest = most.maxCoeff();
      lanes total = lanes::Zero();
      for (index p = 0; p < visible; p += width) {
        lanes const part = ((load(s + p) - largest) * scale).exp();
        store(part, s + p);
        total += part;
      }
      totals[static_cast<std::size_t>(t)] = total.sum();
    }
    for (index i = 0; i < head_dim_; i += width) {
      combine<N>(scores, positions_, values(head) + i, channels_, visible, sums + i, channels_);
    }
    for (index t = 0; t < N; ++t) {
      for (index i = 0; i < head_dim_; ++i) {
        out[t * out_stride + i] = T(sums[t * channels_ + i] / totals[static_cast<std::size_t>(t)]);
      }
    }
  }

  index heads_, head_dim_;
  index channels_, positions_;  // head_dim and the capacity, filled up to whole lanes
  std::vector<float> keys_;     // heads x channels x positions, which are neighbours
  std::vector<float> values_;   // heads x positions x channels, which are neighbours
};

}  // namespace example
