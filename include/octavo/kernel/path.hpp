// SPDX-License-Identifier: MIT
// path_of<W, A>: the arithmetic that a pair of operands gets, a constant; nothing falls back silently.
#pragma once

#include <type_traits>

#include "octavo/core/scalar.hpp"
#include "octavo/quant/scheme.hpp"

namespace octavo {
inline namespace v0 {

/// How products are computed.
enum class path {
  int8_dot,  ///< exact integers: vpdpbusd, or its exact equivalent
  bf16_dot,  ///< exact bf16 numbers, f32 sums: vdpbf16ps, or f32 fma in the same order
  table_fma  ///< f32 values, f32 fma
};

[[nodiscard, gnu::always_inline]] constexpr char const* path_name(path p) noexcept {
  return p == path::int8_dot ? "int8_dot" : p == path::bf16_dot ? "bf16_dot" : "table_fma";
}

namespace detail {

/// Weights whose values are all the kernel needs: linear, so that scales and zero points are data.
template <class W>
inline constexpr bool is_linear = linear_quantizer<typename W::quantizer>;

/// value - zero is still a bf16 number: integers up to 256 are.
template <class W>
inline constexpr bool bf16_after_zero = exact_in_bf16<typename W::format> &&
                                        (!has_zero_point<typename W::quantizer> || lattice<typename W::format>.exact);

template <class W, class A>
consteval path choose_path() {
  (void)check_stored_scheme<W>();
  if constexpr (element<A>) {  // activations as they are
    if (std::is_same_v<A, bf16> && is_linear<W> && bf16_after_zero<W> && !is_per_column<typename W::granularity>) {
      return path::bf16_dot;
    }
    return path::table_fma;
  } else {
    (void)check_operand_scheme<A>();
    if constexpr (is_scheme<A> && is_scheme<W>) {
      using F = typename A::format;
      if (is_linear<W> && lattice<typename W::format>.exact && lattice<F>.exact) { return path::int8_dot; }
      if (is_linear<W> && bf16_after_zero<W> && bf16_after_zero<A> && !is_per_column<typename W::granularity>) {
        return path::bf16_dot;
      }
    }
    return path::table_fma;
  }
}

}  // namespace detail

/// The path of weights of scheme W with activations quantized by scheme A, or of element type A as they are:
/// `path_of<w4, a8>`, `path_of<w4, float>`, `path_of<fp8, bf16>`.
template <class W, class A>
inline constexpr path path_of = detail::choose_path<W, A>();

}  // namespace v0
}  // namespace octavo
