// SPDX-License-Identifier: MIT
// Weights of the path int8_dot: packed codes to unsigned bytes, exact integer sums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/core/unroll.hpp"
#include "octavo/kernel/packed_step.hpp"
#include "octavo/kernel/segments.hpp"
#include "octavo/simd/dot.hpp"
#include "octavo/simd/lookup.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// table[packed code] = integer of the value - lowest integer. Bits beyond those of the format are ignored.
template <number_format F, int Flip>
inline constexpr simd::byte_table byte_values = [] {
  simd::byte_table t{};
  for (int c = 0; c < 256; ++c) {
    float const v = value_table<F>[static_cast<std::size_t>((c ^ Flip) & (code_count<F> - 1))];
    t[static_cast<std::size_t>(c)] =
        static_cast<std::uint8_t>(static_cast<int>(v / lattice<F>.step) - lattice<F>.lowest);
  }
  return t;
}();

struct no_lookup {
  [[gnu::always_inline]] explicit no_lookup(simd::byte_table const&) noexcept {}
};

/// byte = value / step - lowest: free for integers (packing made it so), one byte lookup for others.
///
/// The sum over a segment is that of (byte - c) * (a - z) for activations a with zero point z, where c is the zero
/// point of the row, or -lowest for all (both less dot::offset, as the bytes are). It is computed as the dot product of
/// bytes and a, from the start - c * sum(a - z) - z * sum(byte), all of it in integers.
template <class A, class L, bool OperandZeros>
class byte_weights {
  using F = typename L::format;
  static_assert(lattice<F>.exact);
  static constexpr int highest = lattice<F>.highest - lattice<F>.lowest;
  /// Where sums of a whole step overflow an accumulator of 16 bits, products are those of any bytes.
  static constexpr int burst_of_step = simd::dot<A, highest>::burst;
  static constexpr bool narrow = burst_of_step == 0 || burst_of_step >= L::quads;

 public:
  using arch = A;
  using layout = L;
  using dot = simd::dot<A, narrow ? highest : 255>;
  using operand = typename dot::activation;
  using weight = typename dot::weight;
  using accumulator = typename dot::accumulator;
  using sum = simd::ints<A>;
  using start = std::int32_t;
  static constexpr bool operand_zeros = OperandZeros;
  static constexpr bool has_start = true;
  /// Whether codes are bytes as they stand; others are looked up.
  static constexpr bool direct = consecutive_flip<F> >= 0;
  /// Subtracted from all bytes.
  static constexpr int offset = dot::offset;
  /// Whether packed codes are the weights.
  static constexpr bool as_packed = direct && L::bits == 8 && offset == 0 && sizeof(weight) == sizeof(simd::ints<A>);
  static constexpr bool is_expanded = false;
  static constexpr index step_bytes = L::step_bytes;
  static constexpr int units = L::quads;
  static constexpr int unit_operands = 4;
  static constexpr int burst = dot::burst / units;
  static_assert(dot::burst == 0 || burst > 0);
  /// A group's scale times this is the scale of the integers.
  static constexpr float scale_factor = lattice<F>.step;
  struct group {};
  using packed = packed_step<A, L>;

  [[gnu::always_inline]] byte_weights() noexcept : lookup_(byte_values<F, L::flip>) {}

  [[nodiscard, gnu::always_inline]] static group load_group(std::byte const*, index) noexcept { return {}; }

  template <int U>
  [[nodiscard, gnu::always_inline]] weight get(packed const& step, group) const noexcept {
    auto const codes = step.template quad<U>();
    if constexpr (direct) {
      return dot::prepare(codes);
    } else {
      return dot::prepare(lookup_(codes));
    }
  }
  /// Whether weights may stay where they stand in their bytes, times a power of two, while that is a byte: raised<U>
  /// then saves the shift of get<U>, and sums are divided afterwards, exactly.
  static constexpr bool raises =
      direct && L::planes.high() == 0 && L::planes.low < 8 && simd::detail::has<vnni, A> && offset == 0;
  static constexpr int largest_byte = 255;
  template <int U, int Raise>
  [[nodiscard, gnu::always_inline]] weight raised(packed const& step) const noexcept {
    return dot::prepare(step.template raised_quad<U, Raise>());
  }
  [[nodiscard, gnu::always_inline]] static auto load(operand const* p) noexcept { return dot::load(p); }
  template <class Operand>
  [[nodiscard, gnu::always_inline]] static accumulator add(accumulator acc, weight const& w,
                                                           Operand const& a) noexcept {
    return dot::add(acc, w, a);
  }

