// SPDX-License-Identifier: MIT
// integer_layer_norm(codes, norm, y): LayerNorm of codes by power_of_two_factors, in integers, to codes (FQ-ViT).
#pragma once

#include <cstdint>
#include <type_traits>

#include "octavo/core/codes_view.hpp"
#include "octavo/kernel/integer_norm.hpp"
#include "octavo/ops/by_token.hpp"
#include "octavo/ops/power_of_two_factors.hpp"
#include "octavo/storage/quantized_tokens.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

/// Where an integer norm writes: bytes of a matrix, or quantized tokens, which have one scale then.
template <class Byte>
struct integer_sink : byte_sink<Byte> {
  static constexpr bool symmetric = false;
  static constexpr int lowest = std::is_signed_v<Byte> ? -128 : 0;
  static constexpr int highest = std::is_signed_v<Byte> ? 127 : 255;
  int zero;

  [[nodiscard, gnu::always_inline]] kernel::integer_row<Byte> row(index t, float*) const noexcept {
    return {this->y.token(t), lowest, highest, zero};
  }
};
template <class S>
struct integer_token_sink {
  using quantizer = typename S::quantizer;
  using format = typename quantizer::format;
  static_assert(kernel::integer_quantizer<quantizer> && kernel::tracks_range<quantizer>,
                "Octavo: an integer norm writes quantized_tokens of symmetric or affine over integers of at most 8 "
                "bits, or bytes.");
  static constexpr bool quantized = false;
  static constexpr bool symmetric = is_symmetric<quantizer>;
  static constexpr int lowest = [] {
    float low = lowest_value<format>;
    if constexpr (symmetric) { low = -quantizer::limit > low ? -quantizer::limit : low; }
    return static_cast<int>(low);
  }();
  static constexpr int highest = static_cast<int>(largest_value<format>);
  quantized_tokens<S>* y;
  float scale;
  int zero;

  [[nodiscard, gnu::always_inline]] index features() const noexcept { return y->features(); }
  [[nodiscard, gnu::always_inline]] index tokens() const noexcept { return y->tokens(); }
  [[nodiscard, gnu::always_inline]] kernel::integer_row<std::int8_t> row(index t, float*) const noexcept {
    constexpr int shift = kernel::operand_shift<format>;
    y->scale(t) = scale;
    y->zero(t) = zero - shift;
    return {y->codes(t), lowest - shift, highest - shift, zero - shift};
  }
};
template <class Y, class Norm>
[[nodiscard, gnu::always_inline]] inline auto integer_sink_of(Y&& y, Norm const& norm) {
  if constexpr (is_quantized_tokens<std::remove_cvref_t<Y>>) {
    static_assert(!std::is_const_v<std::remove_reference_t<Y>>,
                  "Octavo: this operation writes its last operand, but this one is const.");
    return integer_token_sink<typename std::remove_cvref_t<Y>::scheme>{&y, norm.scale(), norm.output_zero()};
  } else {
    auto const view = as_codes(y);
    return integer_sink<std::remove_pointer_t<decltype(view.data())>>{{view}, norm.output_zero()};
  }
}

}  // namespace detail

/// y = LayerNorm(x) for tokens x that are codes of power_of_two_factors: features x tokens of bytes, as quantize_into
/// writes them. y has bytes too, std::int8_t or std::uint8_t, and may be the codes; or it is quantized_tokens<a8>, which
/// matmul takes. Both stand for norm.scale() * (code - norm.output_zero()). A context as the last argument.
///
///     auto const factors = power_of_two_factors<>::calibrate(samples);           // once
///     integer_norm const norm(factors, weight, bias, {.scale = 0.05f});          // once
///     quantize_into(codes, x, factors, on(pool));
///     integer_layer_norm(codes, norm, y, on(pool));
///
/// With h = (code - zero point) << shift, C features, w = weight / scale, b = bias / scale:
///
///     S = sum h    Q = sum h^2    root = sqrt(C Q - S^2 + epsilon (C / step)^2)
///     A = w * (C / root)    N = 7 - floor(log2 |A|), in 0 ... 23    M = floor(|A| 2^N), at most 255
///     B = rne((b - (S / root) * w) 2^N)    y = rne((sign(A) M h + B) / 2^N) + zero point, clamped
///
/// - *Exact*: S, Q, C Q - S^2, M, N, B and y are those of integers; C is at most 131072, |h| at most 255 * 64 (refused
///   when the norm is made). Rounded are C / root and S / root, of doubles, to f32, w and b, A, and both steps of b -
///   (S / root) * w. So codes have the same bits for any number of tokens, any executor, every instruction set, those
///   without fma included.
/// - *Error*: M has 8 bits, so that y is within 2^-7 |A h| + 1/2 of LayerNorm in steps of the output, besides the
///   rounding of b. (FQ-ViT has N up to 31: where |A| < 2^-16, so that h moves y by less than a quarter of a step.)
/// - A token whose root is 0, and a weight of 0, have rne(b).
/// - *Scratch*: none. Throws std::invalid_argument when shapes do not fit, or the zero point is none of the codes.
template <class Codes, class Byte, class Y, class... Options, class Default = default_arch>
void integer_layer_norm(Codes const& codes, integer_norm<Byte> const& norm, Y&& y, Options const&... options) {
  static_assert(sizeof...(Options) <= 1, "Octavo: integer_layer_norm takes at most a context.");
  auto const from = as_codes(codes);
  static_assert(std::is_same_v<std::remove_const_t<std::remove_pointer_t<decltype(from.data())>>, Byte>,
                "Octavo: these codes have another sign than those of the norm's factors.");
  auto const context = detail::context_of<Default>(options...);
  using arch = typename std::remove_cvref_t<decltype(context)>::arch;
  if constexpr (detail::check_arch<arch>()) {
    auto const sink = detail::integer_sink_of(y, norm);
    using sink_type = std::remove_const_t<decltype(sink)>;
    detail::require_tokens("integer_layer_norm", from, sink);
    detail::require_features("integer_layer_norm", "the norm has channels", norm.features(), sink.features());
    if (sink_type::symmetric && norm.output_zero() != 0) {
      detail::fail_extents("integer_layer_norm", "the zero point is", norm.output_zero(),
                           "that of a symmetric scheme is", 0, "Pass a norm without, or tokens of an affine scheme.");
    }
    if (norm.output_zero() < sink_type::lowest || norm.output_zero() > sink_type::highest) {
      detail::fail_extents("integer_layer_norm", "the zero point is", norm.output_zero(), "the largest code is",
                           sink_type::highest, "It must be one of the codes.");
    }
    detail::by_token<arch>(context, sink, 0, [&](index t, auto row, float*) noexcept {
      kernel::integer_layer_norm<arch>(norm, from.token(t), row);
    });
  }
}

}  // namespace v0
}  // namespace octavo
