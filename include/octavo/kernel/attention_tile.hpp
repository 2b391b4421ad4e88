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
  float* scores;    ///< [block of keys][near row][width]
  Weight* weights;  ///< [near row][weight_stride]
  float* out;       ///< [block of channels][row][width]
  softmax_rows sums;
};
/// Scores of row i of a group of rows, of blocks `s` of the leaf whose first key is `from`, as the softmax wants them:
/// times
/// `factor`, plus `offset`, and through the score pipeline unless it is plain, -infinity for what the row does not see.
/// Returns the largest; of scores that are ready and all seen, that of `largest` (one register of them), if it is not
/// null.
template <class A, index W, index Near>
[[gnu::noinline]] float finish_scores(score_rule const& rule, group_of_rows const& rows, index i, key_blocks s,
                                      index from, float factor, float offset, float* scores, float const* largest,
                                      score_bias bias) noexcept {
  constexpr index stride = Near * W;
  index const low = s.begin() * W;
  index const high = s.end() * W;
  if (bias.data != nullptr) {
    largest = nullptr;
    s.runs([&](index b, index end) __attribute__((always_inline)) {
      for (index j = b * W; j < end * W; j += simd::lanes<A>) {
        float* const to = scores + j / W * stride + j % W;
        simd::fused<A>(simd::load_floats<A>(bias.data + j), simd::floats<A>(bias.unit), simd::load_floats<A>(to))
            .store_unaligned(to);
      }
    });
  }
  visible_keys const v = rows.seen[i];
  bool const masked = rule.mask != nullptr || rule.blocks.data != nullptr;
  bool const all = v.low() <= low && v.end >= high && v.first == 0 && !masked;
  if (all && rule.plain()) {
    return largest == nullptr ? largest_score<A, W>(scores, stride, s) : largest_lane<A>(largest);
  }

  auto const at = [&](index j) -> float& { return scores[j / W * stride + j % W]; };
  auto const hide = [&](index begin, index end) {
    for (index j = begin; j < end; ++j) {
      if (s.has(j / W)) { at(j) = minus_infinity; }
    }
  };
  index const head = rows.of.head(rows.first + i);
  index const query = rows.of.query(rows.first + i);
  auto const each = [&](auto const& f) __attribute__((always_inline)) {
    s.runs([&](index b, index end) __attribute__((always_inline)) {
      for (index j = b * W; j < end * W; j += simd::lanes<A>) {
        f(simd::load_floats<A>(&at(j)), from + j).store_unaligned(&at(j));
      }
    });
  };
  if (!rule.plain()) {
    each([&](simd::floats<A> const& x, index key) __attribute__((always_inline)) {
      auto const score = simd::fused<A>(x, simd::floats<A>(factor), simd::floats<A>(offset));
      return rule.template apply<A>(score, head, query, key);
    });
  }
  if (rule.mask != nullptr) {
    each([&](simd::floats<A> const& x, index key)
             __attribute__((always_inline)) { return rule.template masked<A>(x, head, query, key); });
  }
  if (rule.blocks.data != nullptr) {
    bool const* const mask = rule.blocks.row(head, query);
    index const size = rule.blocks.keys;
    s.runs([&](index b, index end) {
      for (index m = (from + b * W) / size; m * size - from < smaller(end * W, rule.keys - from); ++m) {
        if (!mask[m]) { hide(larger(m * size - from, b * W), smaller((m + 1) * size - from, end * W)); }
      }
    });
  }
  hide(low, smaller(larger(v.low(), low), high));
  if (v.first > 0) { hide(v.first, v.begin); }
  hide(larger(v.end, low), high);
  return largest_score<A, W>(scores, stride, s);
}

/// Whether Values multiply run after run of blocks, from where the last one ended, and are told the last; others take
/// the interval with all of them, whose other weights are nothing.
template <class Values>
inline constexpr bool takes_runs = [] {
  if constexpr (requires { Values::takes_runs; }) {
    return Values::takes_runs;
  } else {
    return false;
  }
}();

/// Whether Keys look for the largest scores while they multiply.
template <class Keys>
inline constexpr bool finds_largest = [] {
  if constexpr (requires { Keys::finds_largest; }) {
    return Keys::finds_largest;
  } else {
    return false;
  }
}();

/// What only some Keys and Values have. Asked here, once: inside a generic lambda clang 14 answers no to what depends
/// on its parameter.
template <class Keys>
inline constexpr bool has_offset = requires(Keys const& keys) {
  keys.offset(index{}, index{}, index{});
};
template <class Keys>
inline constexpr bool has_bias = requires(Keys const& keys) {
  keys.bias(index{});
};
template <class Values>
inline constexpr bool has_side_terms = requires(Values const& values, typename Values::writer::weight const* weights,
                                                float* out) {
  values.template add_side_terms<1>(index{}, weights, index{}, index{}, index{}, out, index{});
};