  /// The initial int32 accumulators of `lanes` rows from `row` for token t of segment s.
  template <class Block>
  [[nodiscard, gnu::always_inline]] static simd::ints<A> initial(Block const& x, index t, index s,
                                                                 std::byte const* params, index row) noexcept {
    auto begin = simd::ints<A>(x.start[s * x.start_stride + t]);
    if constexpr (L::zero_points) {
      auto const zero = simd::load_bytes<A>(params + L::scale_bytes + row) - simd::ints<A>(offset);
      begin = simd::multiply<A>(begin, zero);
    }
    if constexpr (OperandZeros) {
      auto const sums = simd::load_ints<A>(x.weight_sums + s * panel_rows + row);
      begin = begin - simd::multiply<A>(simd::ints<A>(x.zeros[t]), sums);
    }
    return begin;
  }
  [[nodiscard, gnu::always_inline]] static simd::ints<A> flush(simd::ints<A> sum, accumulator acc) noexcept {
    if constexpr (burst == 0) {
      return simd::ints<A>(acc);
    } else {
      return dot::flush(sum, acc);
    }
  }
  [[nodiscard, gnu::always_inline]] static simd::floats<A> finish(simd::ints<A> sum) noexcept {
    return simd::to_floats<A>(sum);
  }

 private:
  using lookup_type = std::conditional_t<direct, no_lookup, simd::byte_lookup<A, simd::lookup_size(L::bits)>>;
  [[no_unique_address]] lookup_type lookup_;
};

/// sums[segment][row] = sum of the weight bytes of a panel: what a zero point of the activations is multiplied with.
/// The panel is read once, from end to end, and asked for ahead: tiles then find it near (int8, 1 token: 1.48 ms by one
/// register of rows after the other, 1.06 so).
template <class Weights>
void weight_byte_sums(weight_stream const& w, std::int32_t* sums) noexcept {
  using A = typename Weights::arch;
  using dot = typename Weights::dot;
  constexpr int L = simd::lanes<A>;
  Weights const unpack;
  typename Weights::operand const ones[4] = {1, 1, 1, 1};
  auto const one = dot::load(ones);
  constexpr int R = simd::panel_registers<A>;
  constexpr index ahead = 2048;
  for (index s = 0; s < w.segments; ++s) {
    std::byte const* codes = w.codes + s * w.segment_bytes;
    simd::ints<A> total[static_cast<std::size_t>(R)];
    detail::unroll<R>([&](int r) __attribute__((always_inline)) { total[r] = simd::ints<A>(0); });
    for (index i = s + 1 < w.segments ? w.steps : w.last_steps; i > 0; --i, codes += Weights::step_bytes) {
      for (index line = 0; line < Weights::step_bytes; line += 64) { __builtin_prefetch(codes + ahead + line); }
      detail::unroll<R>([&](int r) __attribute__((always_inline)) {
        typename Weights::packed const step(codes + r * L * 4, r * L);
        detail::unroll<Weights::units>([&](auto u) __attribute__((always_inline)) {
          auto const bytes = unpack.template get<u()>(step, {});
          if constexpr (Weights::burst == 0) {
            total[r] = simd::ints<A>(dot::add(total[r], bytes, one));
          } else {
            total[r] = dot::flush(total[r], dot::add(typename dot::accumulator{}, bytes, one));
          }
        });
      });
    }
    detail::unroll<R>([&](int r) __attribute__((always_inline)) {
      total[r].store_unaligned(sums + s * panel_rows + r * L);
    });
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
