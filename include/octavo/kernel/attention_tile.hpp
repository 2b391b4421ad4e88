// SPDX-License-Identifier: MIT
// Attention of a group of query rows to one leaf of keys: scores, weights, their products with the values.
#pragma once

#include <cstddef>

#include "octavo/kernel/attention_rows.hpp"
#include "octavo/kernel/softmax.hpp"
#include "octavo/kernel/tile_shape.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Rows whose scores are computed together, before their softmax: they stay in the first level cache, while blocks of keys
/// are read twice from there. For tiles of so many rows; a divisor of group_rows.
template <int Tokens>
inline constexpr index near_rows = Tokens > 12 ? 16 : 12;
inline constexpr index most_near_rows = 16;

/// Where a group keeps what it computes.
template <class Weight>
struct group_scratch {
  float* scores;    ///< [block of keys][near row][width]
  Weight* weights;  ///< [near row][weight_stride]
  float* out;       ///< [block of channels][row][width]
  softmax_rows sums;
};
/// Elements between rows of weights: not a power of two, so that rows of a tile do not share cache sets.
inline constexpr index weight_stride = leaf_keys + 16;

/// Scores of row i of a group of rows, from key block `s.begin` to `s.end` of the leaf whose first key is `from`, as the
/// softmax wants them: times `factor`, plus `offset`, and through the score pipeline unless it is plain, -infinity for what
/// the row does not see. Returns the largest. Integers become floats by `scales`, if there are any.
template <class A, index W, index Near>
[[gnu::noinline]] float finish_scores(score_rule const& rule, group_of_rows const& rows, index i,
                                      group_of_rows::span s, index from, float factor, float offset, float* scores,
                                      float const* scales) noexcept {
  constexpr index stride = Near * W;
  index const low = s.begin * W;
  index const high = s.end * W;
  auto const largest = [&](float const* by) __attribute__((always_inline)) {
    return largest_score<A, W>(scores + s.begin * stride, stride, s.end - s.begin, by == nullptr ? by : by + low);
  };
  visible_keys const v = rows.seen[i];
  bool const all = v.low() <= low && v.end >= high && v.first == 0;
  if (all && rule.plain()) { return largest(scales); }
  if (scales != nullptr) { largest(scales); }

  auto const at = [&](index j) -> float& { return scores[j / W * stride + j % W]; };
  auto const hide = [&](index begin, index end) {
    for (index j = begin; j < end; ++j) { at(j) = minus_infinity; }
  };
  if (!rule.plain()) {
    index const head = rows.of.head(rows.first + i);
    index const query = rows.of.query(rows.first + i);
    for (index j = low; j < high; j += simd::lanes<A>) {
      auto const score =
          simd::fused<A>(simd::load_floats<A>(&at(j)), simd::floats<A>(factor), simd::floats<A>(offset));
      rule.template apply<A>(score, head, query, from + j).store_unaligned(&at(j));
    }
  }
  hide(low, smaller(larger(v.low(), low), high));
  if (v.first > 0) { hide(v.first, v.begin); }
  hide(larger(v.end, low), high);
  return largest(nullptr);
}

/// These scores become weights.
template <class A, class Writer, index W, index Near>
[[gnu::noinline]] weight_sum weigh_row(float const* scores, group_of_rows::span s, float factor, float most,
                                       bool watch, typename Writer::weight* weights) noexcept {
  constexpr index stride = Near * W;
  return softmax<A, Writer, W>(scores + s.begin * stride, stride, s.end - s.begin, factor, most, watch,
                               weights + s.begin * W);
}

/// (m, l, acc) of the rows of a group over the leaf that is loaded, whose first key is `from`; its rows are those from
/// `loaded` of what `keys` has loaded. A row that sees nothing gets (-infinity, 0), and perhaps no accumulators.
template <class A, class Keys, class Values>
void attend_group(Keys const& keys, Values& values, score_rule const& rule, group_of_rows const& rows, index loaded,
                  index from, group_scratch<typename Values::writer::weight> const& scratch) noexcept {
  constexpr index W = Keys::width;
  constexpr index Near = near_rows<Keys::tokens>;
  // Scores may still be integers, and keys may know that no score of theirs is NaN.
  float const* scales = nullptr;
  bool watch = true;
  if constexpr (requires { keys.scales(); }) {
    scales = keys.scales();
    watch = !rule.plain() || !keys.finite();
  }
  scratch.sums.clear(group_rows);
  for (index first = 0; first < rows.count; first += Near) {
    index const n = smaller(Near, rows.count - first);
    auto const all = rows.blocks(W, first, n);
    for (index b = all.begin; b < all.end; ++b) {
      for_tiles<Keys::tokens>(n, [&](auto size, index t) {
        auto const s = rows.blocks(W, first + t, size);
        if (b >= s.begin && b < s.end) {
          keys.template multiply<size()>(loaded + first + t, b, scratch.scores + (b * Near + t) * W);
        }
      });
    }
    for_tiles<Values::tokens>(n, [&](auto size, index t) {
      auto const s = rows.blocks(W, first + t, size);
      if (s.none()) { return; }
      float most[Values::tokens];
      for (index i = 0; i < size; ++i) {
        index const row = first + t + i;
        float offset = 0;  // others lack it in all scores of a query, which is the same
        if constexpr (requires { keys.offset(0, 0, 0); }) {
          if (rule.cap > 0) {
            auto const at = rows.first + row;
            offset = keys.offset(rows.of.kv_head, rows.of.head(at), rows.of.query(at));
          }
        }
        most[i] = finish_scores<A, W, Near>(rule, rows, row, s, from, keys.factor(loaded + row), offset,
                                            scratch.scores + (t + i) * W, scales);
      }
      auto* const weights = scratch.weights + t * weight_stride;
      index high = 0;
      for (index i = 0; i < size; ++i) {
        index const row = first + t + i;
        float const factor = rule.plain() ? keys.factor(loaded + row) : 1.0f;
        auto const sum = weigh_row<A, typename Values::writer, W, Near>(scratch.scores + (t + i) * W, s, factor,
                                                                        most[i], watch, weights + i * weight_stride);
        scratch.sums.largest[row] = sum.largest;
        scratch.sums.sum[row] = values.settle(row, weights + i * weight_stride, s.begin * W, s.end * W, sum.sum);
        high = larger(high, rows.seen[row].end);
      }
      for (index b = 0; b < values.blocks(); ++b) {
        values.template multiply<size()>(first + t, weights, weight_stride, b, s.begin * W, high,
                                         scratch.out + (b * group_rows + first + t) * Values::width);
      }
    });
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
