// SPDX-License-Identifier: MIT
// Keys and values of a cache as floats: a leaf of pages becomes the f32 panels of dense attention.
#pragma once

#include <cstddef>
#include <cstring>

#include "octavo/kernel/dense_operands.hpp"
#include "octavo/kernel/page_floats.hpp"
#include "octavo/kernel/rope.hpp"
#include "octavo/storage/kv_cache.hpp"
#include "octavo/storage/rope_table.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// S = K Q by f32, whatever stores the keys.
template <class A, class Q, class K>
class dense_page_keys : public dense_keys<A, Q, float> {
  using base = dense_keys<A, Q, float>;
  using panels = dense_panels<A>;
  using layout = key_layout<K>;
  using codes = typename dense_of<layout>::type;
  using base::leaf_;
  using base::stride_;

 public:
  using base::width;

  dense_page_keys(heads_view<Q const> const& q, cache_keys<K> const& k, float factor) noexcept
      : base(q, heads_view<float const>(nullptr, k.head_dim(), k.heads(), 0, 0, 0), factor),
        pages_(k),
        table_(k.layout()) {}

  /// Key j turns to position j of the table when it is loaded.
  void turn(rope_table const& table) noexcept { turns_ = &table; }
  /// Another cache of the same shape.
  void read(cache_keys<K> const& k) noexcept {
    pages_ = k;
    table_ = page_table<A, codes>(k.layout());
  }

  void load_rows(query_rows const& rows, index first, index n) noexcept {
    in_place_ = element<K> && n <= rows_in_place<A> && turns_ == nullptr;
    base::load_rows(rows, first, n);
  }
  void load_leaf(index head, index first, index n) noexcept {
    head_ = head;
    first_ = first;
    if (in_place_) { return; }
    index const d = pages_.head_dim();
    for (index j = 0; j < round_up(n, width); j += width) {
      float* const to = leaf_ + j * stride_;
      if constexpr (codes_in_words<codes>) {
        load_codes(head, first + j, to);
      } else {
        for (index c = 0; c < d; ++c) { load(head, first + j, c, to + c * width); }
      }
      if (turns_ != nullptr) { turn_keys(first + j, to); }
      for (index c = d; c < stride_; ++c) { std::memset(to + c * width, 0, width * sizeof(float)); }
    }
  }
  /// Scores of T rows and block b: for few rows, elements are read where they are.
  template <int T>
  void multiply(index first, index b, float* scores) const noexcept {
    if constexpr (element<K>) {
      if (in_place_) {
        index const token = first_ + b * width;
        index const page = token / page_tokens;
        K const* const next = (page + 1) * page_tokens < pages_.tokens() ? keys_at(token + page_tokens) : nullptr;
        return panels::template multiply_elements<T>(keys_at(token), page_tokens, pages_.head_dim(),
                                                     base::rows_ + first * stride_, stride_, scores, false, next);
      }
    }
    base::template multiply<T>(first, b, scores);
  }

 private:
  /// Channel 0 of `width` keys, elements.
  [[nodiscard, gnu::always_inline]] auto keys_at(index token) const noexcept {
    return reinterpret_cast<K const*>(pages_.page(head_, token / page_tokens)) + token % page_tokens;
  }
  /// `width` keys.
  void load_codes(index head, index token, float* to) const noexcept {
    std::byte const* const page = pages_.page(head, token / page_tokens);
    index const row = token % page_tokens;
    keys_as_floats<A, width, codes>(pages_.layout(), table_, page, row, to);
    add_key_outliers<width>(pages_.layout(), page, row, to);
    if constexpr (cache_keys<K>::first > 0) {
      for (index t = token; t < smaller(pages_.firsts(), token + width); ++t) {
        float const* const floats = pages_.first_token(head, t);
        for (index c = 0; c < pages_.head_dim(); ++c) { to[c * width + t - token] = floats[c]; }
      }
    }
    if constexpr (cache_keys<K>::residual > 1) {
      for (index t = larger(larger(pages_.closed(), pages_.firsts()), token);
           t < smaller(pages_.tokens(), token + width); ++t) {
        float const* const open = pages_.open(head, t);
        for (index c = 0; c < pages_.head_dim(); ++c) { to[c * width + t - token] = open[c]; }
      }
    }
  }
  /// Channel c of `width` keys.
  [[gnu::always_inline]] void load(index head, index token, index c, float* to) const noexcept {
    if constexpr (element<K>) {
      std::byte const* const page = pages_.page(head, token / page_tokens);
      auto const* const from = reinterpret_cast<K const*>(page) + c * page_tokens + token % page_tokens;
      for (index i = 0; i < width; i += simd::lanes<A>) { simd::load_as_floats<A>(from + i).store_unaligned(to + i); }
    } else {
      for (index i = 0; i < width; ++i) { to[i] = pages_(head, token + i, c); }
    }
  }

