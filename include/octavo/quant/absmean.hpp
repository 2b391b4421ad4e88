// SPDX-License-Identifier: MIT
// absmean<Format, Options...>: the scale is the mean of |x| (BitNet b1.58, for ternary weights).
#pragma once

#include <span>

#include "octavo/core/add_sizes.hpp"
#include "octavo/core/index.hpp"
#include "octavo/format/integer.hpp"
#include "octavo/quant/concept.hpp"
#include "octavo/quant/scale.hpp"

namespace octavo {
inline namespace v0 {

/// x is about scale * value(code), with scale = mean |x| and code = encode(x / mean), so |x| of more than half the mean
/// is not 0 (Ma 2024, "The Era of 1-bit LLMs", equations 1 to 3; there one scale for a whole matrix: per_tensor).
/// Options: scale_as<T>.
///
/// The sum is of doubles, in order, and the mean is rounded to f32; codes are made with the inverse of the stored
/// scale. A group of zeros gets scale 0, one with NaN or infinity scale NaN.
template <number_format Format = ternary, class... Options>
struct absmean : detail::one_scale<Format, Options...> {
  using scale_type = typename detail::one_scale<Format, Options...>::scale_type;
  using scale_rule = typename detail::one_scale<Format, Options...>::scale_rule;
  using params = detail::scale_pair;

  [[gnu::always_inline]] static constexpr params calibrate(float const* first, float const* last) noexcept {
    return from_sum(detail::add_sizes(0, first, last), last - first);
  }
  /// The params and the mean of n numbers, from the sum of their sizes.
  [[gnu::always_inline]] static constexpr params from_sum(double sum, index n) noexcept {
    return detail::fit_scale<scale_type, scale_rule>(mean(sum, n), 1.0f);
  }
  [[gnu::always_inline]] static constexpr float mean(double sum, index n) noexcept {
    return n == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(n));
  }
  static constexpr params calibrate(std::span<float const> xs) noexcept {
    return calibrate(xs.data(), xs.data() + xs.size());
  }
};

namespace detail {
template <class Q>
inline constexpr bool is_absmean = false;
template <class F, class... Options>
inline constexpr bool is_absmean<absmean<F, Options...>> = true;
}  // namespace detail

}  // namespace v0
}  // namespace octavo
