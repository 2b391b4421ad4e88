// SPDX-License-Identifier: MIT
// codebook<B>::encode by vectors: a table known when the program runs, searched by a register of numbers at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "octavo/core/unroll.hpp"
#include "octavo/quant/codebook.hpp"
#include "octavo/simd/lookup.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// The codes of codebook<B>::encode: by the same comparisons, whatever the table holds, in B steps. What the first four
/// of them look up is in registers, of the others it is gathered.
template <class A, int B>
class codebook_search {
  using ints = simd::ints<A>;
  static constexpr int L = simd::lanes<A>;
  static constexpr int size = 1 << B;
  static constexpr int first_levels = B < 4 ? B : 4;
  static constexpr int stride = size >> first_levels;  ///< from one to the next of the middles in registers
  static constexpr auto room = static_cast<std::size_t>(size < 16 ? 16 : size);

 public:
  explicit codebook_search(codebook_params<B> const& table) noexcept {
    alignas(64) float values[room + static_cast<std::size_t>(L)] = {};
    std::memcpy(values, table.values, sizeof table.values);
    for (int c = 0; c < static_cast<int>(room); c += L) {  // middle() in lanes
      auto const half = [&](float const* p) __attribute__((always_inline)) {
        return simd::opaque<A>(simd::floats<A>(0.5f) * simd::load_floats<A>(p));
      };
      (half(values + c) + half(values + c + 1)).store_unaligned(middles_ + c);
    }
    for (int i = 0; i + 1 < 1 << first_levels; ++i) { coarse_[i] = middles_[(i + 1) * stride - 1]; }
    for (int c = 1; c < size; ++c) { repeats_ |= values[c - 1] == values[c] ? 1 : 0; }
    for (int c = 0, first = 0; repeats_ != 0 && c < size; ++c) {
      if (c > 0 && values[c - 1] != values[c]) { first = c; }
      firsts_[c] = static_cast<float>(first);
    }
  }

  [[nodiscard, gnu::always_inline]] ints operator()(simd::floats<A> x) const noexcept {
    simd::float_lookup<A> const coarse(coarse_);
    ints c(0);  // how many middles are below x
    detail::unroll<first_levels>([&](auto level) __attribute__((always_inline)) {
      constexpr std::int32_t step = (1 << first_levels) >> (level() + 1);
      auto const middle = level() == 0 ? simd::floats<A>(coarse_[step - 1]) : coarse(c + ints(step - 1));
      c = simd::add_where_less<A>(c, step, middle, x);
    });
    c = simd::shift_left<B - first_levels, A>(c);
    detail::unroll<B - first_levels>([&](auto level) __attribute__((always_inline)) {
      constexpr std::int32_t step = stride >> (level() + 1);
      c = simd::add_where_less<A>(c, step, simd::gather<A>(middles_, c + ints(step - 1)), x);
    });
    return repeats_ != 0 ? simd::to_ints<A>(simd::gather<A>(firsts_, c)) : c;
  }

 private:
  alignas(64) float middles_[room];
  alignas(64) float coarse_[16] = {};
  alignas(64) float firsts_[room];  ///< of equal values the code of the first
  int repeats_ = 0;                 ///< whether there are any
};

/// Codes of n numbers.
template <class A, int B>
void encode_by_table(codebook_search<A, B> const& search, codebook_params<B> const& table, float const* from, index n,
                     code* to) noexcept {
  constexpr index L = simd::lanes<A>;
  index i = 0;
  for (; i + L <= n; i += L) { simd::store_unsigned_bytes<A>(to + i, search(simd::load_floats<A>(from + i))); }
  for (; i < n; ++i) { to[i] = codebook<B>::encode(from[i], table); }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