  /// `width` keys from `token`, as kernel/rope.hpp turns channels of one. Keys behind the last position may be anything.
  void turn_keys(index token, float* keys) const noexcept {
    constexpr index L = simd::lanes<A>;
    bool const halves = turns_->pairs() == rope_pairs::halves;
    index const pairs = turns_->dims() / 2;
    index const columns = halves ? pairs : 2 * pairs;
    index const stride = turns_->cosines(1) - turns_->cosines(0);
    index const positions = smaller(turns_->positions() - token, width);
    alignas(64) float cosines[static_cast<std::size_t>(L * width)];  // [column][key]
    alignas(64) float sines[static_cast<std::size_t>(L * width)];
    for (index c = 0; c < columns; c += L) {
      for (index j = 0; j < width; j += L) {
        index const there = smaller(larger(positions - j, 0), L);
        index const row = token + (there > 0 ? j : 0);
        panels::template transpose<width>(turns_->cosines(row) + c, stride, there, columns - c, L, cosines + j);
        panels::template transpose<width>(turns_->sines(row) + c, stride, there, columns - c, L, sines + j);
      }
      for (index k = 0; k < smaller(columns - c, L); k += halves ? 1 : 2) {
        float* const a = keys + (c + k) * width;
        float* const b = keys + (c + k + (halves ? pairs : 1)) * width;
        float const* const cosine = cosines + k * width;
        float const* const sine = sines + (halves ? k : k + 1) * width;
        for (index j = 0; j < width; j += L) {
          auto const x = simd::load_floats<A>(a + j);
          auto const y = simd::load_floats<A>(b + j);
          auto const cos = simd::load_floats<A>(cosine + j);
          auto const sin = simd::load_floats<A>(sine + j);
          turned<A>(x, cos, y, simd::floats<A>(0.0f) - sin).store_unaligned(a + j);
          turned<A>(y, cos, x, sin).store_unaligned(b + j);
        }
      }
    }
  }

  cache_keys<K> pages_;
  page_table<A, codes> table_;
  rope_table const* turns_ = nullptr;
  index head_ = 0;
  index first_ = 0;
  bool in_place_ = false;
};

/// O = V P by f32, whatever stores the values.
template <class A, class V>
class dense_page_values : public dense_values<A, float> {
  using base = dense_values<A, float>;
  using panels = dense_panels<A>;
  using layout = value_layout<V>;
  using codes = typename dense_of<layout>::type;
  static constexpr index first_tokens = detail::first_of<V>;
  using base::first_;
  using base::head_;
  using base::in_place_;
  using base::keys_;
  using base::leaf_;

 public:
  using base::width;

  explicit dense_page_values(cache_values<V> const& v) noexcept
      : base(heads_view<float const>(nullptr, v.head_dim(), v.heads(), 0, 0, 0)), pages_(v), table_(v.layout()) {}

