// SPDX-License-Identifier: MIT
// power_of_two_factors: one scale and zero point for a tensor, a shift for each channel (FQ-ViT, Lin 2022).
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "octavo/core/buffer.hpp"
#include "octavo/core/index.hpp"
#include "octavo/core/views.hpp"
#include "octavo/format/integer.hpp"
#include "octavo/quant/affine.hpp"
#include "octavo/quant/scale.hpp"
#include "octavo/quant/search.hpp"

namespace octavo {
inline namespace v0 {

/// A power of two for each channel.
class channel_shifts {
 public:
  [[gnu::always_inline]] channel_shifts() = default;
  [[gnu::always_inline]] channel_shifts(channel_shifts const&) = default;
  [[gnu::always_inline]] channel_shifts(channel_shifts&&) noexcept = default;
  [[gnu::always_inline]] channel_shifts& operator=(channel_shifts const&) = default;
  [[gnu::always_inline]] channel_shifts& operator=(channel_shifts&&) noexcept = default;
  [[gnu::always_inline]] ~channel_shifts() = default;
  /// All of them 0.
  [[gnu::always_inline]] explicit channel_shifts(index channels) : bytes_(channels) {}

  [[nodiscard, gnu::always_inline]] index size() const noexcept { return bytes_.size(); }
  [[nodiscard, gnu::always_inline]] std::uint8_t const* data() const noexcept {
    return reinterpret_cast<std::uint8_t const*>(bytes_.data());
  }
  [[nodiscard, gnu::always_inline]] std::uint8_t& operator[](index c) noexcept {
    return reinterpret_cast<std::uint8_t*>(bytes_.data())[c];
  }
  [[nodiscard, gnu::always_inline]] std::uint8_t operator[](index c) const noexcept { return data()[c]; }

 private:
  aligned_buffer bytes_;
};

/// Activations whose channels differ in size, such as inputs of a LayerNorm: x in channel c is about
/// step 2^shift[c] (code - zero_point), the sum over channels being that of (code - zero_point) << shift[c].
///
///     8-bit scale s by affine<Format> of the whole tensor; step = s 2^-K, the zero point is its too
///     shift[c] = that of 0 ... K with the least squared error of the channel, of several the smallest
///
/// The arithmetic is affine's: a code is clamp(rne(x * inverse) + zero_point).
template <number_format Format = uint8, int K = 3>
struct power_of_two_factors {
  static_assert(K >= 0 && K <= 7, "Octavo: factors are 2^0 to at most 2^7.");
  using law = affine<Format>;
  using params = typename law::params;
  /// A byte of the integers that codes are: what quantize_into writes and integer_layer_norm reads.
  using code_type = std::conditional_t<(lowest_value<Format> < 0), std::int8_t, std::uint8_t>;

  [[gnu::always_inline]] power_of_two_factors() = default;
  [[gnu::always_inline]] power_of_two_factors(power_of_two_factors const&) = default;
  [[gnu::always_inline]] power_of_two_factors(power_of_two_factors&&) noexcept = default;
  [[gnu::always_inline]] power_of_two_factors& operator=(power_of_two_factors const&) = default;
  [[gnu::always_inline]] power_of_two_factors& operator=(power_of_two_factors&&) noexcept = default;
  [[gnu::always_inline]] ~power_of_two_factors() = default;

  params tensor{};       ///< of codes with shift 0: step, its inverse, zero point
  channel_shifts shift;  ///< of each channel

  /// What channel c has: the params of an affine quantizer.
  [[nodiscard]] params channel(index c) const noexcept { return shifted(shift[c]); }
  [[nodiscard]] code encode(float x, index c) const noexcept { return law::encode(x, channel(c)); }
  [[nodiscard]] float decode(code q, index c) const noexcept { return law::decode(q, channel(c)); }

  /// From features x tokens of floats. A number that is not finite makes the step NaN. Cost: K + 1 encodings per
  /// number.
  template <class M>
  [[nodiscard]] static power_of_two_factors calibrate(M const& tokens) {
    auto const x = as_tokens(tokens);
    detail::value_range all(nullptr, nullptr, 0.0f);
    for (index t = 0; t < x.tokens(); ++t) {
      detail::value_range const token(x.token(t), x.token(t) + x.features(), 0.0f);
      all.low = token.low < all.low ? token.low : all.low;
      all.high = token.high > all.high ? token.high : all.high;
    }
    power_of_two_factors result;
    result.tensor = law::from_range(all.low, all.high);
    result.tensor.scale *= detail::power_of_two(-K);
    result.tensor.inverse *= detail::power_of_two(K);
    result.shift = channel_shifts(x.features());
    std::vector<float> values(static_cast<std::size_t>(x.tokens()));
    for (index c = 0; c < x.features(); ++c) {
      for (index t = 0; t < x.tokens(); ++t) { values[static_cast<std::size_t>(t)] = x.token(t)[c]; }
      int const alpha = detail::least_squared_error<law>(values.data(), values.data() + values.size(), K + 1,
                                                         [&](int i) { return result.shifted(i); });
      result.shift[c] = static_cast<std::uint8_t>(alpha);
    }
    return result;
  }

 private:
  [[nodiscard]] params shifted(int alpha) const noexcept {
    return {tensor.scale * detail::power_of_two(alpha), tensor.inverse * detail::power_of_two(-alpha),
            tensor.zero_point};
  }
};

}  // namespace v0
}  // namespace octavo
