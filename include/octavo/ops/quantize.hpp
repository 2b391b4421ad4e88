// SPDX-License-Identifier: MIT
// quantize<Scheme>(weights): any dense matrix into a packed one, panel by panel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/core/views.hpp"
#include "octavo/kernel/pack.hpp"
#include "octavo/kernel/pack_two_level.hpp"
#include "octavo/ops/context.hpp"
#include "octavo/storage/quantized_matrix.hpp"

namespace octavo {
inline namespace v0 {

namespace detail {

template <class A, class S, class T>
[[nodiscard]] auto choose_packer() {
  if constexpr (has_quantized_scales<typename S::quantizer>) {
    return std::type_identity<kernel::two_level_packer<A, S, T>>{};
  } else {
    return std::type_identity<kernel::packer<A, S, T>>{};
  }
}
template <class A, class S, class T>
using packer_of = typename decltype(choose_packer<A, S, T>())::type;

template <class S, class T, class Context>
void quantize_view(matrix_view<T> const& weights, quantized_matrix<S>& result, Context const& context) {
  using arch = typename Context::arch;
  if (result.rows() != weights.rows() || result.cols() != weights.cols()) {
    fail_extents("quantize_into", "the matrix has elements", product(result.rows(), result.cols()),
                 "the weights have", product(weights.rows(), weights.cols()),
                 "Rows and columns must be those of the weights.");
  }
  if constexpr (check_arch<arch>()) {
    panel_layout<S> const layout{weights.rows(), weights.cols()};
    if (layout.rows == 0 || layout.cols == 0) { return; }
    packer_of<arch, S, T> const pack(weights, layout, result.data());
    index const pieces = context.pieces(layout.panels());
    index const room = pack.scratch_floats();
    index const shared = pack.shared_floats();
    using scratch_type = scratch_block<arch>;
    scratch_type scratch(context.memory(), scratch_type::template bytes<float>(product(pieces, room)) +
                                               scratch_type::template bytes<float>(shared) + alignment);
    auto* const rooms = scratch.template take<float>(pieces * room);
    pack.begin(scratch.template take<float>(shared), rooms);
    context.execute(pieces, [&pack, &layout, pieces, rooms, room](index i) noexcept {
      pack.panels(layout.panels() * i / pieces, layout.panels() * (i + 1) / pieces, rooms + i * room);
    });
  }
}

}  // namespace detail

/// Packs a dense matrix, any strides, elements float, bf16 or f16, by scheme S: parameters by S::quantizer::calibrate
/// for each group, then codes. Every code and parameter is what the scalar quantizer gives, on every instruction set.
///
/// Scales that are quantized themselves: quant/two_level.hpp.
///
/// *Errors*: a group with NaN or infinity gets scale NaN (built-in quantizers). Extents whose product overflows throw.
/// Built-in quantizers run by vectors, whatever the format: integers, minifloats, codebooks, logarithms. A format of
/// one's own does too if it is one of integers, ties to even; else its encode() is called for each number.
///
/// *Scratch*, per piece of work (four per thread): 64 rows of a group as floats, or of 64 columns if it has more than
/// 512, of 128 for per_column; for other quantizers those of one group, or of one column. Once: the params of all
/// columns for per_column; 16 rows for the mean of a tensor; all of the matrix for other quantizers per_tensor, if it
/// is not row after row of floats and the quantizer is neither symmetric nor affine. Where scales are quantized: 64
/// rows of a group, and two floats for each of the groups of 64 rows, and of those rows that share, that share a
/// scale.
template <class S, class M, class Arch, class Executor>
[[nodiscard]] quantized_matrix<S> quantize(M const& weights, context<Arch, Executor> const& context) {
  matrix_view const view(weights);
  quantized_matrix<S> result(view.rows(), view.cols());
  detail::quantize_view(view, result, context);
  return result;
}
/// The same on the instruction set of this translation unit.
template <class S, class M, class Arch = default_arch>
[[nodiscard]] quantized_matrix<S> quantize(M const& weights) {
  return quantize<S>(weights, on<Arch>());
}

/// The same into a matrix that exists: no allocation and no page faults. Throws when its extents differ.
template <class S, class M, class Arch = default_arch>
void quantize_into(quantized_matrix<S>& result, M const& weights) {
  detail::quantize_view(matrix_view(weights), result, on<Arch>());
}
template <class S, class M, class Arch, class Executor>
void quantize_into(quantized_matrix<S>& result, M const& weights, context<Arch, Executor> const& context) {
  detail::quantize_view(matrix_view(weights), result, context);
}

}  // namespace v0
}  // namespace octavo
