// SPDX-License-Identifier: MIT
// Rows of attention: the queries of the heads that read one kv head, in groups, and the keys that each sees.
#pragma once

#include "octavo/kernel/score_rule.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Keys of a leaf, at absolute positions that are multiples of it: what one softmax spans before merging.
inline constexpr index leaf_keys = 512;
/// Query rows that share the leaf while it is near: eight tiles of most instruction sets.
inline constexpr index group_rows = 48;

/// Where the rows of one kv head are: all query heads that read it, query by query.
struct query_rows {
  index kv_head;
  index per_kv;  ///< query heads of a kv head

  [[nodiscard, gnu::always_inline]] index query(index row) const noexcept { return row / per_kv; }
  [[nodiscard, gnu::always_inline]] index head(index row) const noexcept { return kv_head * per_kv + row % per_kv; }
};

/// A group of rows, and which keys of one leaf each of them sees.
struct group_of_rows {
  query_rows of;
  index first;
  index count;
  visible_keys seen[group_rows];
  bool whole = true;  ///< all rows see all keys

  [[gnu::always_inline]] group_of_rows(score_rule const& rule, query_rows const& rows, index first_row, index n,
                                       index from, index keys) noexcept
      : of(rows), first(first_row), count(n) {
    for (index i = 0; i < n; ++i) {
      seen[i] = rule.visible(rows.query(first_row + i)).within(from, keys);
      whole = whole && seen[i].begin == 0 && seen[i].end == keys;
    }
  }
  /// Blocks of `width` keys that rows [t, t + size) see, as one interval.
  struct span {
    index begin;
    index end;
    [[nodiscard, gnu::always_inline]] bool none() const noexcept { return begin >= end; }
  };
  [[nodiscard, gnu::always_inline]] span blocks(index width, index t, index size) const noexcept {
    if (whole) { return {0, ceil_div(seen[0].end, width)}; }
    span s{leaf_keys, 0};
    for (index i = t; i < t + size; ++i) {
      if (seen[i].none()) { continue; }
      s.begin = smaller(s.begin, seen[i].low() / width);
      s.end = larger(s.end, ceil_div(seen[i].end, width));
    }
    return s;
  }
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
