// SPDX-License-Identifier: MIT
// cache_codebook<S>: the table of a layer's keys or values in a cache by affine_codebook<codebook<B>> (KVQuant's nuq).
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "octavo/calibration/k_means.hpp"
#include "octavo/calibration/percentile.hpp"
#include "octavo/calibration/q_norm.hpp"
#include "octavo/calibration/weighted_histogram.hpp"
#include "octavo/core/heads_view.hpp"
#include "octavo/quant/affine_codebook.hpp"
#include "octavo/storage/kv_cache.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

struct codebook_options {
  index kv_heads = 1;
  /// Tokens at the beginning of each text that take no part; those that S = first_in_float<T, N> keeps do not either.
  index first = 0;
  /// The share of numbers of each group, half of them at either end, that its range leaves out; they take no part.
  double outliers = 0;
  /// Whether what is stored keeps its mean and deviation; for two bits.
  bool q_norm = false;
  int bins = 4096;
};

/// The codebook of a layer, of what a cache by S would store of activations: the numbers of each group on [-1, 1], as
/// affine_codebook has them from its range, all in one histogram; of these the centres with the least squared error,
/// exactly.
///
///     using nuq2 = scheme<affine_codebook<codebook<2>, scale_as<f16>>, per_channel_group<32>>;
///     calibration::cache_codebook<nuq2> seen({.kv_heads = 8, .q_norm = true});
///     for (auto const& text : texts) { seen.add(keys_before_rotation(text)); }   // a token is a column
///     kv_cache<nuq2, v2> cache(shape, {.keys = seen.finish()});
///
/// - Groups are those of the cache: G tokens of a channel, from the first token of a text; a head of a token, or G
///   channels of it. Tokens behind the last whole group are floats in a cache, and take no part. Of
///   S = with_outliers<T, N>, the N numbers that stand out are left out as the cache does it. Groups of one number over
///   and over have no error, and take no part.
/// - Weights, one for each number, say what its squared error costs: squared gradients of the loss (KVQuant's Fisher
///   information). Q-Norm counts all numbers alike.
/// - *Order*: token by token and channel by channel, in double: the same texts give the same table.
/// - *Errors*: no heads that divide the features, weights of another shape, numbers that are not finite, negative
///   weights; finish() before any number took part.
///
/// Source: KVQuant (Hooper et al. 2024), sections 3.2 and 3.4: there with a range for each channel, from calibration.
template <class S>
class cache_codebook {
  using quantizer = typename S::quantizer;
  static_assert(
      has_book<quantizer>,
      "Octavo: cache_codebook<S> finds the table of a cache by S, whose quantizer is affine_codebook<codebook<B>>.");
  static constexpr int bits = S::format::bits;
  static constexpr bool by_channel = detail::is_per_channel_group<typename S::granularity>;
  /// Tokens that share parameters.
  static constexpr index G = [] {
    if constexpr (by_channel) { return index{S::granularity::size}; }
    return index{1};
  }();

 public:
  explicit cache_codebook(codebook_options const& options = {})
      : options_(options), weighted_(options.bins), counted_(options.bins) {
    if (!(options.outliers >= 0 && options.outliers < 1)) {
      detail::fail("cache_codebook: the share of outliers must be at least 0 and less than 1, such as 0.01.");
    }
  }

  /// The tokens of one text: a heads_view, or a matrix with a column for each token.
  template <class X>
  void add(X const& x) {
    add_heads(as_heads(x, options_.kv_heads), [](index, index, index) { return 1.0f; });
  }
  template <class X, class W>
  void add(X const& x, W const& weights) {
    auto const xs = as_heads(x, options_.kv_heads);
    auto const ws = as_heads(weights, options_.kv_heads);
    if (xs.head_dim() != ws.head_dim() || xs.tokens() != ws.tokens() || xs.heads() != ws.heads()) {
      detail::fail_extents("cache_codebook", "the weights have tokens", ws.tokens(), "the numbers have", xs.tokens(),
                           "Pass one weight for each number.");
    }
    add_heads(xs, [&ws](index h, index t, index c) { return static_cast<float>(ws.at(h, t)[c]); });
  }

