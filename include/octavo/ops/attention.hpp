// SPDX-License-Identifier: MIT
// attention(q, k, v, out): softmax(Q K) V for one token or many, any heads, masks and biases, by floats or by codes.
#pragma once

#include <type_traits>

#include "octavo/core/heads_view.hpp"
#include "octavo/kernel/channel_page_keys.hpp"
#include "octavo/kernel/code_keys.hpp"
#include "octavo/kernel/code_values.hpp"
#include "octavo/kernel/dense_operands.hpp"
#include "octavo/kernel/dense_pages.hpp"
#include "octavo/kernel/minifloat_values.hpp"
#include "octavo/kernel/page_elements.hpp"
#include "octavo/kernel/page_firsts.hpp"
#include "octavo/kernel/page_keys.hpp"
#include "octavo/kernel/page_values.hpp"
#include "octavo/ops/attention_options.hpp"
#include "octavo/ops/attention_run.hpp"
#include "octavo/ops/cache_batch.hpp"
#include "octavo/ops/context.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

/// Two extents that should fit and do not; `what` is null where all is well.
struct misfit {
  char const* what = nullptr;
  index a = 0;
  char const* other = nullptr;
  index b = 0;
  char const* todo = nullptr;
};
template <class Q, class K, class V, class Out>
[[nodiscard, gnu::always_inline]] inline misfit misfit_of(Q const& q, K const& k, V const& v, Out const& out) {
  constexpr auto* equal = "They must be equal.";
  bool const any = !is_empty_batch(k) || !is_empty_batch(v);
  if (any && q.head_dim() != k.head_dim()) { return {"Q has head_dim", q.head_dim(), "K has", k.head_dim(), equal}; }
  if (any && v.head_dim() != out.head_dim()) {
    return {"V has head_dim", v.head_dim(), "out has", out.head_dim(), equal};
  }
  if (k.heads() != v.heads()) { return {"K has heads", k.heads(), "V has", v.heads(), equal}; }
  if (k.tokens() != v.tokens()) { return {"K has keys", k.tokens(), "V has", v.tokens(), equal}; }
  if (q.heads() != out.heads()) { return {"Q has heads", q.heads(), "out has", out.heads(), equal}; }
  if (q.tokens() != out.tokens()) { return {"Q has queries", q.tokens(), "out has", out.tokens(), equal}; }
  if (any && (k.heads() == 0 ? q.heads() != 0 : q.heads() % k.heads() != 0)) {
    return {"Q has heads", q.heads(), "K has", k.heads(), "Query heads must be a multiple of kv heads."};
  }
  if constexpr (is_batch_side<K> && is_batch_side<V>) {
    if (k.caches() != v.caches()) { return {"K has caches", k.caches(), "V has", v.caches(), equal}; }
    for (index s = 0; s < k.caches(); ++s) {
      if (k.tokens(s) != v.tokens(s)) { return {"K has keys", k.tokens(s), "V has", v.tokens(s), equal}; }
    }
  }
  return {};
}

}  // namespace detail

/// Whether attention(q, k, v, out) would accept these shapes. Matrices have heads as said.
template <class Q, class K, class V, class Out>
[[nodiscard, gnu::always_inline]] inline bool can_attention(Q const& q, K const& k, V const& v, Out&& out,
                                                            attention_heads const& heads = {}) {
  auto const qs = as_heads(q, heads.query_heads);
  auto const ks = as_heads(k, heads.kv_heads);
  auto const vs = as_heads(v, heads.kv_heads);
  auto const os = as_heads(out, heads.query_heads);
  return detail::misfit_of(qs, ks, vs, os).what == nullptr;
}

