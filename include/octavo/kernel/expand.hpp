// SPDX-License-Identifier: MIT
// Weights unpacked once for many tokens: registers of a path's weights, in a near cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/core/unroll.hpp"
#include "octavo/kernel/segments.hpp"
#include "octavo/simd/batch.hpp"
#include "octavo/simd/matrix_unit.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Whether many tokens meet the weights W on a matrix unit.
template <class W>
inline constexpr bool on_matrix_unit =
    detail::has<amx, typename W::arch>&& std::is_same_v<typename W::operand, std::int8_t>;

/// Units that a tile of expanded weights takes at once, of a segment of so many.
template <class W>
[[nodiscard, gnu::always_inline]] constexpr index units_at_once(index units) noexcept {
  if constexpr (on_matrix_unit<W>) { return larger(smaller(units, simd::matrix_quads), index{1}); }
  return units_together;
}
/// A segment of so many units, with the zeros that make it whole steps.
template <class W>
[[nodiscard, gnu::always_inline]] constexpr index filled_units(index units) noexcept {
  return round_up(units, units_at_once<W>(units));
}

/// The weights W after `expand`, R registers of rows: a step is one unit, and unpacking is a load.
template <class W, int R>
struct expanded {
  using arch = typename W::arch;
  using layout = typename W::layout;
  using operand = typename W::operand;
  using weight = typename W::weight;
  using accumulator = typename W::accumulator;
  using sum = typename W::sum;
  using start = typename W::start;
  struct group {};
  struct packed {};
  static constexpr bool operand_zeros = W::operand_zeros;
  static constexpr int units = 1;
  static constexpr int unit_operands = W::unit_operands;
  static constexpr int burst = W::burst * W::units;
  static constexpr float scale_factor = W::scale_factor;
  static constexpr bool is_expanded = true;
  /// Whether the packed panel is the same already.
  static constexpr bool as_packed = W::as_packed && R == simd::panel_registers<arch>;
  /// Of one step: a weight for each register of rows.
  static constexpr index step_bytes = R * static_cast<index>(sizeof(weight));

  [[nodiscard, gnu::always_inline]] static group load_group(std::byte const*, index) noexcept { return {}; }
  /// Register r of a step.
  [[nodiscard, gnu::always_inline]] static weight load_weight(std::byte const* step, int r) noexcept {
    return simd::in_register(simd::load_register<weight>(step + r * static_cast<int>(sizeof(weight))));
  }
  [[nodiscard, gnu::always_inline]] static auto load(operand const* p) noexcept { return W::load(p); }
  template <class Operand>
  [[nodiscard, gnu::always_inline]] static accumulator add(accumulator acc, weight const& w,
                                                           Operand const& a) noexcept {
    return W::add(acc, w, a);
  }
  template <class Block>
  [[nodiscard, gnu::always_inline]] static auto initial(Block const& x, index t, index s, std::byte const* params,
                                                        index row) noexcept {
    return W::initial(x, t, s, params, row);
  }
  [[nodiscard, gnu::always_inline]] static sum flush(sum const& before, accumulator acc) noexcept {
    return W::flush(before, acc);
  }
  [[nodiscard, gnu::always_inline]] static simd::floats<arch> finish(sum const& total) noexcept {
    return W::finish(total);
  }
};

/// Unpacks `steps` steps of a segment for R registers of rows from `first_row`, unit after unit.
template <class W, int R>
[[gnu::noinline]] void expand(std::byte const* codes, std::byte const* params, index first_row, index steps,
                              std::byte* out) noexcept {
  using A = typename W::arch;
  constexpr int L = simd::lanes<A>;
  constexpr index unit_bytes = expanded<W, R>::step_bytes;
  W const unpack;
  for (int r = 0; r < R; ++r) {
    auto const group = W::load_group(params, first_row + r * L);
    std::byte const* from = codes + (first_row + r * L) * 4;
    std::byte* to = out + r * static_cast<index>(sizeof(typename W::weight));
    for (index i = 0; i < steps; ++i) {
      typename W::packed const step(from, first_row + r * L);
      auto const store = [&](int u, typename W::weight const& w) __attribute__((always_inline)) {
        std::memcpy(to + u * unit_bytes, &w, sizeof w);
      };
      if constexpr (unpacks_by_eights<W>) {
        detail::unroll<W::units / 8>([&](auto e) __attribute__((always_inline)) {
          typename W::weight eight[8];
          unpack.template get_eight<e()>(step, group, eight);
          detail::unroll<8>([&](int u) __attribute__((always_inline)) { store(8 * e() + u, eight[u]); });
        });
      } else {
        detail::unroll<W::units>([&](auto u) __attribute__((always_inline)) {
          store(u(), unpack.template get<u()>(step, group));
        });
      }
      from += W::step_bytes;
      to += W::units * unit_bytes;
    }
    for (index i = steps * W::units; i < filled_units<W>(steps * W::units); ++i) {
      std::memset(to, 0, sizeof(typename W::weight));
      to += unit_bytes;
    }
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
