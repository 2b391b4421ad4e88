// SPDX-License-Identifier: MIT
// How attention cuts its work: kv heads x blocks of query rows, and leaves of keys where there are few rows.
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>

#include "octavo/core/ask_for.hpp"
#include "octavo/core/heads_view.hpp"
#include "octavo/core/log2.hpp"
#include "octavo/kernel/attention_tile.hpp"
#include "octavo/kernel/byte_products.hpp"
#include "octavo/ops/context.hpp"

namespace octavo {
inline namespace v0 {
namespace ops {

/// The sequences of a call: tokens one sequence after the other, sequence s from offset s to s + 1, or as many of each.
struct attention_sequences {
  index count = 1;
  index queries = 0, keys = 0;           ///< of each, where there are no offsets
  index const* query_offsets = nullptr;  ///< count + 1 of them, or null
  index const* key_offsets = nullptr;

  struct sequence {
    index first_query, queries, first_key, keys;
  };
  [[nodiscard, gnu::always_inline]] sequence at(index s) const noexcept {
    sequence result{s * queries, queries, s * keys, keys};
    if (query_offsets != nullptr) {
      result.first_query = query_offsets[s];
      result.queries = query_offsets[s + 1] - query_offsets[s];
    }
    if (key_offsets != nullptr) {
      result.first_key = key_offsets[s];
      result.keys = key_offsets[s + 1] - key_offsets[s];
    }
    return result;
  }
};

/// What keys, or queries, are quantized less of, data[channel + head * head_stride + sequence * sequence_stride]; null: nothing.
struct shift_in {
  float const* data = nullptr;
  index head_stride = 0;
  index sequence_stride = 0;
};

/// Where log-sum-exps go: data[query + head * head_stride], or nowhere.
struct lse_out {
  float* data = nullptr;
  index head_stride = 0;
};

/// One call of attention. Keys and Values say how K and V enter (kernel/attention_tile.hpp).
///
/// An item is a block of the rows of one kv head and sequence, times all leaves; or times one leaf, where rows are too few to
/// keep all threads busy, or one sequence is so long that others would wait for it. Its state (m, l, acc) of a row takes leaf
/// after leaf. States of single leaves are then merged in the same way, so that results do not know how the work was cut.
template <class A, class Keys, class Values, class Out>
class attention_run {
  static constexpr index L = simd::lanes<A>;
  static constexpr index G = kernel::group_rows;
  /// Rows of an item at most: enough that packing K and V does not count, few enough that states stay near.
  static constexpr index most_rows = 32 * G;
  static constexpr index fewest_rows = 2 * G;

 public:
  attention_run(Keys const& keys, Values const& values, kernel::score_rule const& rule, index kv_heads,
                attention_sequences const& sequences, shift_in const& shift, shift_in const& queries,
                heads_view<Out> const& out, lse_out const& lse) noexcept
      : keys_(keys),
        values_(values),
        rule_(rule),
        sequences_(sequences),
        shift_(shift),
        query_shift_(queries),
        out_(out),
        lse_(lse),
        kv_heads_(kv_heads) {
    per_kv_ = kv_heads == 0 ? 0 : out.heads() / kv_heads;
    channels_ = values.blocks() * Values::width;
  }

  template <class Context>
  void operator()(Context const& context) {
    index most = 0;  // the most of a sequence, and leaves
    index leaves = 1;
    for (index s = 0; s < sequences_.count; ++s) {
      most = larger(most, product(per_kv_, sequence(s).queries));
      leaves = larger(leaves, ceil_div(sequence(s).keys, kernel::leaf_keys));
    }
    if (most == 0 || kv_heads_ == 0) { return; }
    index const heads = product(kv_heads_, sequences_.count);
    index const wanted = context.pieces(product(heads, most, leaves));
    index const blocks =
        larger(ceil_div(most, most_rows), smaller(ceil_div(wanted, heads), ceil_div(most, fewest_rows)));
    block_ = round_up(ceil_div(most, blocks), G);
    index items = count_items(false);
    index const all_leaves = count_items(true);
    bool const uneven = block_ <= fewest_rows && product(leaves, wanted) > all_leaves;
    bool const by_leaf = leaves > 1 && (items < wanted || uneven);
    index const mergers = smaller(wanted, items);
    if (by_leaf) { items = all_leaves; }
    index const pieces = smaller(wanted, items);

    index const state = state_floats();
    using scratch_type = detail::scratch_block<A>;
    index const states = by_leaf ? items : pieces;
    scratch_type scratch(context.memory(), scratch_type::template bytes<float>(product(states, state)) +
                                               scratch_type::template bytes<float>(product(pieces, piece_floats())) +
                                               alignment);
    float* const all_states = scratch.template take<float>(states * state);
    float* const room = scratch.template take<float>(pieces * piece_floats());
    // Pieces take items in turn, the last and longest of causal attention first.
    context.execute(pieces, [&](index piece) noexcept {
      cursor at(*this, items, by_leaf);
      for (index i = piece; i < items; i += pieces) {
        index const item = items - 1 - i;
        at.go_down_to(item);
        item_rows const rows = at.rows(item);
        state_of_rows const s(all_states + (by_leaf ? item : piece) * state, *this);
        index const leaf = at.split(item);
        attend(rows, leaf, by_leaf ? leaf + 1 : leaves_of(rows), s, room + piece * piece_floats());
        if (!by_leaf) { finish(rows, s, room + piece * piece_floats()); }
      }
    });
    if (!by_leaf) { return; }
    context.execute(mergers, [&](index piece) noexcept {
      cursor at(*this, items, true);
      for (index item = items - 1, b = 0; item >= 0; --item) {  // b: blocks so far
        at.go_down_to(item);
        item -= at.split(item);
        if (b++ % mergers != piece) { continue; }
        item_rows const rows = at.rows(item);
        state_of_rows const s(all_states + item * state, *this);
        for (index leaf = 1; leaf < leaves_of(rows); ++leaf) {
          state_of_rows const next(all_states + (item + leaf) * state, *this);
          for (index first = 0; first < rows.count; first += G) {
            merge(s, first, next.sums(first), next.acc(first), smaller(G, rows.count - first));
          }
        }
        finish(rows, s, room + piece * piece_floats());
      }
    });
  }

 private:
  struct item_rows {
    kernel::query_rows of;
    index first;
    index count;
    index sequence;
    index first_key;
    kernel::score_rule rule;
  };
  /// Caches of a batch begin with keys of their own.
  [[nodiscard]] attention_sequences::sequence sequence(index s) const noexcept {
    auto of = sequences_.at(s);
    if constexpr (requires { keys_.length(s); }) {
      of.first_key = 0;
      of.keys = keys_.length(s);
    }
    return of;
  }
  [[nodiscard]] static index leaves_of(item_rows const& rows) noexcept {
    return ceil_div(rows.rule.keys, kernel::leaf_keys);
  }
  /// How a sequence is cut: kv heads x blocks of rows x splits of keys.
  struct cut {
    index blocks;
    index splits;
  };
  [[nodiscard]] cut cut_of(index s, bool by_leaf) const noexcept {
    auto const q = sequence(s);
    index const leaves = ceil_div(q.keys, kernel::leaf_keys);
    return {ceil_div(per_kv_ * q.queries, block_), by_leaf ? larger(leaves, 1) : 1};
  }
  [[nodiscard]] index count_items(bool by_leaf) const {
    index items = 0;
    for (index s = 0; s < sequences_.count; ++s) {
      auto const c = cut_of(s, by_leaf);
      items += product(kv_heads_, c.blocks, c.splits);
    }
    return items;
  }
  /// Where items belong: sequences in order; in each kv heads, then blocks, then splits. Items come in descending order.
  class cursor {
   public:
    cursor(attention_run const& run, index items, bool by_leaf) noexcept
        : run_(run), by_leaf_(by_leaf), sequence_(run.sequences_.count), first_(items) {}
    void go_down_to(index item) noexcept {
      while (item < first_) {
        cut_ = run_.cut_of(--sequence_, by_leaf_);
        first_ -= run_.kv_heads_ * cut_.blocks * cut_.splits;
      }
    }
    [[nodiscard]] index split(index item) const noexcept { return (item - first_) % cut_.splits; }
    [[nodiscard]] item_rows rows(index item) const noexcept {
      auto const q = run_.sequence(sequence_);
      index const block = (item - first_) / cut_.splits;
      index const first = block % cut_.blocks * run_.block_;
      item_rows r{{block / cut_.blocks, run_.per_kv_, q.first_query},
                  first,
                  smaller(run_.block_, run_.per_kv_ * q.queries - first),
                  sequence_,
                  q.first_key,
                  run_.rule_};
      r.rule.keys = q.keys;
      r.rule.offset = q.keys - q.queries - q.first_query;
      return r;
    }

   private:
    attention_run const& run_;
    bool by_leaf_;
    index sequence_;
    index first_;
    cut cut_{};
  };
  /// Keys as those of one sequence are quantized.
  [[nodiscard]] Keys keys_of(item_rows const& rows) const noexcept {
    Keys keys = keys_;
    if constexpr (requires { keys.choose(rows.sequence); }) { keys.choose(rows.sequence); }
    if constexpr (requires { keys.shift(nullptr, 0); }) {
      if (shift_.data != nullptr) {
        keys.shift(shift_.data + rows.sequence * shift_.sequence_stride, shift_.head_stride);
      }
      if (query_shift_.data != nullptr) {
        keys.shift_queries(query_shift_.data + rows.sequence * query_shift_.sequence_stride,
                           query_shift_.head_stride);
      }
    }
    return keys;
  }

  /// (m, l, acc) of the rows of an item, group by group.
  class state_of_rows {
   public:
    state_of_rows(float* p, attention_run const& run) noexcept : p_(p), channels_(run.channels_) {}
    [[nodiscard]] kernel::softmax_rows sums(index first) const noexcept {
      float* const group = p_ + first * (channels_ + 2);
      return {group, group + G};
    }
    /// [block of channels][row][width]
    [[nodiscard]] float* acc(index first) const noexcept { return p_ + first * (channels_ + 2) + 2 * G; }

   private:
    float* p_;
    index channels_;
  };
  [[nodiscard]] index state_floats() const { return product(block_, channels_ + 2); }

  /// Scratch of a piece: of K, of V, and of a group of rows.
  [[nodiscard]] index piece_floats() const {
    return keys_.scratch(block_) + values_.scratch() +
           product(kernel::most_near_rows, kernel::leaf_keys + kernel::weight_stride) + product(G, channels_ + 2);
  }

  void attend(item_rows const& rows, index leaf, index leaves, state_of_rows const& state,
              float* room) const noexcept {
    Keys keys = keys_of(rows);
    Values values = values_;
    if constexpr (requires { values.choose(rows.sequence); }) { values.choose(rows.sequence); }
    auto const& rule = rows.rule;
    [[maybe_unused]] kernel::product_session<A> session;
    if constexpr (requires { keys.join(session); }) { keys.join(session); }
    if constexpr (requires { values.join(session); }) { values.join(session); }
    keys.use(room, block_);
    values.use(room + keys.scratch(block_));
    if constexpr (requires { values.expect_rows(index{}); }) { values.expect_rows(rows.count); }
    float* p = room + keys.scratch(block_) + values.scratch();
    using weight = typename Values::writer::weight;
    kernel::group_scratch<weight> group{};
    group.scores = p;
    p += kernel::most_near_rows * kernel::leaf_keys;
    group.weights = reinterpret_cast<weight*>(p);
    group.out = p += kernel::most_near_rows * kernel::weight_stride;
    group.sums.largest = p += G * channels_;
    group.sums.sum = p + G;

    for (index first = 0; first < rows.count; first += G) { state.sums(first).clear(smaller(G, rows.count - first)); }
    keys.load_rows(rows.of, rows.first, rows.count);
    index const all_leaves = leaf == 0 ? leaves_of(rows) : -1;
    for (; leaf < leaves; ++leaf) {
      index const from = leaf * kernel::leaf_keys;
      index const n = smaller(kernel::leaf_keys, rule.keys - from);
      bool loaded = false;
      for (index first = 0; first < rows.count; first += G) {
        index const count = smaller(G, rows.count - first);
        kernel::group_of_rows const seeing(rule, rows.of, rows.first + first, count, from, n);
        if (seeing.blocks(Keys::width, 0, count).none()) { continue; }
        if (!loaded) {
          keys.load_leaf(rows.of.kv_head, rows.first_key + from, n);
          values.load_leaf(rows.of.kv_head, rows.first_key + from, n);
          bool const more = leaf + 1 < leaves;  // heads come last first
          index const head = more ? rows.of.kv_head : leaves == all_leaves ? rows.of.kv_head - 1 : -1;
          index const next = more ? from + kernel::leaf_keys : 0;
          if constexpr (requires { keys.expect(head, next); }) { keys.expect(head, next); }
          if constexpr (requires { values.expect(head, next); }) { values.expect(head, next); }
          loaded = true;
        }
        auto const sums = state.sums(first);
        bool fresh = true;
        for (index i = 0; i < count && fresh; ++i) { fresh = sums.sum[i] == 0; }
        if (fresh) {  // nothing to merge with
          auto direct = group;
          direct.out = state.acc(first);
          direct.sums = sums;
          kernel::attend_group<A>(keys, values, rule, seeing, first, from, direct);
        } else {
          kernel::attend_group<A>(keys, values, rule, seeing, first, from, group);
          merge(state, first, group.sums, group.out, count);
        }
      }
    }
  }

  void merge(state_of_rows const& into, index first, kernel::softmax_rows const& sums, float const* acc,
             index count) const noexcept {
    alignas(64) float keep[G];
    alignas(64) float take[G];
    bool fresh[G];
    auto const so_far = into.sums(first);
    for (index i = 0; i < count; ++i) { fresh[i] = so_far.sum[i] == 0; }
    kernel::merge_rows<A>(so_far, sums, count, keep, take);
    float* const to = into.acc(first);
    for (index i = 0; i < count; ++i) {
      if (sums.sum[i] == 0) { continue; }  // nothing was seen, nothing was computed
      for (index b = 0; b < channels_ / Values::width; ++b) {
        index const at = (b * G + i) * Values::width;
        if (fresh[i]) {  // what the merge with 0 gives
          std::memcpy(to + at, acc + at, Values::width * sizeof(float));
        } else {
          kernel::merge_accumulators<A>(to + at, acc + at, Values::width, keep[i], take[i]);
        }
      }
    }
  }

  /// Sinks, then acc / l and log-sum-exps.
  void finish(item_rows const& rows, state_of_rows const& state, float* room) const noexcept {
    Keys const keys = keys_of(rows);
    for (index first = 0; first < rows.count; first += G) {
      index const count = smaller(G, rows.count - first);
      auto const sums = state.sums(first);
      float* const acc = state.acc(first);
      if (rule_.sinks != nullptr) {
        kernel::softmax_rows const sink{room, room + G};
        sink.clear(G);
        for (index i = 0; i < count; ++i) {
          index const row = rows.first + first + i;
          sink.largest[i] =
              detail::opaque(rule_.sinks[rows.of.head(row)] * rule_.log2e) - offset_of(keys, rows.of, row);
          sink.sum[i] = unit();
        }
        float* const nothing = room + 2 * G;
        std::memset(nothing, 0, static_cast<std::size_t>(G * channels_) * sizeof(float));
        merge(state, first, sink, nothing, count);
      }
      for (index i = 0; i < count; ++i) {
        index const row = rows.first + first + i;
        index const head = rows.of.head(row);
        index const query = rows.of.query(row);
        float const l = sums.sum[i];
        if (row + rows_ahead < rows.first + rows.count) {
          detail::ask_for<true, 2>(out_.at(rows.of.head(row + rows_ahead), rows.of.query(row + rows_ahead)),
                                   out_.head_dim());
        }
        if (lse_.data != nullptr) {
          constexpr double ln2 = 0.6931471805599453;
          double const log = static_cast<double>(sums.largest[i]) +
                             static_cast<double>(offset_of(keys, rows.of, row)) +
                             detail::log2_of(static_cast<double>(l / unit()));
          lse_.data[query + head * lse_.head_stride] = static_cast<float>(log * ln2);
        }
        divide(acc + i * Values::width, l, out_.at(head, query));
      }
    }
  }
  /// Lines of outputs are asked for so many rows before they are written: they come from memory as those of inputs do.
  static constexpr index rows_ahead = 8;
  /// What a weight of 1 counts as in sums.
  [[nodiscard]] float unit() const noexcept {
    if constexpr (requires { values_.unit(); }) {
      return values_.unit();
    } else {
      return Values::writer::unit;
    }
  }
  /// What all scores of a row lack.
  [[nodiscard]] float offset_of(Keys const& keys, kernel::query_rows const& of, index row) const noexcept {
    if constexpr (kernel::has_offset<Keys>) {
      if (rule_.cap == 0) { return keys.offset(of.kv_head, of.head(row), of.query(row)); }
    }
    return 0;
  }
  /// acc * (1 / l); +0 for a row that saw nothing, and never -0.
  void divide(float const* acc, float l, Out* y) const noexcept {
    index const n = out_.head_dim();
    bool const none = l == 0;
    simd::floats<A> const inverse(none ? 0.0f : 1.0f / l);
    for (index first = 0; first < n; first += Values::width, acc += G * Values::width) {
      for (index c = first; c < smaller(first + Values::width, n); c += L) {
        auto const sum = none ? inverse : simd::load_floats<A>(acc + c - first);
        auto const o = simd::fused<A>(sum, inverse, simd::floats<A>(0.0f));
        if (c + L <= n) {
          simd::store_from_floats<A>(y + c, o);
        } else {
          simd::store_first<A>(y + c, o, n - c);
        }
      }
    }
  }

  Keys keys_;
  Values values_;
  kernel::score_rule rule_;
  attention_sequences sequences_;
  shift_in shift_;
  shift_in query_shift_;
  heads_view<Out> out_;
  lse_out lse_;
  index kv_heads_;
  index per_kv_ = 0;
  index channels_ = 0;
  index block_ = G;
};

}  // namespace ops
}  // namespace v0
}  // namespace octavo