namespace detail {

/// How K and V enter: as floats, or as codes of a scheme. They are elements, or the keys and values of a cache.
template <class Scheme>
consteval bool check_query_scheme() {
  static_assert(is_scheme<Scheme>,
                "Octavo: the first template argument of attention is the scheme of Q and K, such as "
                "scheme<symmetric<int8>, per_token>; without one they stay as they are.");
  static_assert(is_per_token<typename Scheme::granularity>,
                "Octavo: attention quantizes Q and K per_token: a scale for each query and for each key.");
  using quantizer = typename Scheme::quantizer;
  static_assert(
      kernel::integer_quantizer<quantizer> && is_symmetric<quantizer> && !kernel::has_operand_zeros<quantizer>,
      "Octavo: attention quantizes Q and K by symmetric<int8> or symmetric<int4>.");
  return true;
}
template <class Scheme>
inline constexpr bool is_log_scheme = false;
template <class Quantizer>
inline constexpr bool is_log_scheme<scheme<Quantizer, per_tensor>> = kernel::weight_quantizer<Quantizer>::is;
template <class Scheme>
inline constexpr bool is_float_scheme = false;
template <class F>
inline constexpr bool is_float_scheme<scheme<symmetric<F>, per_tensor>> =
    F::bits == 8 && kernel::encoding_of<F> == kernel::encoding::minifloat;
template <class Scheme>
inline constexpr bool has_log_base = false;
template <class Scheme>
  requires is_log_scheme<Scheme>
inline constexpr bool has_log_base<Scheme> = kernel::weight_quantizer<typename Scheme::quantizer>::has_base;
template <class Scheme>
inline constexpr bool has_sulq_params = false;
template <class Scheme>
  requires is_log_scheme<Scheme>
inline constexpr bool has_sulq_params<Scheme> =
    std::is_same_v<typename kernel::weight_quantizer<typename Scheme::quantizer>::levels_type, kernel::border_levels>;

template <class Scheme>
consteval bool check_probability_scheme() {
  static_assert(
      std::is_same_v<Scheme, scheme<symmetric<uint8>, per_tensor>> || is_log_scheme<Scheme>,
      "Octavo: the second template argument of attention is the scheme of the probabilities, "
      "scheme<symmetric<uint8>, per_tensor>: bytes of 1/255; or per_tensor of symmetric<e4m3>, "
      "symmetric<log2_format<4>>, symmetric<log_sqrt2_format<4>>, adalog<4> or sulq<4> (or fewer bits); without one "
      "they stay f32, as do the values.");
  return true;
}
/// Whether a cache stores by S what an integer dot product can take.
template <class S>
consteval bool check_cache_codes() {
  static_assert(
      !element<S>,
      "Octavo: this cache keeps its elements as they are. Leave out the template argument, or store by a scheme.");
  if constexpr (!element<S>) {
    static_assert(
        lattice<typename S::format>.exact,
        "Octavo: codes of this cache are no integers, so they have no integer dot product. Leave out the template "
        "argument: attention then multiplies their values as f32.");
  }
  return true;
}

template <class A, class Scheme, class Q, class K>
struct keys_of {
  static_assert(check_query_scheme<Scheme>());
  using type = kernel::code_keys<A, typename Scheme::quantizer, Q, K>;
};
template <class A, class Q, class K>
struct keys_of<A, as_is, Q, K> {
  using type = kernel::dense_keys<A, Q, K>;
};
template <class A, class Scheme, class Q, class K>
struct keys_of<A, Scheme, Q, cache_side<K, key_layout<K>, false>> {
  static_assert(check_query_scheme<Scheme>() && check_cache_codes<K>());
  using quantizer = typename Scheme::quantizer;
  using codes = std::conditional_t<(residual_of<key_layout<K>> > 1), kernel::channel_page_keys<A, quantizer, Q, K>,
                                   kernel::page_keys<A, quantizer, Q, K>>;
  using type = typename kernel::with_side_terms<A, K>::template keys<codes, Q>;
};
template <class A, class Q, class K>
struct keys_of<A, as_is, Q, cache_side<K, key_layout<K>, false>> {
  using type = kernel::dense_page_keys<A, Q, K>;
};
template <class A, class Scheme, class V>
struct values_of {
  static_assert(check_probability_scheme<Scheme>());
  using type = kernel::code_values<A, V>;
};
template <class A, class Scheme, class V>
  requires is_log_scheme<Scheme> && element<V>
struct values_of<A, Scheme, V> {
  using type = kernel::code_values<A, V, typename kernel::weight_quantizer<typename Scheme::quantizer>::levels_type>;
};
template <class A, class Scheme, class V>
  requires is_float_scheme<Scheme> && element<V>
struct values_of<A, Scheme, V> {
  using type = kernel::minifloat_values<A, typename Scheme::format, V>;
};
template <class A, class V>
struct values_of<A, as_is, V> {
  using type = kernel::dense_values<A, V>;
};
template <class A, class Scheme, class V>
  requires is_log_scheme<Scheme> || is_float_scheme<Scheme>
struct values_of<A, Scheme, cache_side<V, value_layout<V>, true>> {
  using type = kernel::page_elements<A, V, typename values_of<A, Scheme, float>::type>;
};
template <class A, class Scheme, class V>
struct values_of<A, Scheme, cache_side<V, value_layout<V>, true>> {
  static_assert(check_probability_scheme<Scheme>() && check_cache_codes<V>());
  using type = typename kernel::with_side_terms<A, V>::template values<kernel::page_values<A, V>>;
};
template <class A, class V>
struct values_of<A, as_is, cache_side<V, value_layout<V>, true>> {
  using type = kernel::dense_page_values<A, V>;
};

/// What keys_of and values_of know an operand by: its elements, or the side of a cache.
template <class Operand>
struct operand_of {
  using type = Operand;
};
template <class T>
struct operand_of<heads_view<T const>> {
  using type = T;
};
template <class Cache, bool Values>
struct operand_of<batch_side<Cache, Values>> {
  using type = typename batch_side<Cache, Values>::side;
};

/// Offsets of ragged sequences: from 0, never down, to all tokens.
[[gnu::always_inline]] inline void check_offsets(char const* of, index const* offsets, index sequences,
                                                 index tokens) {
  constexpr auto* todo = "Offsets must begin at 0, never go down, and end with the tokens.";
  if (offsets == nullptr) {
    fail("attention: the data pointer of an option is null. Pass memory, or leave the option out.");
  }
  if (offsets[0] != 0) { fail_extents("attention", of, offsets[0], "the tokens are", tokens, todo); }
  for (index s = 0; s < sequences; ++s) {
    if (offsets[s + 1] < offsets[s]) { fail_extents("attention", of, offsets[s + 1], "behind", offsets[s], todo); }
  }
  if (offsets[sequences] != tokens) {
    fail_extents("attention", of, offsets[sequences], "the tokens are", tokens, todo);
  }
}

template <class T>
inline constexpr bool is_cache_side = false;
template <class S, class Layout, bool Values>
inline constexpr bool is_cache_side<cache_side<S, Layout, Values>> = true;

/// Whether a table turns these keys.
template <class Keys>
[[gnu::always_inline]] inline void check_turns(index dims, index positions, Keys const& k) {
  if (dims > k.head_dim()) {
    fail_extents("attention", "key_rope turns channels", dims, "K has head_dim", k.head_dim(),
                 "It turns at most as many.");
  }
  if (positions < k.tokens()) {
    fail_extents("attention", "key_rope has positions", positions, "K has keys", k.tokens(),
                 "Make a rope_table of more positions.");
  }
}

struct token_run {
  index first, count;
};
/// Means of the channels of all heads and sequences, whose tokens are range(sequence).
template <class A, class T, class Context, class Range>
[[nodiscard]] ops::shift_in means_of(heads_view<T> const& x, index floats, index sequences, Context const& context,
                                     scratch_block<A>& scratch, Range const& range) {
  float* const data = scratch.template take<float>(floats);
  index const d = x.head_dim();
  if (floats != 0) {
    index const items = sequences * x.heads();
    index const pieces = context.pieces(items);
    context.execute(pieces, [&](index piece) noexcept {
      for (index i = piece; i < items; i += pieces) {
        token_run const t = range(i / x.heads());
        if (t.count == 0) { continue; }
        kernel::channel_means<A>(x.at(i % x.heads(), t.first), x.token_stride(), t.count, d, data + i * d);
      }
    });
  }
  return {floats == 0 ? nullptr : data, d, x.heads() * d};  // of no tokens there are none, nor memory for them
}

/// One call: checks, then ops::attention_run.
template <class Default, class S, class P, class Q, class K, class V, class Out, class... Options>
void attend(Q const& q, K const& k, V const& v, Out&& out, Options const&... options) {
  static_assert(((count_of<Options, Options...> == 1) && ...), "Octavo: attention has an option twice.");
  attention_settings settings{};
  (settings.set(options), ...);
  auto const qs = as_heads(q, settings.heads.query_heads).read();
  auto const ks = as_heads(k, settings.heads.kv_heads).read();
  auto const vs = as_heads(v, settings.heads.kv_heads).read();
  auto const os = as_heads(out, settings.heads.query_heads);
  using Q_type = std::remove_const_t<std::remove_pointer_t<decltype(qs.data())>>;
  using K_operand = std::remove_const_t<decltype(ks)>;
  using V_operand = std::remove_const_t<decltype(vs)>;
  using K_type = typename operand_of<K_operand>::type;
  using V_type = typename operand_of<V_operand>::type;
  constexpr bool batch = is_batch_side<K_operand>;
  static_assert(batch == is_batch_side<V_operand>,
                "Octavo: keys and values come from one cache_batch, or neither does: batch.keys(), batch.values().");
  using Out_type = std::remove_pointer_t<decltype(os.data())>;
  static_assert(!std::is_const_v<Out_type>, "Octavo: attention writes its fourth operand, but this one is const.");
  if (auto const m = misfit_of(qs, ks, vs, os); m.what != nullptr) {
    fail_extents("attention", m.what, m.a, m.other, m.b, m.todo);
  }

  auto& rule = settings.rule;
  auto& sequences = settings.sequences;
  sequences.queries = qs.tokens();
  sequences.keys = ks.tokens();
  constexpr bool packed = count_of<ragged, Options...> != 0;
  static_assert(
      !packed || batch || (element<K_type> && element<V_type>),
      "Octavo: ragged is for keys and values that are elements: the tokens of a cache are one sequence. Those "
      "of several are a cache_batch.");
  if constexpr (batch) { use_caches(ks, packed, sequences); }
  if constexpr (packed) {
    check_offsets("an offset of queries is", sequences.query_offsets, sequences.count, qs.tokens());
    if constexpr (!batch) {
      check_offsets("an offset of keys is", sequences.key_offsets, sequences.count, ks.tokens());
    }
  }
  if (is_empty_batch(ks)) { return; }
  if (rule.scale == 0) { rule.scale = 1.0f / __builtin_sqrtf(static_cast<float>(larger(qs.head_dim(), 1))); }
  auto const context = context_of<Default>(options...);
  using arch = typename decltype(context)::arch;
  constexpr bool smooth = count_of<smooth_keys, Options...> != 0;
  constexpr bool shifts = count_of<key_shift, Options...> != 0;
  constexpr bool smooth_q = count_of<smooth_queries, Options...> != 0;
  constexpr bool shifts_q = count_of<query_shift, Options...> != 0;
  static_assert(!(smooth && shifts),
                "Octavo: smooth_keys and key_shift are two ways to choose one shift. Leave one out.");
  static_assert(!(smooth_q && shifts_q),
                "Octavo: smooth_queries and query_shift are two ways to choose one shift. Leave one out.");
  static_assert(
      !(smooth || shifts || smooth_q || shifts_q) || !std::is_same_v<S, as_is>,
      "Octavo: smooth_keys and key_shift are for quantized keys: attention<q8>(...). So are smooth_queries and "
      "query_shift.");
  static_assert(count_of<smooth_values, Options...> == 0 || !std::is_same_v<P, as_is>,
                "Octavo: smooth_values is for quantized values: attention<q8, p8>(...).");
  constexpr bool turns = count_of<key_rope, Options...> != 0;
  if constexpr (turns) {
    static_assert(
        std::is_same_v<S, as_is> && is_cache_side<K_type>,
        "Octavo: key_rope is for the keys of a cache, which become f32: leave out the first template argument, "
        "attention<as_is, p8>(...). Keys that are no cache: rope(...) turns them.");
    check_turns(settings.turns->dims(), settings.turns->positions(), ks);
  }
  if constexpr (check_arch<arch>()) {
    using keys = typename ops::reader_of<typename keys_of<arch, S, Q_type, K_type>::type, K_operand>::type;
    using values = typename ops::reader_of<typename values_of<arch, P, V_type>::type, V_operand>::type;
    static_assert(
        !(smooth || shifts || smooth_q || shifts_q) || requires(keys & quantized) { quantized.shift(nullptr, 0); },
        "Octavo: smooth_keys and key_shift are for keys that are elements: those of a cache are as stored. So are "
        "smooth_queries and query_shift.");
    keys ready_keys(qs, ks, rule.factor());
    values ready_values(vs);
    using scratch_type = scratch_block<arch>;
    index const key_means = smooth && ks.tokens() > 0 ? product(sequences.count, ks.heads(), ks.head_dim()) : 0;
    index const query_means = smooth_q ? product(sequences.count, qs.heads(), qs.head_dim()) : 0;
    scratch_type scratch(smooth || smooth_q ? context.memory() : nullptr,
                         scratch_type::template bytes<float>(key_means) +
                             scratch_type::template bytes<float>(query_means) + alignment);
    if constexpr (smooth) {
      settings.shift = means_of<arch>(ks, key_means, sequences.count, context, scratch, [&](index s) {
        return token_run{sequences.at(s).first_key, sequences.at(s).keys};
      });
    }
    if constexpr (smooth_q) {
      settings.queries = means_of<arch>(qs, query_means, sequences.count, context, scratch, [&](index s) {
        return token_run{sequences.at(s).first_query, sequences.at(s).queries};
      });
    }
    if constexpr (smooth_q || shifts_q) {
      ready_keys.shift_queries(settings.queries.data, settings.queries.head_stride);
    }
    if constexpr (turns) { ready_keys.turn(*settings.turns); }
    if constexpr (count_of<smooth_values, Options...> != 0) {
      static_assert(
          requires { ready_values.smooth(); },
          "Octavo: smooth_values is for values that attention quantizes as int8: not e4m3, not a cache.");
      ready_values.smooth();
    }
    static_assert((count_of<log_base, Options...> != 0) == has_log_base<P>,
                  "Octavo: log_base is for probabilities by adalog, which need one.");
    static_assert((count_of<sulq_params, Options...> != 0) == has_sulq_params<P>,
                  "Octavo: sulq_params are for probabilities by sulq, which need them.");
    if constexpr (has_sulq_params<P>) {
      auto const levels = kernel::weight_quantizer<typename P::quantizer>::levels(settings.shifted);
      if (levels.unit == 0) {
        fail("attention: by these sulq_params all weights are 0. Calibrate them on weights of at most 1.");
      }
      ready_values.quantize_weights(levels);
    } else if constexpr (is_log_scheme<P>) {
      using weights = kernel::weight_quantizer<typename P::quantizer>;
      if constexpr (weights::has_base) {
        if (settings.base < weights::lowest || settings.base > weights::highest) {
          fail_extents("attention", "log_base has q", settings.base, "the highest is", weights::highest,
                       "It must be from 10 to 137.");
        }
      }
      ready_values.quantize_weights(weights::levels(settings.base));
    }
    ops::attention_run<arch, keys, values, std::remove_const_t<Out_type>> run(
        ready_keys, ready_values, rule, ks.heads(), sequences, settings.shift, settings.queries, os, settings.lse);
    run(context);
  }
}

}  // namespace detail

