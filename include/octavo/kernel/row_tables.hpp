// SPDX-License-Identifier: MIT
// The values of all codes for the rows of a register, from what a quantizer without scale() stores for each of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "octavo/core/unroll.hpp"
#include "octavo/kernel/lane_decode.hpp"
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
      using decoder = lane_decoder<A, Q>;
      if constexpr (decoder::there) {
        decoder const decode(params);
        if (decode.exact()) {
          for (std::size_t c = 0; c < size; ++c) { values[c] = decode(ints(code_of(c))); }
          return;
        }
      }
      float rows[size][lanes];
      decode_each(params, rows[0]);
      for (std::size_t c = 0; c < size; ++c) { values[c] = simd::load_floats<A>(rows[c]); }
    }
  }

 private:
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
