// SPDX-License-Identifier: MIT
// Rows of attention: the queries of the heads that read one kv head, in groups, and the keys that each sees.
#pragma once

#include <cstdint>

#include "octavo/kernel/score_rule.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Keys of a leaf, at absolute positions that are multiples of it: what one softmax spans before merging.
inline constexpr index leaf_keys = 512;
/// Query rows that share the leaf while it is near: eight tiles of most instruction sets.
inline constexpr index group_rows = 48;

/// Rows whose scores are computed together, before their softmax: they stay in the first level cache, while blocks of keys
/// are read twice from there. For tiles of so many rows; a divisor of group_rows.
template <int Tokens>
inline constexpr index near_rows = Tokens > 12 ? 16 : 12;
inline constexpr index most_near_rows = 16;

/// Elements between rows of weights: not a power of two, so that rows of a tile do not share cache sets.
inline constexpr index weight_stride = leaf_keys + 16;

/// Where the rows of one kv head are: all query heads that read it, query by query from the first of their sequence.
struct query_rows {
  index kv_head;
  index per_kv;  ///< query heads of a kv head
  index first_query = 0;

  [[nodiscard, gnu::always_inline]] index query(index row) const noexcept {
    return first_query + (per_kv == 1 ? row : row / per_kv);
  }
  [[nodiscard, gnu::always_inline]] index head(index row) const noexcept {
    return per_kv == 1 ? kv_head : kv_head * per_kv + row % per_kv;
  }
};

/// What is added to the scores of a row, unit * data[key of the leaf]; null: nothing.
struct score_bias {
  float const* data;
  float unit;
};

/// Blocks of 16 keys or more of a leaf, those that some of several rows see, in ascending order.
class key_blocks {
 public:
  [[gnu::always_inline]] constexpr key_blocks() = default;
  [[gnu::always_inline]] constexpr explicit key_blocks(std::uint32_t bits) noexcept : bits_(bits) {}
  /// Blocks [begin, end).
  [[gnu::always_inline]] constexpr key_blocks(index begin, index end) noexcept
      : bits_(begin >= end ? 0u : up_to(end) & ~up_to(begin)) {}

  [[nodiscard, gnu::always_inline]] constexpr key_blocks operator|(key_blocks o) const noexcept {
    return key_blocks(bits_ | o.bits_);
  }
  [[gnu::always_inline]] friend constexpr bool operator==(key_blocks, key_blocks) = default;
  [[nodiscard, gnu::always_inline]] constexpr key_blocks operator&(key_blocks o) const noexcept {
    return key_blocks(bits_ & o.bits_);
  }
  /// Those of `times` as many keys. Pre: times < 32.
  [[nodiscard, gnu::always_inline]] constexpr key_blocks wider(index times) const noexcept {
    if (times == 1) { return *this; }
    std::uint32_t wide = 0;
    std::uint32_t left = bits_;
    for (index b = 0; left != 0; ++b, left >>= times) { wide |= (left & up_to(times)) != 0 ? 1u << b : 0u; }
    return key_blocks(wide);
  }

  [[nodiscard, gnu::always_inline]] constexpr bool none() const noexcept { return bits_ == 0; }
  [[nodiscard, gnu::always_inline]] constexpr bool has(index b) const noexcept { return (bits_ >> b & 1u) != 0; }
  /// The smallest interval with all of them. Pre: there are some.
  [[nodiscard, gnu::always_inline]] constexpr index begin() const noexcept { return __builtin_ctz(bits_); }
  [[nodiscard, gnu::always_inline]] constexpr index end() const noexcept { return 32 - __builtin_clz(bits_); }
  /// f(begin, end) for each run of neighbours.
  template <class F>
  [[gnu::always_inline]] constexpr void runs(F const& f) const noexcept {
    for (std::uint32_t left = bits_; left != 0;) {
      index const begin = __builtin_ctz(left);
      std::uint32_t const hidden = ~(left >> begin);
      index const end = hidden == 0 ? 32 : begin + __builtin_ctz(hidden);
      f(begin, end);
      left &= ~up_to(end);
    }
  }

 private:
  [[nodiscard, gnu::always_inline]] static constexpr std::uint32_t up_to(index n) noexcept {
    return n >= 32 ? ~0u : (1u << n) - 1u;
  }
  std::uint32_t bits_ = 0;
};
/// Keys of the finest blocks.
inline constexpr index block_keys = leaf_keys / 32;

/// A group of rows, and which keys of one leaf each of them sees.
struct group_of_rows {
  query_rows of;
  index first;
  index count;
  visible_keys seen[group_rows];
  key_blocks near[group_rows];  ///< blocks of 16 keys of which the row sees some
  bool whole = true;            ///< all rows see all keys

  [[gnu::always_inline]] group_of_rows(score_rule const& rule, query_rows const& rows, index first_row, index n,
                                       index from, index keys) noexcept
      : of(rows), first(first_row), count(n) {
    for (index i = 0; i < n; ++i) {
      seen[i] = rule.visible(rows.query(first_row + i)).within(from, keys);
      whole = whole && seen[i].begin == 0 && seen[i].end == keys;
    }
    whole = whole && rule.blocks.data == nullptr;
    if (!whole) { find_blocks(rule, from); }
  }
  /// Blocks of `width` keys that rows [t, t + size) see.
  [[nodiscard, gnu::always_inline]] key_blocks blocks(index width, index t, index size) const noexcept {
    if (whole) { return {0, ceil_div(seen[0].end, width)}; }
    key_blocks some;
    for (index i = t; i < t + size; ++i) { some = some | near[i]; }
    return some.wider(width / block_keys);
  }

 private:
  [[gnu::always_inline]] void find_blocks(score_rule const& rule, index from) noexcept {
    bool const* last_mask = nullptr;
    key_blocks live(0, 32);
    for (index i = 0; i < count; ++i) {
      if (rule.blocks.data != nullptr) {
        bool const* const mask = rule.blocks.row(of.head(first + i), of.query(first + i));
        if (mask != last_mask) { live = live_blocks(rule, mask, from); }
        last_mask = mask;
      }
      auto const& v = seen[i];
      near[i] = live & (of_keys(0, v.first) | of_keys(v.begin, v.end));
    }
  }
  /// Of keys [begin, end) of a leaf.
  [[nodiscard, gnu::always_inline]] static key_blocks of_keys(index begin, index end) noexcept {
    return {begin / block_keys, ceil_div(end, block_keys)};
  }
  [[nodiscard, gnu::always_inline]] static key_blocks live_blocks(score_rule const& rule, bool const* mask,
                                                                  index from) noexcept {
    key_blocks live;
    index const end = smaller(from + leaf_keys, rule.keys);
    for (index b = from / rule.blocks.keys; b * rule.blocks.keys < end; ++b) {
      if (!mask[b]) { continue; }
      index const low = larger(b * rule.blocks.keys - from, 0);
      live = live | of_keys(low, smaller((b + 1) * rule.blocks.keys - from, leaf_keys));
    }
    return live;
  }
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
