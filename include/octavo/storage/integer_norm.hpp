// SPDX-License-Identifier: MIT
// integer_norm: weight and bias of a LayerNorm, prepared for codes by power_of_two_factors (FQ-ViT, Lin 2022).
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/core/buffer.hpp"
#include "octavo/core/codes_view.hpp"
#include "octavo/core/views.hpp"
#include "octavo/quant/power_of_two_factors.hpp"

namespace octavo {
inline namespace v0 {

/// What an integer norm gives: codes that stand for scale * (code - zero_point).
struct integer_norm_options {
  float scale;         ///< above 0
  int zero_point = 0;  ///< one of the codes; 0 where they are symmetric
  float epsilon = 0;   ///< inside the square root; FQ-ViT has none
};

/// For each channel its factor, weight / scale and bias / scale, and what all of them share. Byte is that of the codes
/// that come in.
///
///     auto const factors = power_of_two_factors<>::calibrate(samples);
///     integer_norm const norm(factors, weight, bias, {.scale = 0.05f});
template <code_byte Byte>
class integer_norm {
 public:
  using code_type = Byte;

  /// Bounds that keep sums exact: |h| < 2^14, features^2 h^2 <= 2^62.
  static constexpr int largest_shifted = 255 << 6;
  static constexpr index most_features = index{1} << 17;

  [[gnu::always_inline]] integer_norm(integer_norm const&) = default;
  [[gnu::always_inline]] integer_norm(integer_norm&&) noexcept = default;
  [[gnu::always_inline]] integer_norm& operator=(integer_norm const&) = default;
  [[gnu::always_inline]] integer_norm& operator=(integer_norm&&) noexcept = default;
  [[gnu::always_inline]] ~integer_norm() = default;

  /// `weight` and `bias` have data() and size(), elements float, bf16 or f16, or are nullptr: ones, zeros. Throws when
  /// extents differ, and where a number is not finite or far too large.
  template <number_format F, int K, class W, class B>
  [[gnu::always_inline]] integer_norm(power_of_two_factors<F, K> const& factors, W const& weight, B const& bias,
                                      integer_norm_options const& o)
      : features_(factors.shift.size()),
        zero_point_(factors.tensor.zero_point),
        scale_(o.scale),
        output_zero_(o.zero_point) {
    constexpr auto span = static_cast<int>(largest_value<F> - lowest_value<F>);
    static_assert(std::is_same_v<Byte, typename power_of_two_factors<F, K>::code_type>,
                  "Octavo: the codes of these factors are of the other sign. Leave out the template argument of "
                  "integer_norm.");
    static_assert((span << K) <= largest_shifted,
                  "Octavo: an integer norm takes 8-bit codes with factors of at most 2^6: sums stay exact.");
    largest_ = span << K;
    if (features_ > most_features) {
      detail::fail_extents("integer_norm", "channels are", features_, "the most are", most_features,
                           "Sums of more would not be exact.");
    }
    if (!(o.scale > 0) || !detail::is_finite(o.scale)) {
      detail::fail("integer_norm: the scale of the output must be above 0 and finite.");
    }
    if (!(o.epsilon >= 0) || !detail::is_finite(o.epsilon)) {
      detail::fail("integer_norm: epsilon must be at least 0 and finite.");
    }
    if (!detail::is_finite(factors.tensor.scale)) {
      detail::fail("integer_norm: the step of the factors is not finite. Calibrate them on numbers that are.");
    }
    if (o.epsilon > 0) {
      double const count_of_steps = static_cast<double>(features_) / static_cast<double>(factors.tensor.scale);
      added_ = static_cast<double>(o.epsilon) * count_of_steps * count_of_steps;
    }
    bytes_ = aligned_buffer(product(padded(), 1 + 2 * sizeof(float)));
    for (index c = 0; c < features_; ++c) {
      int const shift = factors.shift[c];
      if (shift > K) {
        detail::fail_extents("integer_norm", "a channel is shifted by", shift, "the most is", K,
                             "Factors are what calibrate() finds.");
      }
      reinterpret_cast<std::uint8_t*>(bytes_.data())[c] = static_cast<std::uint8_t>(1 << shift);
    }
    divide("the weight has elements", "weight / scale is not below 2^64 in channel", weight, 1.0f, o.scale, 1);
    divide("the bias has elements", "bias / scale is not below 2^64 in channel", bias, 0.0f, o.scale, 5);
    for (index c = 0; c < features_; ++c) {
      float const w = weights()[c] < 0 ? -weights()[c] : weights()[c];
      float const b = biases()[c] < 0 ? -biases()[c] : biases()[c];
      largest_weight_ = w > largest_weight_ ? w : largest_weight_;
      smallest_weight_ = w != 0 && w < smallest_weight_ ? w : smallest_weight_;
      largest_bias_ = b > largest_bias_ ? b : largest_bias_;
    }
  }

  [[nodiscard, gnu::always_inline]] index features() const noexcept { return features_; }
  /// Of the codes that come in: h = (code - zero_point()) * factors()[c], at most largest() in size.
  [[nodiscard, gnu::always_inline]] int zero_point() const noexcept { return zero_point_; }
  [[nodiscard, gnu::always_inline]] int largest() const noexcept { return largest_; }
  /// Of the codes that go out.
  [[nodiscard, gnu::always_inline]] float scale() const noexcept { return scale_; }
  [[nodiscard, gnu::always_inline]] int output_zero() const noexcept { return output_zero_; }
  /// epsilon (features / step)^2: what is added to features * sum h^2 - (sum h)^2.
  [[nodiscard, gnu::always_inline]] double added() const noexcept { return added_; }

  /// Whether for each channel A = weight * factor is 0 or 2^-16 <= |A| < 256, and |bias - mean * weight| < 2^22.
  [[nodiscard, gnu::always_inline]] bool is_ordinary(float factor, float mean) const noexcept {
    float const most = detail::opaque(largest_weight_ * (mean < 0 ? -mean : mean));
    return smallest_weight_ * factor >= 0x1p-16f && largest_weight_ * factor < 256.0f && largest_bias_ < 0x1p21f &&
           most < 0x1p21f;
  }

  /// For each channel, and zeros up to a multiple of 64: 2^shift, weight / scale, bias / scale.
  [[nodiscard, gnu::always_inline]] std::uint8_t const* factors() const noexcept {
    return reinterpret_cast<std::uint8_t const*>(bytes_.data());
  }
  [[nodiscard, gnu::always_inline]] float const* weights() const noexcept {
    return reinterpret_cast<float const*>(bytes_.data() + padded());
  }
  [[nodiscard, gnu::always_inline]] float const* biases() const noexcept {
    return reinterpret_cast<float const*>(bytes_.data() + 5 * padded());
  }

 private:
  [[nodiscard, gnu::always_inline]] index padded() const noexcept {
    return ceil_div(features_, alignment) * alignment;
  }

  /// Values of each channel / scale to where padded() * `place` bytes have been, from a vector or none.
  template <class V>
  [[gnu::always_inline]] void divide(char const* what, char const* broken, V const& v, float none, float scale,
                                     index place) {
    auto* const to = reinterpret_cast<float*>(bytes_.data() + place * padded());
    if constexpr (std::is_same_v<V, std::nullptr_t>) {
      for (index c = 0; c < features_; ++c) { to[c] = none / scale; }
    } else {
      using T = detail::element_t<std::remove_const_t<std::remove_pointer_t<decltype(v.data())>>>;
      if constexpr (requires { v.innerStride(); }) { detail::require_contiguous(v.size() > 1 ? v.innerStride() : 1); }
      if (static_cast<index>(v.size()) != features_) {
        detail::fail_extents("integer_norm", what, static_cast<index>(v.size()), "the factors have", features_,
                             "They must be equal.");
      }
      auto const* const from = reinterpret_cast<T const*>(v.data());
      for (index c = 0; c < features_; ++c) { to[c] = static_cast<float>(from[c]) / scale; }
    }
    for (index c = 0; c < features_; ++c) {
      if (!(to[c] > -0x1p64f && to[c] < 0x1p64f)) {
        detail::fail_extents("integer_norm", broken, c, "of", features_, "Sums of integers have no place for it.");
      }
    }
  }

  index features_ = 0;
  int zero_point_ = 0;
  int largest_ = 0;
  float scale_ = 1;
  int output_zero_ = 0;
  double added_ = 0;
  float largest_weight_ = 0;
  float smallest_weight_ = __builtin_inff();  ///< but for those of 0
  float largest_bias_ = 0;
  aligned_buffer bytes_;
};
template <number_format F, int K, class W, class B>
integer_norm(power_of_two_factors<F, K> const&, W const&, B const&, integer_norm_options const&)
    -> integer_norm<typename power_of_two_factors<F, K>::code_type>;

}  // namespace v0
}  // namespace octavo
