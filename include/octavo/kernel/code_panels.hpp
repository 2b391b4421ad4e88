// SPDX-License-Identifier: MIT
// Panels of codes of attention, multiplied by signed bytes: exact int32 sums, the register tile of weights.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/kernel/byte_products.hpp"
#include "octavo/kernel/byte_weights.hpp"
#include "octavo/kernel/expand.hpp"
#include "octavo/kernel/tile.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Panels of 64 rows of scheme S (per_row), multiplied by signed bytes: blocks of `width` rows.
template <class A, class S, bool OperandZeros>
struct code_panels {
  using layout = panel_layout<S>;
  using packed = byte_weights<A, layout, OperandZeros>;
  using operand = typename packed::operand;
  static constexpr int L = simd::lanes<A>;
  static constexpr int registers = short_registers<A>;
  static constexpr index width = registers * L;
  /// Where a packed panel is what the expanded tile reads, it takes more tokens.
  static constexpr bool ready = expanded<packed, registers>::as_packed;
  using weights = std::conditional_t<ready, expanded<packed, registers>, packed>;
  static constexpr int tokens = detail::is_scalar<A>            ? 1
                                : ready                         ? product_tokens<A>
                                : registers * L == 16 && L == 4 ? 2
                                                                : 4;
  /// What is subtracted from all bytes of the weights, less what the dot product subtracts.
  static constexpr std::int32_t offset = -lattice<typename S::format>.lowest - packed::offset;

  /// k filled up to whole steps of every tile.
  [[nodiscard, gnu::always_inline]] static constexpr index filled(index k) noexcept {
    if constexpr (ready) { return 4 * product_quads<A>(ceil_div(k, 4)); }
    return round_up(k, layout::step * units_together);
  }

  /// out[t][row] = scale of the row times the exact sum, for T tokens, `width` rows from block b of a panel, and steps
  /// [from, from + steps).
  template <int T>
  static void multiply(std::byte const* panel, layout const& of, index b, index from, index steps,
                       token_block<weights>& x, float* out) noexcept {
    index const first_row = b * width % panel_rows;
    weight_stream w{};
    w.codes = panel + from * layout::step_bytes;
    w.segments = 1;
    w.steps = steps;
    w.last_steps = steps;
    w.params = panel + of.params_at(0);
    w.last_params = w.params;
    w.ahead = w.codes;
    x.data += from * layout::step;
    std::memset(out, 0, static_cast<std::size_t>(T * width) * sizeof(float));
    tile<weights, T, registers>(w, x, first_row, out);
  }
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
