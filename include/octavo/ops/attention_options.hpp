// SPDX-License-Identifier: MIT
// The options of attention: masks, what is added to scores, sinks, log-sum-exp. Any of them, in any order.
#pragma once

#include <type_traits>

#include "octavo/kernel/score_rule.hpp"
#include "octavo/ops/attention_run.hpp"
#include "octavo/ops/context.hpp"
#include "octavo/quant/sulq.hpp"
#include "octavo/storage/rope_table.hpp"

namespace octavo {
inline namespace v0 {

/// Heads of operands that are matrices, heads x head_dim features; a heads_view knows its own. Query head h reads kv head
/// h / (query_heads / kv_heads).
struct attention_heads {
  index query_heads = 1;
  index kv_heads = 1;
};

/// A query sees no key behind it. Queries are the last ones of the sequence: query i of n stands where key
/// i + keys - n does. With more queries than keys, the first see nothing.
struct causal {};
/// A query sees so many keys before it and behind it, itself besides; -1: all. The first `first` keys of the sequence it
/// sees in any case, as StreamingLLM's sinks (Xiao et al. 2023), but for those that causal{} hides.
struct sliding_window {
  index left = -1;
  index right = -1;
  index first = 0;
};
/// What scores are multiplied by, above 0, in place of 1 / sqrt(head_dim).
struct softmax_scale {
  float value;
};
/// s becomes limit * tanh(s / limit) (Gemma 2).
struct soft_cap {
  float limit;
};
/// s -= slope * |distance|, a slope for each query head (Press, Smith, Lewis 2022).
struct alibi {
  float const* slopes;
};
/// s += bias, data[key + query * query_stride + head * head_stride], of query heads. A stride may be 0.
template <element T>
struct additive_bias {
  T const* data;
  index query_stride;
  index head_stride = 0;
};
/// A query sees a key where data[key + query * query_stride + head * head_stride] is true.
struct boolean_mask {
  bool const* data;
  index query_stride;
  index head_stride = 0;
};
/// The same for blocks of block_queries x block_keys: a query sees a key where data[key / block_keys + query / block_queries
/// * query_stride + head * head_stride] is true (SwinBERT, Lin et al. 2022, after its threshold). The bits are those of a
/// boolean_mask that says the same. Where all queries of a tile (up to 16) miss all keys of one (up to 64) nothing is
/// computed; weights and values of a cache, or without vpdpbusd, only from the first of the leaf that one sees to the last.
struct block_mask {
  bool const* data;
  index block_queries;
  index block_keys;
  index query_stride;
  index head_stride = 0;
};
/// For each query head a score that takes its share of the softmax and has no value.
struct sink_logits {
  float const* data;
};
/// Keys are quantized less their mean, channel by channel, over all keys of the call (SageAttention, Zhang et al. 2024). The
/// product of a query with the mean is the same in all its scores, so the softmax does not change; log-sum-exps, sinks and
/// soft_cap get it back. The mean is a dynamic parameter of all keys: bits depend on which keys there are, behind a query
/// too, and a key that is not finite makes all outputs of its head NaN; they do not depend on queries or threads. A second
/// allocation: kv_heads * head_dim floats.
struct smooth_keys {};
/// The same with a given shift, data[channel + kv_head * head_stride], such as the mean of a first chunk: bits do not depend
/// on which keys there are.
struct key_shift {
  float const* data;
  index head_stride;
};
/// Queries are quantized less their mean, channel by channel, over all queries of a head in the call (SageAttention 2, Zhang et
/// al. 2024, there over 128). What the mean gives with a key, less the shift of the keys, is added to its scores as f32: a chain
/// by 16 lanes for each key. Bits depend on which queries there are, and one that is not finite makes all outputs of its head
/// NaN; they do not depend on threads. A second allocation: query_heads * head_dim floats.
struct smooth_queries {};
/// The same with a given shift, data[channel + query_head * head_stride], from calibration: bits do not depend on which queries
/// there are.
struct query_shift {
  float const* data;
  index head_stride;
};
/// The base of logarithmic probabilities, adalog: levels are 2^(-c q / 37), q from 10 to 137. To be calibrated on weights
/// relative to the largest of their leaf.
struct log_base {
  int q;
};
/// Values are quantized less their mean, channel by channel, over a leaf of 512 keys; it comes back times the sum of the
/// weights as they are multiplied. As the scales of values, it depends on the keys of its leaf alone.
struct smooth_values {};
/// Sequences of different lengths, one behind the other in every operand: sequence s has queries queries[s] up to
/// queries[s + 1] and keys keys[s] up to keys[s + 1] (sequences + 1 offsets each, from 0 to all tokens; cu_seqlens). Each is
/// an attention of its own, with the bits of a call of its own: causal{} ends with its last key, leaves and positions begin
/// with its first. Biases, masks and log-sum-exps have the queries of all, and keys that count from the first of the
/// sequence. Of a cache_batch (ops/cache_batch.hpp) queries alone are packed, and `keys` stays null. Not for one cache.
struct ragged {
  index const* queries;
  index const* keys = nullptr;
  index sequences = 0;
};
/// Keys of a cache are those before rotary embedding (KVQuant, Hooper et al. 2024): key j is turned to position j when it is
/// read, with the bits of rope() on what its page holds. Queries have been turned by the caller. Channels that mix different
/// angles have no steady range, so that keys by channel take fewer bits before they are turned. Not with integers: turned
/// keys are no codes, and become f32 once for all query heads of a kv head and 1536 rows.
struct key_rope {
  rope_table const& table;
};
/// Natural logarithms of the sums of exponentials go to data[query + head * head_stride]; -infinity where nothing is seen.
struct log_sum_exp {
  float* data;
  index head_stride;
};

namespace detail {

/// In place of an option that the schemes of a call cannot take (ops/attention_ways.hpp).
template <class Option>
struct left_out {};

/// What the options say, gathered.
struct attention_settings {
  kernel::score_rule rule{};
  ops::lse_out lse{};
  attention_heads heads{};
  ops::shift_in shift{};
  ops::shift_in queries{};
  ops::attention_sequences sequences{};
  int base = 0;
  sulq_params shifted{};
  rope_table const* turns = nullptr;

  [[gnu::always_inline]] void set(attention_heads const& o) noexcept { heads = o; }
  [[gnu::always_inline]] void set(causal const&) noexcept { rule.causal = true; }
  [[gnu::always_inline]] void set(sliding_window const& o) noexcept {
    rule.left = o.left;
    rule.right = o.right;
    rule.first = o.first;
  }
  [[gnu::always_inline]] void set(softmax_scale const& o) {
    if (!(o.value > 0) || !is_finite(o.value)) {
      fail("attention: softmax_scale must be a finite number above 0. Leave it out for 1 / sqrt(head_dim).");
    }
    rule.scale = o.value;
  }
  [[gnu::always_inline]] void set(soft_cap const& o) {
    if (!(o.limit > 0) || !is_finite(o.limit)) {
      fail("attention: soft_cap must be a finite number above 0. Leave it out for scores as they are.");
    }
    rule.cap = o.limit;
  }
  [[gnu::always_inline]] void set(alibi const& o) { rule.slopes = present(o.slopes); }
  template <class T>
  [[gnu::always_inline]] void set(additive_bias<T> const& o) {
    rule.bias = kernel::element_pointer(present(o.data));
    rule.bias_query = o.query_stride;
    rule.bias_head = o.head_stride;
  }
  [[gnu::always_inline]] void set(boolean_mask const& o) {
    rule.mask = present(o.data);
    rule.mask_query = o.query_stride;
    rule.mask_head = o.head_stride;
  }
  [[gnu::always_inline]] void set(block_mask const& o) {
    if (o.block_queries < 1 || o.block_keys < 1) {
      fail_extents("attention", "block_mask has block_queries", o.block_queries, "block_keys", o.block_keys,
                   "Both must be at least 1.");
    }
    rule.blocks = {present(o.data), o.block_queries, o.block_keys, o.query_stride, o.head_stride};
  }
  [[gnu::always_inline]] void set(sink_logits const& o) { rule.sinks = present(o.data); }
  [[gnu::always_inline]] void set(log_sum_exp const& o) { lse = {present(o.data), o.head_stride}; }
  [[gnu::always_inline]] void set(smooth_keys const&) noexcept {}
  [[gnu::always_inline]] void set(key_shift const& o) { shift = {present(o.data), o.head_stride, 0}; }
  [[gnu::always_inline]] void set(smooth_queries const&) noexcept {}
  [[gnu::always_inline]] void set(query_shift const& o) { queries = {present(o.data), o.head_stride, 0}; }
  [[gnu::always_inline]] void set(log_base const& o) noexcept { base = o.q; }
  [[gnu::always_inline]] void set(sulq_params const& o) {
    if (!(o.eta >= 0 && o.step > 0) || !is_finite(o.eta) || !is_finite(o.step)) {
      fail(
          "attention: sulq_params need a finite eta that is not below 0, and a finite step above 0. Calibrate them.");
    }
    shifted = o;
  }
  [[gnu::always_inline]] void set(ragged const& o) {
    if (o.sequences < 0) { fail("attention: ragged has less than 0 sequences."); }
    sequences.count = o.sequences;
    sequences.query_offsets = present(o.queries);
    sequences.key_offsets = o.keys;
  }
  [[gnu::always_inline]] void set(smooth_values const&) noexcept {}
  [[gnu::always_inline]] void set(key_rope const& o) noexcept { turns = &o.table; }
  template <class Option>
  [[gnu::always_inline]] void set(left_out<Option> const&) noexcept {}
  template <class Option>
  [[gnu::always_inline]] void set(Option const&) noexcept {
    static_assert(
        is_context<Option>,
        "Octavo: attention takes these options: attention_heads, causal, sliding_window, softmax_scale, soft_cap, alibi, "
        "additive_bias, boolean_mask, block_mask, sink_logits, log_sum_exp, ragged, smooth_keys, key_shift, "
        "smooth_queries, query_shift, smooth_values, key_rope, log_base, sulq_params, a context "
        "(on(pool)).");
  }

 private:
  template <class T>
  [[nodiscard, gnu::always_inline]] static T* present(T* p) {
    if (p == nullptr) {
      fail("attention: the data pointer of an option is null. Pass memory, or leave the option out.");
    }
    return p;
  }
};

template <class Option, class... Options>
inline constexpr int count_of = (0 + ... + static_cast<int>(std::is_same_v<Option, Options>));

}  // namespace detail
}  // namespace v0
}  // namespace octavo