  [[nodiscard]] range_codebook<bits> finish() const {
    if (weighted_.values().empty()) {
      detail::fail("cache_codebook: no numbers took part yet. Add texts of at least a group of tokens.");
    }
    auto const found = k_means(weighted_.values(), weighted_.weights(), 1 << bits).centres;
    auto const table = [](std::vector<double> const& values) {
      codebook_params<bits> p{};
      for (std::size_t c = 0; c < values.size(); ++c) { p.values[c] = static_cast<float>(values[c]); }
      return p;
    };
    if (!options_.q_norm) { return table(found); }
    return {table(found), table(calibration::q_norm(counted_.values(), found, counted_.weights()))};
  }

 private:
  struct number {
    float x;
    float weight;   ///< what its error costs
    bool in_range;  ///< whether the range of its group is to hold it
    bool counts;
  };

  template <class T, class Weight>
  void add_heads(heads_view<T> const& x, Weight const& weight) {
    index const d = x.head_dim();
    std::vector<float> floats(static_cast<std::size_t>(G * d));
    std::vector<number> numbers(floats.size());
    for (index t = 0; t + G <= x.tokens(); t += G) {
      for (index h = 0; h < x.heads(); ++h) {
        for (index i = 0; i < G; ++i) {
          bool const part = t + i >= larger(options_.first, detail::first_of<S>);
          index const from = larger(t + i, smaller(detail::first_of<S>, x.tokens() - 1));
          for (index c = 0; c < d; ++c) {
            auto const at = static_cast<std::size_t>(i * d + c);
            floats[at] = static_cast<float>(x.at(h, from)[c]);
            if (!detail::is_finite(floats[at])) {
              detail::fail_extents("cache_codebook", "not finite is channel", c, "of token", from,
                                   "Look for an overflow in what made it.");
            }
            numbers[at] = {floats[at], weight(h, t + i, c), part, part};
          }
        }
        if constexpr (requires { S::outliers; }) { leave_out(floats, numbers, d); }
        index const group = by_channel ? 1 : detail::channel_group<typename S::granularity>(d);
        for (index c = 0; c < d; c += group) {
          by_channel ? add_group(numbers.data() + c, G, d) : add_group(numbers.data() + c, smaller(group, d - c), 1);
        }
      }
    }
  }
  /// What stands out is a centre where the range is sought, as the cache has it, and does not count.
  static void leave_out(std::vector<float> const& floats, std::vector<number>& numbers, index d) {
    using layout = key_layout<S>;
    std::vector<float> centres(static_cast<std::size_t>(d));
    std::vector<float> spreads(static_cast<std::size_t>(d));
    if constexpr (by_channel) { layout::spread_of(floats.data(), G, d, centres.data(), spreads.data()); }
    for (index i = 0; i < G; ++i) {
      float const* const token = floats.data() + i * d;
      auto const found = [&] {
        if constexpr (by_channel) {
          return layout::outliers_of(token, d, centres.data(), spreads.data());
        } else {
          std::fill(centres.begin(), centres.end(), detail::outlier_centre<quantizer>(token, d, 1));
          return layout::outliers_of(token, d, centres[0]);
        }
      }();
      for (index n = 0; n < found.count; ++n) {
        auto const c = static_cast<std::size_t>(found.channel[n]);
        number& out = numbers[static_cast<std::size_t>(i * d) + c];
        out = {centres[c], 0, out.in_range, false};
      }
    }
  }
  /// n numbers, `stride` apart, that share parameters.
  void add_group(number const* from, index n, index stride) {
    std::vector<float> all;
    for (index i = 0; i < n; ++i) {
      if (from[i * stride].in_range) { all.push_back(from[i * stride].x); }
    }
    if (all.empty()) { return; }
    range ends = range_of(all);
    if (options_.outliers > 0) {
      ends.low = static_cast<float>(quantile(all, options_.outliers / 2));
      ends.high = static_cast<float>(quantile(all, 1 - options_.outliers / 2));
    }
    auto const p = quantizer::from_range(ends.low, ends.high);
    if (p.inverse == 0) { return; }
    for (index i = 0; i < n; ++i) {
      number const& one = from[i * stride];
      if (!one.counts || one.x < ends.low || one.x > ends.high) { continue; }
      float const x = detail::opaque(one.x - p.minimum) * p.inverse;
      weighted_.add(x, one.weight);
      counted_.add(x);
    }
  }

  codebook_options options_;
  weighted_histogram weighted_, counted_;
};

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
