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

/// Where a group keeps what it computes.
template <class Weight>
struct group_scratch {
  float* scores;    ///< [block of keys][row][width]
  Weight* weights;  ///< [row][weight_stride]
  float* out;       ///< [block of channels][row][width]
  softmax_rows sums;
};
/// Elements between rows of weights: not a power of two, so that rows of a tile do not share cache sets.
inline constexpr index weight_stride = leaf_keys + 16;

/// Scores of row i of a group become weights, from key block `s.begin` to `s.end` of the leaf whose first key is `from`:
/// times `factor`, the rest of the score pipeline, then the softmax over what the row sees.
template <class A, class Writer, index W>
[[gnu::noinline]] void weigh_row(score_rule const& rule, group_of_rows const& rows, index i, group_of_rows::span s,
                                 index from, float factor,
                                 group_scratch<typename Writer::weight> const& scratch) noexcept {
  float* const scores = scratch.scores + i * W;
  index const low = s.begin * W;
  index const high = s.end * W;
  auto const at = [&](index j) -> float& { return scores[j / W * group_rows * W + j % W]; };
  auto const hide = [&](index begin, index end) {
    for (index j = begin; j < end; ++j) { at(j) = minus_infinity; }
  };
  if (!rule.plain()) {
    index const head = rows.of.head(rows.first + i);
    index const query = rows.of.query(rows.first + i);
    for (index j = low; j < high; j += simd::lanes<A>) {
      auto const score = simd::opaque<A>(simd::load_floats<A>(&at(j)) * simd::floats<A>(factor));
      rule.template apply<A>(score, head, query, from + j).store_unaligned(&at(j));
    }
    factor = 1.0f;
  }
  visible_keys const v = rows.seen[i];
  hide(low, smaller(larger(v.low(), low), high));
  if (v.first > 0) { hide(v.first, v.begin); }
  hide(larger(v.end, low), high);
  auto const sum = softmax<A, Writer, W>(scores + s.begin * group_rows * W, group_rows * W, s.end - s.begin, factor,
                                         scratch.weights + i * weight_stride + low);
  scratch.sums.largest[i] = sum.largest;
  scratch.sums.sum[i] = sum.sum;
}

/// (m, l, acc) of the rows of a group over the leaf that is loaded, whose first key is `from`; its rows are those from
/// `loaded` of what `keys` has loaded. A row that sees nothing gets (-infinity, 0), and perhaps no accumulators.
template <class A, class Keys, class Values>
void attend_group(Keys const& keys, Values& values, score_rule const& rule, group_of_rows const& rows, index loaded,
                  index from, group_scratch<typename Values::writer::weight> const& scratch) noexcept {
  constexpr index W = Keys::width;
  scratch.sums.clear(group_rows);
  auto const all = rows.blocks(W, 0, rows.count);
  for (index b = all.begin; b < all.end; ++b) {
    for_tiles<Keys::tokens>(rows.count, [&](auto size, index t) {
      auto const s = rows.blocks(W, t, size);
      if (b >= s.begin && b < s.end) {
        keys.template multiply<size()>(loaded + t, b, scratch.scores + (b * group_rows + t) * W);
      }
    });
  }
  for_tiles<Values::tokens>(rows.count, [&](auto size, index t) {
    auto const s = rows.blocks(W, t, size);
    if (s.none()) { return; }
    index high = 0;
    for (index i = t; i < t + size; ++i) {
      weigh_row<A, typename Values::writer, W>(rule, rows, i, s, from, keys.factor(loaded + i), scratch);
      scratch.sums.sum[i] =
          values.settle(i, scratch.weights + i * weight_stride, s.begin * W, s.end * W, scratch.sums.sum[i]);
      high = larger(high, rows.seen[i].end);
    }
    for (index b = 0; b < values.blocks(); ++b) {
      values.template multiply<size()>(t, scratch.weights + t * weight_stride, weight_stride, b, s.begin * W, high,
                                       scratch.out + (b * group_rows + t) * Values::width);
    }
  });
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