/// out = softmax(scores) V, where the score of a query and a key is q k / sqrt(head_dim), for every head and query.
///
/// - q and out are [query heads][queries], k and v [kv heads][keys]: heads_views, or matrices of heads x head_dim
///   features and a column for each token, whose heads an option tells. Elements are float, bf16 or f16. v may have
///   another head_dim than q and k.
/// - Options (ops/attention_options.hpp) and a context, in any order. A score goes through soft_cap, alibi, additive_bias,
///   then masks.
///
///       attention(q, k, v, out, causal{}, {.query_heads = 32, .kv_heads = 8}, on(pool));
///       attention(q, k, v, out, sliding_window{.left = 1023}, causal{}, soft_cap{50.0f});
///
/// - `attention<q8, p8>(...)` quantizes: queries and keys by the scheme q8 (symmetric<int8> or symmetric<int4>, per_token),
///   probabilities as bytes of 1/255 relative to the largest score of their leaf, and values as int8 with a scale for each
///   channel of a leaf (so the last leaf changes when keys are added). `attention<q8>(...)` keeps values and probabilities f32.
///   smooth_keys, key_shift, smooth_queries, query_shift and smooth_values quantize them less a mean, which channels far from
///   zero need.
/// - `attention<q8, scheme<adalog<4>, per_tensor>>(..., log_base{19})`: probabilities by logarithmic codes relative to the
///   largest score of their leaf, code rne(-log2(p) 37 / q); or by symmetric<log2_format<4>>, symmetric<log_sqrt2_format<4>>.
///   What codes mean is added up as integers, exactly for log2 and for adalog<4> with q <= 19, else with an error of a weight
///   of 7.6e-6 (kernel/probability_planes.hpp); and l is the sum of what they mean, so that weights have the sum 1.
/// - `attention<q8, scheme<sulq<4>, per_tensor>>(..., sulq<4>::from_range(0, 1, eta))` (I&S-ViT): the code is found among
///   borders of the score, log2(2^(-step (c - zero + 1/2)) - eta); what codes mean, 0 where that is below, is added up as
///   integers with an error of a weight of 7.6e-6 (kernel/probability_borders.hpp), and l is its sum.
/// - `attention<q8, scheme<symmetric<e4m3>, per_tensor>>` (SageAttention 2, Zhang et al. 2024): probabilities are 448 p as e4m3,
///   p within 8.6e-5 of itself, values e4m3 with a scale for each channel of a leaf; their products are those of bf16 pairs,
///   of a pair the second first, by vdpbf16ps where that is faster than f32. l is the sum of the probabilities.
/// - k and v may be the keys() and values() of a kv_cache. `attention<q8, p8>` multiplies their codes as they are stored: a
///   score is t = fma(float(exact sum of group g), scale of g, t) over groups of channels, ascending, then times the scale of
///   the query; a weight is multiplied by the scale of its value, then becomes a byte of 1/255 of the largest of its page of
///   64 keys and group of channels; acc = fma(exact sum of a page, largest / 255, acc), page after page. l is the sum of the
///   weights as f32. Of keys by channel, query * scale of the channel is quantized for each group of keys, and a score is
///   fma(float(exact sum), scale of that, sum of query * minimum); keys whose group is open are multiplied as f32 (both sums
///   by 16 lanes), so that a score depends on whether its key is open. Scratch: no leaf of K; of V, 49 * 76 bytes (140 where
///   there is no vpdpbusd) for each page and group of channels. Without template arguments pages become f32, one by one, with
///   the bits of attention over such floats. With key_rope these floats are turned as rope() would. Under logarithmic or e4m3
///   probabilities the values of any cache become f32 too, and are then quantized by leaf and channel as elements are.
///   Of sides with_outliers<S, N>, codes are multiplied as those of S; to a score then comes fma(t, 1 / scale of the query, score)
///   before the scale of the query, t = fma(q, residual, t) over the outliers of the key; to an output weight * residual, page
///   by page of a leaf, as f32. Of first_in_float<S, N>, the first tokens are multiplied as f32: their keys by 16 lanes with
///   the query as it is, their values behind the pages of the first leaf, by weights as they are.
/// - Prefill, chunked prefill and decode are one operation: queries are the last ones of the sequence. Of several sequences:
///   ragged, and cache_batch.
/// - *Order*: a score is one chain of f32 fma over channels, ascending, of q * (scale * log2 e) and k. Leaves of 512 keys at
///   absolute positions give (m, l, acc): m the largest score, l the sum of 2^(s - m) by 16 lanes (key j in lane j % 16),
///   then halves, acc one chain of fma over keys, ascending. Of codes, the sums of a score and of a leaf are exact integers,
///   converted once and multiplied by the scale of the key, then of the query, or by that of the channel. Leaves are merged
///   from left to right; out is acc * (1 / l). So results have the same bits for any number of queries, any executor, and
///   every instruction set with fma.
/// - *Error* of a weight: (head_dim + 2) 2^-24 sum |q k| scale + 1.5e-7, relative; then keys * 2^-24 sum |weight v|. Of
///   codes, on top of what their steps are: 1.2e-4 for each weight.
/// - A query that sees nothing, no keys at all: 0, log-sum-exp -infinity. NaN in q, or in a k that is not masked: NaN. A v
///   that is not finite: NaN in all channels of the queries that give its key a weight above 0. A score of +infinity, of codes
///   one beyond 2^104: NaN.
/// - *Scratch*, one allocation on the calling thread: per piece of work (four per thread) a leaf of K and V in f32 and, of
///   at most 1536 rows, the query as it is multiplied and head_dim + 2 floats each; or ceil(keys / 512) * rows *
///   (head_dim + 2) floats, where rows are few. (head_dim of V, filled up to 64; rows of each kv head and
///   sequence, filled up to 48.)
/// - `Default` is never named: it puts the instruction set of a call without a context into the name of the function.
/// - Throws std::invalid_argument when shapes do not fit; can_attention asks first. out must not overlap the others.
template <class S = as_is, class P = as_is, class Q, class K, class V, class Out, class... Options,
          class Default = default_arch>
void attention(Q const& q, K const& k, V const& v, Out&& out, Options const&... options) {
  detail::attend<Default, S, P>(q, k, v, out, options...);
}
/// The same with heads in braces, first or after one option.
template <class S = as_is, class P = as_is, class Q, class K, class V, class Out, class... Options,
          class Default = default_arch>
void attention(Q const& q, K const& k, V const& v, Out&& out, attention_heads const& heads,
               Options const&... options) {
  detail::attend<Default, S, P>(q, k, v, out, heads, options...);
}
template <class S = as_is, class P = as_is, class Q, class K, class V, class Out, class First, class... Options,
          class Default = default_arch>
void attention(Q const& q, K const& k, V const& v, Out&& out, First const& first, attention_heads const& heads,
               Options const&... options) {
  detail::attend<Default, S, P>(q, k, v, out, first, heads, options...);
}

}  // namespace v0
}  // namespace octavo