/// Whether Values take all blocks of channels at once.
template <class Values>
inline constexpr bool multiplies_all = requires(Values const& values, float* out) {
  values.template multiply_all<1>(index{}, index{}, index{}, out, index{});
};
/// Whether Values take scores: what would be weigh_rows and multiply_all is one then.
template <class Values>
inline constexpr bool weighs_and_multiplies = requires(Values const& values, float* out, score_scale const* scales) {
  values.template weigh_and_multiply<1>(index{}, out, index{}, index{}, index{}, scales, out, out, out, index{});
}
&&!has_side_terms<Values>;
template <class Values>
inline constexpr bool reads_in_place = requires(Values& values) {
  values.copy();
};

/// What turns scores into weights: of Values that know how, else one without a state.
template <class Values>
[[gnu::always_inline]] inline decltype(auto) writer_of(Values const& values) noexcept {
  if constexpr (requires { values.writes(); }) {
    return (values.writes());
  } else {
    return typename Values::writer{};
  }
}

/// Rows that a writer of weights takes together.
template <class Writer>
inline constexpr int rows_together = [] {
  if constexpr (requires { Writer::rows_together; }) {
    return Writer::rows_together;
  } else {
    return 1;
  }
}();

/// Scores of n rows from `first` of a group become weights; those of row i are times factors[i], most[i] the largest of
/// them.
template <class A, index Near, index W, class Values>
[[gnu::noinline]] void weigh_rows(Values& values, float const* scores, key_blocks s, index first, index n,
                                  float const* factors, float const* most, bool watch,
                                  typename Values::writer::weight* weights, softmax_rows const& sums) noexcept {
  using writer = typename Values::writer;
  auto const& write = writer_of(values);
  auto const settle = [&](index i, float largest, float sum) __attribute__((always_inline)) {
    sums.largest[first + i] = largest;
    sums.sum[first + i] = values.settle(first + i, weights + i * weight_stride, s.begin() * W, s.end() * W, sum);
  };
  for (index i = 0; i < n; ++i) {
    auto* const row = weights + i * weight_stride;
    index last = s.begin();
    s.runs([&](index begin, index end) {  // what lies between weighs nothing
      for (index j = last * W; j < begin * W; ++j) {
        row[j] = writer::nothing;
        if constexpr (writer::planes == 2) { row[writer::plane_stride + j] = writer::nothing; }
      }
      last = end;
    });
  }
  index i = 0;
  constexpr int together = rows_together<writer>;
  if constexpr (together > 1) {
    using line = typename writer::line;
    for (; i + together <= n && !watch; i += together) {
      line lines[static_cast<std::size_t>(together)];
      float largest[static_cast<std::size_t>(together)];
      float row_sums[static_cast<std::size_t>(together)];
      bool fit = true;
      for (int r = 0; r < together; ++r) {
        auto const scale = score_scale::of(factors[i + r], most[i + r]);
        lines[r] = line::of(scale.factor, scale.largest);
        largest[r] = scale.largest;
        fit = fit && lines[r].fits();
      }
      if (!fit) { break; }
      writer::template write_rows<W>(scores + i * W, Near * W, s, lines, weights + i * weight_stride, weight_stride,
                                     row_sums);
      for (int r = 0; r < together; ++r) { settle(i + r, largest[r], row_sums[r]); }
    }
  }
  for (; i < n; ++i) {
    auto const sum = softmax<A, writer, W>(scores + i * W, Near * W, s, factors[i], most[i], watch,
                                           weights + i * weight_stride, write);
    settle(i, sum.largest, sum.sum);
  }
}

