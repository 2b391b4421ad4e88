// SPDX-License-Identifier: MIT
// scheme<Quantizer, Granularity>: the one thing that users name.
#pragma once

#include <type_traits>

#include "octavo/core/scalar.hpp"
#include "octavo/quant/concept.hpp"
#include "octavo/quant/granularity.hpp"
#include "octavo/quant/scale.hpp"

namespace octavo {
inline namespace v0 {

namespace detail {

/// Zero points are integers of the format, so that an integer dot product can subtract them.
template <class Q>
consteval bool check_zero_point() {
  if constexpr (has_zero_point<Q>) {
    static_assert(lattice<typename Q::format>.exact && lattice<typename Q::format>.step == 1.0f,
                  "Octavo: a quantizer with `int zero(params)` needs a format of integers.");
    static_assert(!has_minimum<Q>,
                  "Octavo: a quantizer has `int zero(params)` or `float minimum(params)`, not both.");
  }
  if constexpr (has_minimum<Q>) {
    static_assert(
        signed_scale_type<typename scale_type_of<Q>::type>,
        "Octavo: minima are stored as the scales are, and e8m0 and ue4m3 have no sign. Use scale_type float, "
        "octavo::bf16 or octavo::f16.");
  }
  return true;
}

}  // namespace detail

/// A quantizer and the elements that share its parameters.
///
///     using w4 = scheme<symmetric<int4>, per_group<128>>;
///     using a8 = scheme<symmetric<int8>, per_token>;
template <class Quantizer, class Granularity>
struct scheme {
  static_assert(check_quantizer<Quantizer>());
  static_assert(detail::check_zero_point<Quantizer>());
  using quantizer = Quantizer;
  using granularity = Granularity;
  using format = typename Quantizer::format;
};

/// In place of a scheme: an operand as it is, which is what operations do without a template argument.
struct as_is {};

namespace detail {

/// The sentence for a granularity in the wrong place; true when it fits a stored matrix.
template <class S>
consteval bool check_stored_scheme() {
  static_assert(is_scheme<S>, "Octavo: a stored matrix needs a scheme<quantizer, granularity>.");
  if constexpr (is_scheme<S>) {
    static_assert(!is_per_token<typename S::granularity>,
                  "Octavo: per_token is for operands that arrive as float. A stored matrix has per_row, per_tensor, "
                  "per_column or per_group<G>.");
    static_assert(!is_per_column<typename S::granularity> || linear_quantizer<typename S::quantizer>,
                  "Octavo: per_column folds the scale of a column into the activations, so the quantizer needs "
                  "`static float scale(params)`.");
    static_assert(!is_per_column<typename S::granularity> || !has_minimum<typename S::quantizer>,
                  "Octavo: per_column folds the scale of a column into the activations, where a minimum cannot go. "
                  "Use affine, or per_row or per_group<G>.");
    static_assert(!has_book<typename S::quantizer>,
                  "Octavo: affine_codebook<codebook<B>> is for caches, which have its table. A stored matrix takes "
                  "codebook<B>, or affine_codebook of a codebook_format.");
    static_assert(!has_quantized_scales<typename S::quantizer> || is_per_group<typename S::granularity>,
                  "Octavo: scales are quantized where there are many: with per_group<G>. per_row, per_tensor and "
                  "per_column have a few, which stay floats.");
  }
  return true;
}

/// The same for the scheme of an operand that arrives as float.
template <class A>
consteval bool check_operand_scheme() {
  static_assert(is_scheme<A>,
                "Octavo: the template argument of matmul is the scheme of the activations, such as "
                "scheme<symmetric<int8>, per_token>; without one they stay as they are.");
  if constexpr (is_scheme<A>) {
    using G = typename A::granularity;
    static_assert(is_per_token<G> || is_per_tensor<G>,
                  "Octavo: an operand that arrives as float is quantized per_token (or per_tensor); per_row, "
                  "per_column and per_group speak of a stored matrix.");
    static_assert(
        linear_quantizer<typename A::quantizer>,
        "Octavo: the quantizer of activations needs `static float scale(params)`, so that a token keeps one "
        "scale. Add it, or quantize the weights with this quantizer instead.");
    static_assert(!has_minimum<typename A::quantizer>,
                  "Octavo: a quantizer with `minimum(params)` is for stored matrices. Quantize activations with "
                  "symmetric or affine.");
    static_assert(!has_quantized_scales<typename A::quantizer>,
                  "Octavo: scales are quantized in stored matrices. A token has one scale, a float.");
  }
  return true;
}

}  // namespace detail
}  // namespace v0
}  // namespace octavo
