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

  /// sulq::decode of each code in every lane, to the bit: the product of which the exponent is rounded is exact as the
  /// sum of two floats, and the second is asked where the first lies in the middle of two integers. Not of params for
  /// which this does not hold, which no range of numbers gives but a tiny one.
  [[gnu::always_inline]] bool decode_logs(std::byte const* params) noexcept {
    float eta_of[lanes];
    float step_of[lanes];
    std::int32_t zero_of[lanes];
    bool plain = true;
    for (std::size_t i = 0; i < lanes; ++i) {
      sulq_params p;
      std::memcpy(&p, params + i * sizeof p, sizeof p);
      eta_of[i] = p.eta;
      step_of[i] = p.step;
      zero_of[i] = p.zero_point;
      plain &= p.step > 0x1p-21f && p.step < 0x1p7f && p.zero_point > -0x800000 && p.zero_point < 0x800000;
    }
    if (!plain) { return false; }
    auto const eta = simd::load_floats<A>(eta_of);
    auto const step = simd::load_floats<A>(step_of);
    auto const zero = simd::load_ints<A>(zero_of);
    for (std::size_t c = 0; c < size; ++c) {
      auto const steps = simd::to_floats<A>(ints(code_of(c)) - zero);
      auto const near = simd::opaque<A>(step * steps);
      auto const rest = simd::fused<A>(step, steps, floats(0.0f) - near);
      auto e = simd::to_ints<A>(near);
      auto const past = near - simd::to_floats<A>(e);
      floats const below_half(0x1.fffffep-2f);
      floats const none(0.0f);
      e = simd::add_where_less<A>(e, 1, none, simd::where_less<A>(below_half, past, rest, none));
      e = simd::add_where_less<A>(e, -1, simd::where_less<A>(past, none - below_half, rest, none), none);
      e = simd::minimum<A>(simd::maximum<A>(e, ints(-127)), ints(149));
      // Two powers, so that one below 2^-126 is a number, too.
      auto const half = simd::shift_right<1, A>(e + ints(128)) - ints(64);
      values[c] = simd::opaque<A>(power(half) * power(e - half)) - eta;
    }
    return true;
  }
  /// 2^-e, e from -127 to 126.
  [[gnu::always_inline]] static floats power(ints e) noexcept {
    return simd::as_floats<A>(simd::shift_left<23, A>(ints(127) - e));
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
