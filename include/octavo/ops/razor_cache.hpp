// SPDX-License-Identifier: MIT
// razor_cache<K, V>: heads that look far back keep all tokens, others the first, the last, the mean of the rest.
#pragma once

#include <cstddef>
#include <cstring>

#include "octavo/core/log2.hpp"
#include "octavo/ops/append.hpp"
#include "octavo/ops/attention.hpp"
#include "octavo/storage/rope_table.hpp"

namespace octavo {
inline namespace v0 {

/// What heads keep that are no retrieval heads (RazorAttention, Tang et al. 2024): the first tokens and the last
/// max(least, tokens / share). Both are filled up to pages of 64, or to the tokens that keys by channel are quantized
/// in.
struct razor_window {
  index sinks = 4;
  index least = 4000;
  index share = 5;

  /// The first of the last tokens that stay of n: a multiple of `unit`.
  [[nodiscard, gnu::always_inline]] constexpr index begin(index n, index unit = page_tokens) const noexcept {
    index const last = larger(least, n / share);
    return larger(round_up(sinks, unit), larger(n - last, 0) / unit * unit);
  }
};

namespace detail {

/// out, of log-sum-exp `lse`, and the mean of `number` more keys and values, whose sums are given, as one softmax.
[[gnu::always_inline]] inline void join_mean(float const* q, float const* key_sum, index d, float const* value_sum,
                                             index e, index number, float scale, float lse, float* out) noexcept {
  constexpr double log2e = 1.4426950408889634;
  auto const n = static_cast<float>(number);
  float dot = 0;
  for (index c = 0; c < d; ++c) { dot = __builtin_fmaf(q[c], key_sum[c] / n, dot); }
  double const natural = static_cast<double>(dot) * static_cast<double>(scale);
  double const score = __builtin_fma(natural, log2e, log2_of(static_cast<double>(number)));
  double odds = __builtin_fma(static_cast<double>(lse), log2e, -score);  // of the others, as a power of 2
  if (odds > 1000) { odds = 1000; }
  if (odds < -1000) { odds = -1000; }
  auto const w = static_cast<float>(odds == odds ? 1 / (1 + power_of_2(odds)) : odds);
  for (index c = 0; c < e; ++c) { out[c] = __builtin_fmaf(out[c], 1 - w, opaque(value_sum[c] / n * w)); }
}

}  // namespace detail

/// A cache of one sequence whose kv heads are two kinds, as data: retrieval[h] is true where head h keeps all its
/// tokens (calibration/retrieval_heads.hpp finds them). The others replace what they drop by one token: the means of
/// its keys and values, with the weight of all of it, which is 1 + ln(number) in the score.
///
///     razor_cache<k8, v8> cache({.head_dim = 128, .kv_heads = 8, .capacity = 131072}, retrieval);
///     cache.append(keys, values);
///     cache.attend<q8, p8>(q, out);       // queries are the last tokens, causal
///     cache.compress();                   // after a prompt, then after each step
///
/// - Keys are those that RoPE has turned. Means are of the floats that came, by f32 sums of 64 tokens, then of pages in
///   order. Bytes depend on the tokens alone: not on the chunks in which they came, nor on when compress was called
///   before.
/// - Order of attend: attention over what is kept, then out = fma(out, 1 - w, mean w), w = 1 / (1 + e^(lse - score)) in
///   double precision, score = q mean scale + ln(number), the product one f32 chain of fma over channels. The same bits
///   on every instruction set with fma.
/// - Errors: as kv_cache and attention. Memory: both kinds of heads, and (head_dim of K and V) floats for each page and
///   head of the second kind, from the heap.
template <class K, class V, class Memory = heap_blocks>
class razor_cache {
 public:
  [[gnu::always_inline]] razor_cache(cache_shape const& shape, bool const* retrieval, razor_window const& window = {},
                                     Memory* memory = nullptr)
      : razor_cache(shape, retrieval, window, detail::no_codebooks<K, V>(), memory) {}
  /// With the codebooks of both kinds.
  [[gnu::always_inline]] razor_cache(cache_shape const& shape, bool const* retrieval, razor_window const& window,
                                     cache_codebooks<K, V> const& books, Memory* memory = nullptr)
      : window_(checked(window)),
        heads_(order(shape, retrieval)),
        whole_heads_(count(shape, retrieval)),
        whole_(of(shape, whole_heads_), books, memory),
        recent_(of(shape, shape.kv_heads - whole_heads_), books, memory),
        sums_(page_sum_bytes()),
        gone_(page_sum_bytes()) {}
  [[gnu::always_inline]] razor_cache(razor_cache&&) noexcept = default;
  [[gnu::always_inline]] razor_cache& operator=(razor_cache&&) noexcept = default;
  [[gnu::always_inline]] ~razor_cache() = default;

  [[nodiscard, gnu::always_inline]] index tokens() const noexcept { return tokens_; }
  [[nodiscard, gnu::always_inline]] index kv_heads() const noexcept {
    return whole_.shape().kv_heads + recent_.shape().kv_heads;
  }
  /// Of heads that are no retrieval heads: how many tokens went into the mean, and where they stood: from sinks() on.
  [[nodiscard, gnu::always_inline]] index dropped() const noexcept { return dropped_; }
  [[nodiscard, gnu::always_inline]] index sinks() const noexcept { return round_up(window_.sinks, unit); }
  /// Bytes that the tokens take, and the sums.
  [[nodiscard, gnu::always_inline]] index bytes() const noexcept {
    return whole_.bytes() + recent_.bytes() + sums_.size() + gone_.size();
  }
  [[nodiscard, gnu::always_inline]] kv_cache<K, V, Memory> const& whole() const noexcept { return whole_; }
  [[nodiscard, gnu::always_inline]] kv_cache<K, V, Memory> const& recent() const noexcept { return recent_; }

  /// Tokens behind those that are there, heads_views of all kv heads or matrices. A context as the last argument.
  template <class Keys, class Values, class... Context, class Default = default_arch>
  void append(Keys const& new_keys, Values const& new_values, Context const&... context) {
    auto const ks = as_heads(new_keys, kv_heads());
    auto const vs = as_heads(new_values, kv_heads());
    check("keys have heads", ks.heads(), kv_heads());
    check("values have heads", vs.heads(), kv_heads());
    check("keys have head_dim", ks.head_dim(), whole_.shape().head_dim);
    check("values have head_dim", vs.head_dim(), whole_.shape().value_head_dim);
    check("values have tokens", vs.tokens(), ks.tokens());
    if (ks.tokens() > whole_.shape().capacity - tokens_) {
      detail::fail_extents("razor_cache::append", "there is room for tokens", whole_.shape().capacity - tokens_,
                           "given are", ks.tokens(), "Make a cache of more capacity.");
    }
    index const n = ks.tokens();
    index const d = ks.head_dim();
    index const e = vs.head_dim();
    gathered const k(ks, heads());
    gathered const v(vs, heads());
    index const r = whole_heads_;
    // Room for all sums: when there is none, that is thrown before a token is there.
    for (index t = larger(tokens_, sinks()); t < tokens_ + n; ++t) { (void)page_sum(page_of(t)); }
    octavo::append(whole_, k.part(0, r), v.part(0, r), context...);
    {
      undo back{whole_, tokens_};  // when the memory of the others throws
      octavo::append(recent_, k.part(r, kv_heads() - r), v.part(r, kv_heads() - r), context...);
      back.tokens = tokens_ + n;
    }
    for (index t = 0; t < n; ++t, ++tokens_) {
      if (tokens_ < sinks()) { continue; }
      float* const sum = page_sum(page_of(tokens_));
      for (index h = 0; h < kv_heads() - r; ++h) {
        add(k.view().at(r + h, t), d, sum + h * d);
        add(v.view().at(r + h, t), e, sum + (kv_heads() - r) * d + h * e);
      }
    }
  }

  /// Tokens that only retrieval heads keep from now on become part of the mean of the others.
  [[gnu::always_inline]] void compress() {
    index const pages = (window_.begin(tokens_, unit) - sinks() - dropped_) / page_tokens;
    if (pages <= 0) { return; }
    recent_.drop(sinks(), pages * page_tokens);
    index const floats = page_sum_bytes() / static_cast<index>(sizeof(float));
    auto* const sums = reinterpret_cast<float*>(sums_.data());
    for (index p = 0; p < pages; ++p) { add(sums + p * floats, floats, reinterpret_cast<float*>(gone_.data())); }
    index const held = sums_.size() / static_cast<index>(sizeof(float));
    for (index i = 0; i < held; ++i) { sums[i] = i + pages * floats < held ? sums[i + pages * floats] : 0; }
    dropped_ += pages * page_tokens;
  }

  /// out = attention of the last tokens, each to itself and those before it. `scale` 0: 1 / sqrt(head_dim). q and out
  /// are heads_views of float. A context as the last argument. Scratch on the calling thread: copies of q and out by
  /// kind of head.
  template <class S = as_is, class P = as_is, class... Context, class Default = default_arch>
  void attend(heads_view<float const> const& q, heads_view<float> const& out, float scale = 0,
              Context const&... context) const {
    if (kv_heads() == 0 || q.heads() % kv_heads() != 0 || out.heads() != q.heads() || out.tokens() != q.tokens()) {
      detail::fail_extents("razor_cache::attend", "Q has heads", q.heads(), "the cache", kv_heads(),
                           "Query heads must be a multiple of kv heads, and Q and out of equal extents.");
    }
    if (scale == 0) { scale = 1.0f / __builtin_sqrtf(static_cast<float>(larger(q.head_dim(), 1))); }
    index const group = q.heads() / kv_heads();
    index const r = whole_heads_ * group;
    index const s = q.heads() - r;
    index const n = q.tokens();
    index const e = out.head_dim();
    gathered const x(q, heads(), group);
    aligned_buffer room(product(larger(n * q.heads(), 1), e + 1, sizeof(float)));
    auto* const y = reinterpret_cast<float*>(room.data());
    float* const lse = y + n * q.heads() * e;
    heads_view<float> const all(y, e, q.heads(), n, e, q.heads() * e);
    heads_view<float> const far(y, e, r, n, e, q.heads() * e);
    heads_view<float> const near(y + r * e, e, s, n, e, q.heads() * e);
    if (r > 0) {
      attention<S, P>(x.part(0, r), whole_.keys(), whole_.values(), far, causal{}, softmax_scale{scale}, context...);
    }
    if (s > 0) {
      attention<S, P>(x.part(r, s), recent_.keys(), recent_.values(), near, causal{}, softmax_scale{scale},
                      log_sum_exp{lse, n}, context...);
      if (dropped_ > 0) { compensate(x.part(r, s), near, lse, scale, group); }
    }
    for (index t = 0; t < n; ++t) {
      for (index h = 0; h < q.heads(); ++h) {
        float const* const from = all.at(h, t);
        float* const to = out.at(heads()[h / group] * group + h % group, t);
        for (index c = 0; c < e; ++c) { to[c] = from[c]; }
      }
    }
  }

 private:
  struct undo {
    kv_cache<K, V, Memory>& cache;
    index tokens;
    [[gnu::always_inline]] ~undo() { cache.truncate(tokens); }
  };
  /// Heads of an operand as floats, those of retrieval heads first: [token][head][channel].
  class gathered {
   public:
    template <class T>
    [[gnu::always_inline]] gathered(heads_view<T> const& x, index const* heads, index group = 1)
        : bytes_(product(larger(x.tokens() * x.heads(), 1), larger(x.head_dim(), 1), sizeof(float))),
          d_(x.head_dim()),
          heads_(x.heads()),
          tokens_(x.tokens()) {
      auto* to = reinterpret_cast<float*>(bytes_.data());
      for (index t = 0; t < tokens_; ++t) {
        for (index h = 0; h < heads_; ++h) {
          T const* const from = x.at(heads[h / group] * group + h % group, t);
          for (index c = 0; c < d_; ++c) { *to++ = static_cast<float>(from[c]); }
        }
      }
    }
    gathered(gathered const&) = delete;
    gathered& operator=(gathered const&) = delete;
    [[gnu::always_inline]] ~gathered() = default;
    [[nodiscard, gnu::always_inline]] heads_view<float const> part(index first, index n) const {
      return {reinterpret_cast<float const*>(bytes_.data()) + first * d_, d_, n, tokens_, d_, heads_ * d_};
    }
    [[nodiscard, gnu::always_inline]] heads_view<float const> view() const { return part(0, heads_); }

   private:
    aligned_buffer bytes_;
    index d_;
    index heads_;
    index tokens_;
  };

  /// The means of what was dropped join the softmax.
  [[gnu::always_inline]] void compensate(heads_view<float const> const& q, heads_view<float> const& out,
                                         float const* lse, float scale, index group) const noexcept {
    index const d = q.head_dim();
    index const e = out.head_dim();
    auto const* const k = reinterpret_cast<float const*>(gone_.data());
    float const* const v = k + recent_.shape().kv_heads * d;
    for (index t = 0; t < q.tokens(); ++t) {
      for (index h = 0; h < q.heads(); ++h) {
        detail::join_mean(q.at(h, t), k + h / group * d, d, v + h / group * e, e, dropped_, scale,
                          lse[h * q.tokens() + t], out.at(h, t));
      }
    }
  }

  [[gnu::always_inline]] static void add(float const* x, index n, float* sum) noexcept {
    for (index c = 0; c < n; ++c) { sum[c] += x[c]; }
  }
  [[gnu::always_inline]] static void check(char const* what, index a, index b) {
    if (a != b) { detail::fail_extents("razor_cache::append", what, a, "the cache", b, "They must be equal."); }
  }
  [[nodiscard, gnu::always_inline]] static razor_window checked(razor_window const& w) {
    if (w.sinks < 0 || w.least < 0 || w.share < 1) {
      detail::fail_extents("razor_window", "tokens at the end are at least", w.least, "a share is one part of",
                           w.share, "Pass no negative numbers of tokens, and a share of at least 1.");
    }
    return w;
  }
  [[nodiscard, gnu::always_inline]] static index count(cache_shape const& shape, bool const* retrieval) noexcept {
    index n = 0;
    for (index h = 0; h < shape.kv_heads; ++h) { n += retrieval[h] ? 1 : 0; }
    return n;
  }
  /// Numbers of heads, those of retrieval heads first.
  [[nodiscard, gnu::always_inline]] static aligned_buffer order(cache_shape const& shape, bool const* retrieval) {
    if (retrieval == nullptr && shape.kv_heads > 0) {
      detail::fail("razor_cache: the pointer to the kinds of heads is null. Pass a bool for each kv head.");
    }
    aligned_buffer result(product(larger(shape.kv_heads, 0), sizeof(index)));
    auto* to = reinterpret_cast<index*>(result.data());
    for (int pass = 0; pass < 2; ++pass) {
      for (index h = 0; h < shape.kv_heads; ++h) {
        if (retrieval[h] == (pass == 0)) { *to++ = h; }
      }
    }
    return result;
  }
  [[nodiscard, gnu::always_inline]] index const* heads() const noexcept {
    return reinterpret_cast<index const*>(heads_.data());
  }
  [[nodiscard, gnu::always_inline]] static cache_shape of(cache_shape shape, index heads) noexcept {
    shape.kv_heads = heads;
    return shape;
  }
  /// Bytes of the sums of a page: keys and values of heads of the second kind.
  [[nodiscard, gnu::always_inline]] index page_sum_bytes() const {
    auto const& s = recent_.shape();
    return product(s.kv_heads, s.head_dim + s.value_head_dim, sizeof(float));
  }
  /// The page of a token, counted from those that were dropped.
  [[nodiscard, gnu::always_inline]] index page_of(index token) const noexcept {
    return (token - sinks() - dropped_) / page_tokens;
  }
  /// The sums of page p behind those that were dropped, for which there is room then.
  [[nodiscard, gnu::always_inline]] float* page_sum(index p) {
    if ((p + 1) * page_sum_bytes() > sums_.size()) {
      aligned_buffer more(product(p + 1 + p / 4, page_sum_bytes()));
      if (sums_.size() > 0) { std::memcpy(more.data(), sums_.data(), static_cast<std::size_t>(sums_.size())); }
      sums_ = static_cast<aligned_buffer&&>(more);
    }
    return reinterpret_cast<float*>(sums_.data() + p * page_sum_bytes());
  }

  static constexpr index residual = cache_keys<K>::residual;
  static constexpr index unit = page_tokens % residual == 0   ? page_tokens
                                : residual % page_tokens == 0 ? residual
                                                              : residual * page_tokens;

  razor_window window_;
  aligned_buffer heads_;
  index whole_heads_;
  kv_cache<K, V, Memory> whole_;
  kv_cache<K, V, Memory> recent_;
  aligned_buffer sums_;  // of each page that is kept, but for the sinks, the last one not full perhaps
  aligned_buffer gone_;  // of all that were dropped
  index tokens_ = 0;
  index dropped_ = 0;
};

}  // namespace v0
}  // namespace octavo
