// SPDX-License-Identifier: MIT
// quantize_into(codes, x, factors): activations into codes by power_of_two_factors, a byte for each.
#pragma once

#include <type_traits>

#include "octavo/core/codes_view.hpp"
#include "octavo/kernel/power_of_two_factors.hpp"
#include "octavo/ops/by_token.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

/// Results that are bytes of codes.
template <class Byte>
struct byte_sink {
  static_assert(!std::is_const_v<Byte>, "Octavo: this operation writes its codes, but these are const.");
  static constexpr bool quantized = false;
  codes_view<Byte> y;

  [[nodiscard, gnu::always_inline]] index features() const noexcept { return y.features(); }
  [[nodiscard, gnu::always_inline]] index tokens() const noexcept { return y.tokens(); }
  [[nodiscard, gnu::always_inline]] Byte* row(index t, float*) const noexcept { return y.token(t); }
};

}  // namespace detail

/// Integers of the codes that `factors` give to x, features x tokens of float, bf16 or f16. `codes` are a codes_view, or
/// a column-major matrix, of std::uint8_t (std::int8_t if the format has negative integers), for integer_layer_norm. A
/// context as the last argument.
///
///     quantize_into(codes, x, factors, on(pool));
///
/// Every code is that of factors.encode, on every instruction set; NaN has the lowest. *Scratch*: none. Throws
/// std::invalid_argument when shapes do not fit.
template <class Codes, class X, number_format F, int K, class... Options, class Default = default_arch>
void quantize_into(Codes&& codes, X const& x, power_of_two_factors<F, K> const& factors, Options const&... options) {
  static_assert(sizeof...(Options) <= 1, "Octavo: quantize_into takes at most a context.");
  static_assert(kernel::integer_quantizer<affine<F>>,
                "Octavo: codes of activations are those of integers, such as uint8 and int8.");
  auto const to = as_codes(codes);
  using Byte = std::remove_pointer_t<decltype(to.data())>;
  static_assert(std::is_same_v<std::remove_const_t<Byte>, typename power_of_two_factors<F, K>::code_type>,
                "Octavo: codes of these factors have another sign: pass std::uint8_t for formats without negative "
                "integers, std::int8_t for others.");
  auto const context = detail::context_of<Default>(options...);
  using arch = typename std::remove_cvref_t<decltype(context)>::arch;
  if constexpr (detail::check_arch<arch>()) {
    detail::byte_sink<Byte> const sink{to};
    auto const from = as_tokens(x);
    detail::require_tokens("quantize_into", from, sink);
    detail::require_features("quantize_into", "the factors have channels", factors.shift.size(), sink.features());
    detail::by_token<arch>(context, sink, 0, [&](index t, Byte* row, float*) noexcept {
      kernel::encode_by_factors<arch>(factors, from.token(t), from.features(), row);
    });
  }
}

}  // namespace v0
}  // namespace octavo
