// SPDX-License-Identifier: MIT
// sulq<B>: the shift-uniform-log2 quantizer of probabilities (I&S-ViT, Zhong 2023).
#pragma once

#include <cstdint>
#include <span>

#include "octavo/core/log2.hpp"
#include "octavo/format/integer.hpp"
#include "octavo/quant/concept.hpp"
#include "octavo/quant/scale.hpp"
#include "octavo/quant/search.hpp"

namespace octavo {
inline namespace v0 {

/// For probabilities by sulq also an option of attention, to be calibrated on weights relative to the largest of their
/// leaf.
struct sulq_params {
  float eta;
  float step;
  std::int32_t zero_point;
};

/// Code c means 2^-E(c) - eta: a uniform quantizer of -log2(x + eta), whose decoded exponents are rounded to integers.
///
///     code = clamp(rne(-log2(x + eta) / step) + zero),   E(c) = rne(step (c - zero))
///     step = (L_hi - L_lo) / (2^B - 1),   zero = rne(-L_lo / step),  L_lo = -log2(max + eta),  L_hi = -log2(min + eta)
///
/// So 0 needs no code of its own, codes may share an exponent (encode does not give each of them back), and the sum of
/// products is that of powers of two less eta times the sum of the other operand. No `scale(params)`: kernels ask
/// decode.
template <int B>
struct sulq {
  static_assert(B >= 2 && B <= 8, "Octavo: sulq has 2 to 8 bits.");
  using format = uint<B>;
  static constexpr char const* name = "sulq";

  using params = sulq_params;
  /// What calibrate tries: the grid of the authors' code, and the smaller shifts that their paper speaks of.
  static constexpr float etas[14] = {1e-6f, 1e-5f, 1e-4f, 0.001f, 0.005f, 0.01f, 0.02f,
                                     0.03f, 0.04f, 0.05f, 0.1f,   0.2f,   0.5f,  1.0f};

  /// Pre: 0 <= low <= high, finite; eta > 0. A range that is next to nothing gets step 1.
  [[gnu::always_inline]] static constexpr params from_range(float low, float high, float eta) noexcept {
    double const first = -detail::log2_of(static_cast<double>(high) + static_cast<double>(eta));
    double const last = -detail::log2_of(static_cast<double>(low) + static_cast<double>(eta));
    auto const step = static_cast<float>((last - first) / format::highest);
    if (!(step > 0x1p-20f)) { return {eta, 1.0f, -nearest(first)}; }
    return {eta, step, nearest(-first / static_cast<double>(step))};
  }
  /// The eta of the least squared error, of several the smallest, for a range that begins at 0 or above. Not finite:
  /// eta NaN.
  [[gnu::always_inline]] static constexpr params calibrate(float const* first, float const* last) noexcept {
    detail::value_range const range(first, last, first == last ? 0.0f : *first);
    if (!detail::is_finite(range.high - range.low)) { return {detail::not_a_number, 1.0f, 0}; }
    float const low = range.low > 0 ? range.low : 0.0f;
    float const high = range.high > 0 ? range.high : 0.0f;
    auto const of_eta = [ low, high ](int i) __attribute__((always_inline)) {
      return from_range(low, high, etas[i]);
    };
    return of_eta(detail::least_squared_error<sulq>(first, last, 14, of_eta));
  }
  static constexpr params calibrate(std::span<float const> xs) noexcept {
    return calibrate(xs.data(), xs.data() + xs.size());
  }

  [[gnu::always_inline]] static constexpr code encode(float x, params p) noexcept {
    double const shifted = static_cast<double>(x) + static_cast<double>(p.eta);
    if (!(shifted > 0)) { return format::highest; }
    double const level = -detail::log2_of(shifted < 0x1p127 ? shifted : 0x1p127) / static_cast<double>(p.step);
    return format::encode(static_cast<float>(static_cast<double>(nearest(level)) + p.zero_point));
  }
  /// E of a code, kept from -127 to 149.
  [[gnu::always_inline]] static constexpr int exponent(code c, params p) noexcept {
    double const steps = static_cast<double>(c & format::highest) - p.zero_point;
    double const e = static_cast<double>(p.step) * steps;
    return nearest(e > -127 ? (e < 149 ? e : 149) : -127);  // NaN, from a file, gives a number
  }
  [[gnu::always_inline]] static constexpr float decode(code c, params p) noexcept {
    return detail::power_of_two(-exponent(c, p)) - p.eta;
  }

 private:
  /// Ties to even; from -2^29 to 2^29.
  [[gnu::always_inline]] static constexpr int nearest(double x) noexcept {
    double const bounded = x > -0x1p29 ? (x < 0x1p29 ? x : 0x1p29) : -0x1p29;
    double const magic = bounded < 0 ? -0x1p52 : 0x1p52;
    return static_cast<int>(detail::opaque(detail::opaque(bounded) + magic) - magic);
  }
};

}  // namespace v0
}  // namespace octavo
