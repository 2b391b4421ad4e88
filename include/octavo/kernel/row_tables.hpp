// SPDX-License-Identifier: MIT
// The values of all codes for the rows of a register, from what a quantizer without scale() stores for each of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "octavo/core/unroll.hpp"
#include "octavo/quant/sulq.hpp"
#include "octavo/simd/row_lookup.hpp"
#include "octavo/storage/panel.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Whether rows have tables of few values: then these are made once for a group, by whatever way there is, and looked up.
template <class L>
inline constexpr bool has_row_tables = !L::linear && !L::one_table && L::format::bits <= 5;
/// Bits of a code that is looked up.
template <class L>
inline constexpr int table_bits = L::format::bits < 2 ? 2 : L::format::bits;

/// The values of packed code c in `lanes` rows are values[c] of these.
template <class A, class L>
class row_values {
  using F = typename L::format;
  using Q = typename L::quantizer;
  using floats = simd::floats<A>;
  using ints = simd::ints<A>;
  static constexpr auto lanes = static_cast<std::size_t>(simd::lanes<A>);
  static constexpr std::size_t size = std::size_t{1} << table_bits<L>;

 public:
  floats values[size];

  /// From the params of the first row.
  [[gnu::always_inline]] explicit row_values(std::byte const* params) noexcept {
    if constexpr (L::tables && F::bits >= 2) {
      turn(params);
    } else {
      if constexpr (shifted_logs && has_fma<A>) {
        if (decode_logs(params)) { return; }
      }
      float rows[size][lanes];
      decode_each(params, rows[0]);
      for (std::size_t c = 0; c < size; ++c) { values[c] = simd::load_floats<A>(rows[c]); }
    }
  }

 private:
  template <class>
  struct is_sulq {
    static constexpr bool there = false;
  };
  template <int B>
  struct is_sulq<sulq<B>> {
    static constexpr bool there = true;
  };
  static constexpr bool shifted_logs = is_sulq<Q>::there;

  /// Tables as they are stored, row after row.
  [[gnu::always_inline]] void turn(std::byte const* params) noexcept {
    constexpr std::size_t width = size > lanes ? size : lanes;
    float rows[lanes][width];
    for (std::size_t i = 0; i < lanes; ++i) { std::memcpy(rows[i], params + i * size * 4, size * 4); }
    for (std::size_t c = 0; c < size; c += lanes) {
      floats columns[lanes];
      for (std::size_t i = 0; i < lanes; ++i) { columns[i] = simd::load_floats<A>(rows[i] + c); }
      simd::transpose<A>(columns);
      for (std::size_t i = 0; i < lanes && c + i < size; ++i) { values[(c + i) ^ flip] = columns[i]; }
    }
  }

  /// sulq::decode of each code in every lane, to the bit: the fma rounds the exact product to an integer, ties to even,
  /// in the low bits of a float. Not of params whose exponents are not those of normal numbers, nor exact in an fma.
  [[gnu::always_inline]] bool decode_logs(std::byte const* params) noexcept {
    float each[3][lanes];
    for (std::size_t i = 0; i < lanes; ++i) {
      for (std::size_t j = 0; j < 3; ++j) { std::memcpy(&each[j][i], params + i * sizeof(sulq_params) + j * 4, 4); }
    }
    static_assert(sizeof(sulq_params) == 12);
    auto const eta = simd::load_floats<A>(each[0]);
    auto const step = simd::load_floats<A>(each[1]);
    auto const zero = simd::to_floats<A>(simd::load_ints<A>(each[2]));
    floats const none(0.0f);
    floats const limit(0x1p23f);
    auto plain = simd::add_where_less<A>(ints(0), 1, none, step);
    plain = simd::add_where_less<A>(plain, 1, simd::absolute<A>(zero), limit);
    plain = simd::add_where_less<A>(plain, 1, step * zero, floats(127.0f));
    plain = simd::add_where_less<A>(plain, 1, step * (floats(static_cast<float>(F::highest)) - zero), floats(126.0f));
    if (simd::sum<A>(plain) != 4 * simd::lanes<A>) { return false; }
    floats const integers(0x1.8p23f);
    ints const exponents(127 - 0x4b400000);  // the bits of 1.5 * 2^23
    for (std::size_t c = 0; c < size; ++c) {
      auto const e = simd::fused<A>(step, zero - floats(static_cast<float>(code_of(c))), integers);  // -E
      values[c] = simd::as_floats<A>(simd::shift_left<23, A>(simd::as_ints<A>(e) + exponents)) - eta;
    }
    return true;
  }

  /// A call: what a quantizer does would be inlined in each tile. Rows that have the params of the row before have its
  /// values.
  [[gnu::noinline]] static void decode_each(std::byte const* params, float* rows) noexcept {
    typename Q::params p;
    for (std::size_t i = 0; i < lanes; ++i) {
      std::byte const* const own = params + i * sizeof p;
      bool const same = i != 0 && std::memcmp(own, own - sizeof p, sizeof p) == 0;
      std::memcpy(&p, own, sizeof p);
      for (std::size_t c = 0; c < size; ++c) {
        rows[c * lanes + i] = same ? rows[c * lanes + i - 1] : Q::decode(code_of(c), p);
      }
    }
  }

  static constexpr auto flip = static_cast<std::size_t>(L::flip);
  [[gnu::always_inline]] static constexpr code code_of(std::size_t packed) noexcept {
    return static_cast<code>((packed ^ flip) & (code_count<F> - 1));
  }
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
