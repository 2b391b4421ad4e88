// SPDX-License-Identifier: MIT
// Tokens of a cache as rows of floats, page by page: what keys(head, token, channel) gives, to the bit.
#pragma once

#include <cstddef>
#include <cstring>

#include "octavo/kernel/columns_as_rows.hpp"
#include "octavo/kernel/page_floats.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// `Values`: of values; else of keys. Layouts whose codes are not words of a row go number by number.
template <class A, class S, class Layout, bool Values>
class token_floats {
  using side_type = detail::cache_side<S, Layout, Values>;
  using codes = typename dense_of<Layout>::type;
  static constexpr int L = simd::lanes<A>;

 public:
  explicit token_floats(side_type const& from) noexcept : from_(from), table_(from.layout()) {}

  /// Floats that page() needs room for.
  [[nodiscard]] static index room(index head_dim) noexcept { return page_tokens * (Values ? page_tokens : head_dim); }
  /// Tokens 64 p to 64 p + n - 1 of a head: channel c of token 64 p + i goes to to[i * stride + c]. Pre: n <= 64, they
  /// are there.
  void page(index head, index p, index n, float* room, float* to, index stride) const noexcept {
    std::byte const* const page = from_.page(head, p);
    index const d = from_.head_dim();
    if constexpr (element<S> && Values) {
      for (index i = 0; i < n; ++i) {
        for (index c = 0; c < d; c += panel_rows) {
          auto const* const run = reinterpret_cast<S const*>(page) + Layout::at(i, c);
          simd::copy_as_floats<A>(run, smaller(panel_rows, d - c), to + i * stride + c);
        }
      }
    } else if constexpr (element<S>) {
      simd::copy_as_floats<A>(reinterpret_cast<S const*>(page), d * page_tokens, room);
      turn(room, n, d, to, stride);
    } else if constexpr (codes_in_words<codes> && !Values) {
      keys_as_floats<A, page_tokens, codes>(from_.layout(), table_, page, 0, room);
      add_key_outliers<page_tokens>(from_.layout(), page, 0, room);
      turn(room, n, d, to, stride);
    } else if constexpr (codes_in_words<codes>) {
      if (!groups_of_registers<A, codes>(from_.layout())) { return one_by_one(head, p, n, to, stride); }
      for (index c = 0; c < d; c += page_tokens) {
        values_as_floats<A, page_tokens, codes>(from_.layout(), table_, page, n, c, room);
        add_value_outliers<page_tokens>(from_.layout(), page, n, c, room);
        auto const bytes = static_cast<std::size_t>(smaller(page_tokens, d - c)) * sizeof(float);
        for (index i = 0; i < n; ++i) { std::memcpy(to + i * stride + c, room + i * page_tokens, bytes); }
      }
    } else {
      return one_by_one(head, p, n, to, stride);
    }
    floats_of(head, p * page_tokens, n, to, stride);
  }

 private:
  void one_by_one(index head, index p, index n, float* to, index stride) const noexcept {
    for (index i = 0; i < n; ++i) {
      for (index c = 0; c < from_.head_dim(); ++c) { to[i * stride + c] = from_(head, p * page_tokens + i, c); }
    }
  }
  /// [channel][64 tokens] becomes rows.
  static void turn(float const* from, index n, index d, float* to, index stride) noexcept {
    for (index i = 0; i < n; i += L) {
      columns_as_rows<A, page_tokens>(
          from + i, smaller(index{L}, n - i),
          d, [&](index row, index k, auto x, index there) __attribute__((always_inline)) {
            float* const at = to + (i + row) * stride + k;
            if (there == L) {
              x.store_unaligned(at);
            } else {
              simd::store_first<A>(at, x, there);
            }
          });
    }
  }
  /// Tokens that are floats beside the pages.
  void floats_of(index head, index first, index n, float* to, index stride) const noexcept {
    [[maybe_unused]] auto const bytes = static_cast<std::size_t>(from_.head_dim()) * sizeof(float);
    if constexpr (side_type::residual > 1) {
      for (index t = larger(from_.closed(), first); t < first + n; ++t) {
        std::memcpy(to + (t - first) * stride, from_.open(head, t), bytes);
      }
    }
    if constexpr (side_type::first > 0) {
      for (index t = first; t < smaller(from_.firsts(), first + n); ++t) {
        std::memcpy(to + (t - first) * stride, from_.first_token(head, t), bytes);
      }
    }
  }

  side_type from_;
  page_table<A, codes> table_;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