/// (m, l, acc) of the rows of a group over the leaf that is loaded, whose first key is `from`; its rows are those from
/// `loaded` of what `keys` has loaded. A row that sees nothing gets (-infinity, 0), and perhaps no accumulators.
template <class A, class Keys, class Values>
void attend_group(Keys const& keys, Values& values, score_rule const& rule, group_of_rows const& rows, index loaded,
                  index from, group_scratch<typename Values::writer::weight> const& scratch) noexcept {
  constexpr index W = Keys::width;
  constexpr index Near = near_rows<Keys::tokens>;
  // Keys may know that no score of theirs is NaN.
  bool watch = true;
  if constexpr (requires { keys.finite(); }) { watch = !rule.plain() || !keys.finite(); }
  scratch.sums.clear(rows.count);
  for (index first = 0; first < rows.count; first += Near) {
    index const n = smaller(Near, rows.count - first);
    key_blocks tiles[static_cast<std::size_t>(Near)];
    for_tiles<Keys::tokens>(n, [&](auto size, index t) {
      auto const blocks = rows.blocks(W, first + t, size);
      for (index i = t; i < t + size; ++i) { tiles[i] = blocks; }
    });
    [[maybe_unused]] alignas(64) float largest[static_cast<std::size_t>(finds_largest<Keys> ? Near : 1)]
                                              [static_cast<std::size_t>(simd::lanes<A>)];
    if constexpr (finds_largest<Keys>) {
      for (auto& of_row : largest) { simd::floats<A>(minus_infinity).store_unaligned(of_row); }
    }
    rows.blocks(W, first, n).runs([&](index b, index end) {
      for (; b < end; ++b) {
        for_tiles<Keys::tokens>(n, [&](auto size, index t) {
          if (tiles[t].has(b)) {
            float* const to = scratch.scores + (b * Near + t) * W;
            if constexpr (finds_largest<Keys>) {
              keys.template multiply<size()>(loaded + first + t, b, to, largest[t]);
            } else {
              keys.template multiply<size()>(loaded + first + t, b, to);
            }
          }
        });
      }
    });
    for_tiles<Values::tokens>(n, [&](auto size, index t) {
      auto const s = rows.blocks(W, first + t, size);
      if (s.none()) { return; }
      [[maybe_unused]] bool const whole =
          rows.whole && rule.plain() && rule.mask == nullptr && s.end() * W <= rows.seen[0].end;
      float most[Values::tokens];
      float factors[Values::tokens];
      for (index i = 0; i < size; ++i) {
        index const row = first + t + i;
        factors[i] = rule.plain() ? keys.factor(loaded + row) : 1.0f;
        float offset = 0;  // others lack it in all scores of a query, which is the same
        if constexpr (has_offset<Keys>) {
          if (rule.cap > 0) {
            auto const at = rows.first + row;
            offset = keys.offset(rows.of.kv_head, rows.of.head(at), rows.of.query(at));
          }
        }
        score_bias bias{nullptr, 0.0f};
        if constexpr (has_bias<Keys>) { bias = keys.bias(loaded + row); }
        float const* found = nullptr;
        if constexpr (finds_largest<Keys>) {
          found = tiles[t + i] == s ? largest[t + i] : nullptr;
          if (found != nullptr && whole && bias.data == nullptr) {
            most[i] = largest_lane<A>(found);
            continue;
          }
        }
        most[i] = finish_scores<A, W, Near>(rule, rows, row, s, from, keys.factor(loaded + row), offset,
                                            scratch.scores + (t + i) * W, found, bias);
      }
      if constexpr (weighs_and_multiplies<Values>) {
        if (values.weighs() && s == key_blocks(s.begin(), s.end())) {
          score_scale scales[static_cast<std::size_t>(size())];
          for (index i = 0; i < size; ++i) {
            scales[i] = score_scale::of(factors[i], most[i]);
            scratch.sums.largest[first + t + i] = scales[i].largest;
          }
          values.template weigh_and_multiply<size()>(
              first + t, scratch.scores + t * W, Near * W, s.begin(), s.end(), scales,
              scratch.weights + t * weight_stride, scratch.sums.sum + first + t,
              scratch.out + (first + t) * Values::width, group_rows * Values::width);
          return;
        }
      }
      auto* const weights = scratch.weights + t * weight_stride;
      weigh_rows<A, Near, W>(values, scratch.scores + t * W, s, first + t, size, factors, most, watch, weights,
                             scratch.sums);
      index high = 0;
      for (index i = 0; i < size; ++i) { high = larger(high, rows.seen[first + t + i].end); }
      high = smaller(high, s.end() * W);
      auto const multiply = [&] {
        if constexpr (multiplies_all<Values>) {
          values.template multiply_all<size()>(first + t, s.begin() * W, high,
                                               scratch.out + (first + t) * Values::width, group_rows * Values::width);
        } else {
          for (index b = 0; b < values.blocks(); ++b) {
            float* const out = scratch.out + (b * group_rows + first + t) * Values::width;
            if constexpr (takes_runs<Values>) {
              bool more = false;
              s.runs([&](index begin, index end) {
                values.template multiply<size()>(first + t, weights, weight_stride, b, begin * W,
                                                 smaller(end * W, high), out, more, end == s.end());
                more = true;
              });
            } else {
              values.template multiply<size()>(first + t, weights, weight_stride, b, s.begin() * W, high, out);
            }
          }
        }
      };
      multiply();
      if constexpr (reads_in_place<Values>) {
        float const* const out = scratch.out + (first + t) * Values::width;
        if (values.in_doubt(size, out, group_rows * Values::width)) {
          values.copy();
          for (index i = 0; i < size; ++i) {
            float& sum = scratch.sums.sum[first + t + i];
            sum = values.settle(first + t + i, weights + i * weight_stride, s.begin() * W, s.end() * W, sum);
          }
          multiply();
        }
      }
      if constexpr (has_side_terms<Values>) {
        values.template add_side_terms<size()>(first + t, weights, weight_stride, s.begin() * W, high,
                                               scratch.out + (first + t) * Values::width, group_rows * Values::width);
      }
    });
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