  [[nodiscard]] index head_dim() const noexcept { return pages_.head_dim(); }
  /// Another cache of the same shape.
  void read(cache_values<V> const& v) noexcept {
    pages_ = v;
    table_ = page_table<A, codes>(v.layout());
  }
  void load_leaf(index head, index first, index n) noexcept {
    if (!this->stays(head, first, n)) { copy(); }
  }
  /// Codes are always copied, as floats.
  void expect_rows(index rows) noexcept {
    if constexpr (element<V>) { base::expect_rows(rows); }
  }
  void copy() noexcept {
    in_place_ = false;
    read_floats(head_, first_, keys_, leaf_);
    this->take_out_bad(panels::finite(leaf_, panels::floats(pages_.head_dim(), keys_)));
  }
  /// n keys from `first` as they are, finite or not: [block of channels][key][width], the keys filled.
  void read_floats(index head, index first, index n, float* to) const noexcept {
    index const e = pages_.head_dim();
    index const all = panels::filled(n);
    for (index c = 0; c < e; c += width) {
      float* const block = to + c * all;
      if constexpr (codes_in_words<codes>) {
        if (groups_of_registers<A, codes>(pages_.layout())) {
          for (index j = 0; j < n; j += page_tokens) {
            load_codes(pages_.page(head, (first + j) / page_tokens), smaller(n - j, page_tokens), c,
                       block + j * width);
          }
        } else {
          load_one_by_one(head, first, n, c, block);
        }
      } else {
        load_one_by_one(head, first, n, c, block);
      }
      if constexpr (first_tokens > 0) {
        for (index j = 0; first == 0 && j < smaller(pages_.firsts(), n); ++j) {
          for (index i = 0; i < smaller(width, e - c); ++i) {
            block[j * width + i] = pages_.first_token(head, j)[c + i];
          }
        }
      }
      for (index j = n; j < all; ++j) { std::memset(block + j * width, 0, width * sizeof(float)); }
    }
  }
  template <int T>
  void multiply(index row, float const* weights, index stride, index b, index low, index high, float* out,
                bool more = false, bool last = true) const noexcept {
    if constexpr (element<V>) {
      if (in_place_) {
        index const end = smaller(high, keys_);
        for (index j = low; j < end;) {  // page by page
          index const n = smaller(end - j, page_tokens - (first_ + j) % page_tokens);
          V const* const next = j + n < end              ? values_at(j + n, b)
                                : b + 1 < this->blocks() ? values_at(low, b + 1)
                                                         : nullptr;
          panels::template multiply_elements<T>(values_at(j, b), panel_rows, n, weights + j, stride, out, more, next);
          more = true;
          j += n;
        }
        return;
      }
    }
    base::template multiply<T>(row, weights, stride, b, low, high, out, more, last);
  }

 private:
  /// The first channel of block b of key j of the leaf, elements.
  [[nodiscard, gnu::always_inline]] auto values_at(index j, index b) const noexcept {
    auto const* const page = reinterpret_cast<V const*>(pages_.page(head_, (first_ + j) / page_tokens));
    return page + value_layout<V>::at((first_ + j) % page_tokens, b * width);
  }
  /// The first n keys of a page, `width` channels from c.
  void load_codes(std::byte const* page, index n, index c, float* to) const noexcept {
    values_as_floats<A, width, codes>(pages_.layout(), table_, page, n, c, to);
    add_value_outliers<width>(pages_.layout(), page, n, c, to);
  }
  void load_one_by_one(index head, index first, index n, index c, float* to) const noexcept {
    for (index j = 0; j < n; ++j) {
      load(pages_.page(head, (first + j) / page_tokens), (first + j) % page_tokens, c,
           smaller(width, pages_.head_dim() - c), to + j * width);
    }
  }
  /// n channels from c of one key, and zeros up to `width`.
  [[gnu::always_inline]] void load(std::byte const* page, index slot, index c, index n, float* to) const noexcept {
    if constexpr (element<V>) {
      auto const* const from = reinterpret_cast<V const*>(page) + value_layout<V>::at(slot, c);
      for (index i = 0; i < width; i += simd::lanes<A>) { simd::load_as_floats<A>(from + i).store_unaligned(to + i); }
      for (index i = n; i < width; ++i) { to[i] = 0.0f; }
    } else {
      for (index i = 0; i < width; ++i) { to[i] = i < n ? pages_.layout().value(page, slot, c + i) : 0.0f; }
    }
  }

  cache_values<V> pages_;
  page_table<A, codes> table_;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
