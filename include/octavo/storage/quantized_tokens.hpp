// SPDX-License-Identifier: MIT
// quantized_tokens<Scheme>: tokens that were quantized before matmul, by a norm or an activation.
#pragma once

#include <cstdint>

#include "octavo/core/buffer.hpp"
#include "octavo/core/views.hpp"
#include "octavo/quant/scheme.hpp"

namespace octavo {
inline namespace v0 {

/// Quantized tokens to be read. Feature f of token t is scales[t] * (codes[f + t * stride] - zeros[t]); codes are
/// integers of the format as bytes, shifted into -128 ... 127 where they are not (kernel::operand_shift), as the zero
/// points are. Null pointers and tokens that overlap are refused.
template <class Scheme>
class quantized_tokens_view {
 public:
  using scheme = Scheme;

  [[gnu::always_inline]] quantized_tokens_view() = default;
  [[gnu::always_inline]] quantized_tokens_view(std::int8_t const* codes, float const* scales,
                                               std::int32_t const* zeros, index features, index tokens, index stride)
      : codes_(codes), scales_(scales), zeros_(zeros), features_(features), tokens_(tokens), stride_(stride) {
    constexpr auto* where = "quantized_tokens_view";
    detail::check_view(where, codes, features, tokens);
    if (tokens > 0 && (scales == nullptr || zeros == nullptr)) {
      detail::fail("quantized_tokens_view: the scales or the zero points are null. Pass one of each for each token.");
    }
    if (tokens > 1 && stride < features) {
      detail::fail_extents(where, "the stride between tokens is", stride, "features are", features,
                           "Tokens would overlap: pass a stride of at least the features.");
    }
  }

  [[nodiscard, gnu::always_inline]] index features() const noexcept { return features_; }
  [[nodiscard, gnu::always_inline]] index tokens() const noexcept { return tokens_; }
  [[nodiscard, gnu::always_inline]] std::int8_t const* codes(index t) const noexcept { return codes_ + t * stride_; }
  [[nodiscard, gnu::always_inline]] float scale(index t) const noexcept { return scales_[t]; }
  [[nodiscard, gnu::always_inline]] std::int32_t zero(index t) const noexcept { return zeros_[t]; }
  /// The value that feature f of token t stands for.
  [[nodiscard, gnu::always_inline]] float operator()(index f, index t) const noexcept {
    return scales_[t] * static_cast<float>(codes(t)[f] - zeros_[t]);
  }

 private:
  std::int8_t const* codes_ = nullptr;
  float const* scales_ = nullptr;
  std::int32_t const* zeros_ = nullptr;
  index features_ = 0;
  index tokens_ = 0;
  index stride_ = 0;
};

/// features x tokens of a scheme per_token: a byte for each feature, a scale and a zero point for each token.
/// Operations that write floats for a matmul write these as well, and `matmul(w, q, y)` then gives the bits of
/// `matmul<Scheme>(w, x, y)` for the floats x.
///
///     quantized_tokens<a8> q(features, tokens);
///     rms_norm(x, weight, q);
///     matmul(w, q, y);
template <class Scheme>
class quantized_tokens {
 public:
  using scheme = Scheme;
  static_assert(detail::check_operand_scheme<Scheme>());
  static_assert(detail::is_per_token<typename Scheme::granularity>,
                "Octavo: quantized_tokens are quantized per_token: a token that comes later does not change them.");

  [[gnu::always_inline]] quantized_tokens() = default;
  [[gnu::always_inline]] quantized_tokens(quantized_tokens const&) = default;
  [[gnu::always_inline]] quantized_tokens(quantized_tokens&&) noexcept = default;
  [[gnu::always_inline]] quantized_tokens& operator=(quantized_tokens const&) = default;
  [[gnu::always_inline]] quantized_tokens& operator=(quantized_tokens&&) noexcept = default;
  [[gnu::always_inline]] ~quantized_tokens() = default;

  /// All of them 0, fit to be written. The one allocation: tokens * (features, filled up to 64 bytes, + 8) bytes.
  [[gnu::always_inline]] quantized_tokens(index features, index tokens) : features_(features), tokens_(tokens) {
    if (features < 0 || tokens < 0) {
      detail::fail_extents("quantized_tokens", "features are", features, "tokens are", tokens,
                           "Extents must not be negative.");
    }
    bytes_ = aligned_buffer(product(round_up(features, alignment) + 8, tokens));
  }

  [[nodiscard, gnu::always_inline]] index features() const noexcept { return features_; }
  [[nodiscard, gnu::always_inline]] index tokens() const noexcept { return tokens_; }
  /// Of token t, to be written.
  [[nodiscard, gnu::always_inline]] std::int8_t* codes(index t) noexcept {
    return reinterpret_cast<std::int8_t*>(bytes_.data()) + t * stride();
  }
  [[nodiscard, gnu::always_inline]] float& scale(index t) noexcept {
    return reinterpret_cast<float*>(bytes_.data() + stride() * tokens_)[t];
  }
  [[nodiscard, gnu::always_inline]] std::int32_t& zero(index t) noexcept {
    return reinterpret_cast<std::int32_t*>(bytes_.data() + (stride() + 4) * tokens_)[t];
  }
  [[nodiscard, gnu::always_inline]] quantized_tokens_view<Scheme> view() const {
    auto const* const scales = reinterpret_cast<float const*>(bytes_.data() + stride() * tokens_);
    auto const* const zeros = reinterpret_cast<std::int32_t const*>(bytes_.data() + (stride() + 4) * tokens_);
    return {reinterpret_cast<std::int8_t const*>(bytes_.data()), scales, zeros, features_, tokens_, stride()};
  }

 private:
  /// Bytes from token to token. Pre: checked when the memory was allocated.
  [[nodiscard, gnu::always_inline]] index stride() const noexcept {
    return ceil_div(features_, alignment) * alignment;
  }

  index features_ = 0;
  index tokens_ = 0;
  aligned_buffer bytes_;
};

namespace detail {
template <class T>
inline constexpr bool is_quantized_tokens = false;
template <class S>
inline constexpr bool is_quantized_tokens<quantized_tokens<S>> = true;
}  // namespace detail

}  // namespace v0
}  // namespace octavo
