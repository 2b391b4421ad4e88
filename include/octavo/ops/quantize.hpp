// SPDX-License-Identifier: MIT
// quantize<Scheme>(weights): any dense matrix into a packed one, panel by panel.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "octavo/core/views.hpp"
#include "octavo/kernel/pack.hpp"
#include "octavo/ops/context.hpp"
#include "octavo/storage/quantized_matrix.hpp"

namespace octavo {
inline namespace v0 {

namespace detail {

template <class S, class T, class Context>
[[nodiscard]] quantized_matrix<S> quantize_view(matrix_view<T> const& weights, Context const& context) {
  using arch = typename Context::arch;
  quantized_matrix<S> result(weights.rows(), weights.cols());
  if constexpr (check_arch<arch>()) {
    panel_layout<S> const layout{weights.rows(), weights.cols()};
    if (layout.rows == 0 || layout.cols == 0) { return result; }
    kernel::packer<arch, S, T> const pack(weights, layout, result.data());
    index const pieces = context.pieces(layout.panels());
    // One group of 64 rows as floats, for quantizers without vector code.
    index const room = pack.scratch_floats();
    scratch_block scratch(context.memory(), scratch_block::bytes<float>(product(pieces, room)) + alignment);
    auto* const rooms = scratch.template take<float>(pieces * room);
    pack.begin(rooms);
    context.execute(pieces, [&pack, &layout, pieces, rooms, room](index i) noexcept {
      for (index p = layout.panels() * i / pieces; p < layout.panels() * (i + 1) / pieces; ++p) {
        pack.panel(p, rooms + i * room);
      }
    });
  }
  return result;
}

}  // namespace detail

/// Packs a dense matrix, any strides, elements float, bf16 or f16, by scheme S: parameters by S::quantizer::calibrate for
/// each group, then codes. Every code and parameter is what the scalar quantizer gives, on every instruction set.
///
/// *Errors*: a group with NaN or infinity gets scale NaN (built-in quantizers). Extents whose product overflows throw.
/// *Scratch*: 64 rows of one group as floats per piece of work, for quantizers without vector code; else 64 bytes.
template <class S, class M>
[[nodiscard]] quantized_matrix<S> quantize(M const& weights) {
  return detail::quantize_view<S>(matrix_view(weights), on<>());
}
template <class S, class M, class Arch, class Executor>
[[nodiscard]] quantized_matrix<S> quantize(M const& weights, context<Arch, Executor> const& context) {
  return detail::quantize_view<S>(matrix_view(weights), context);
}

}  // namespace v0
}  // namespace octavo
