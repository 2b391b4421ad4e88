// SPDX-License-Identifier: MIT
// LayerNorm of codes by power-of-two factors (FQ-ViT, Lin 2022) in integers and doubles, written as the formula.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace octavo {
inline namespace v0 {
namespace reference {

/// n / 2^bits to the nearest integer, ties to even.
[[nodiscard]] inline std::int64_t divide_by_power(std::int64_t n, int bits) {
  std::int64_t const divisor = std::int64_t{1} << bits;
  std::int64_t const below = (n % divisor + divisor) % divisor;
  std::int64_t const quotient = (n - below) / divisor;
  return quotient + (2 * below > divisor || (2 * below == divisor && quotient % 2 != 0) ? 1 : 0);
}

/// What becomes of one channel: A = +-M 2^-N, b = B 2^-N, and the code before the zero point and the limits.
struct integer_norm_channel {
  double a;
  double b;
  int n;
  std::int64_t m;
  std::int64_t bias;
  std::int64_t code;
};

/// h = (code - zero point) << shift of each channel, which stands for step * h; codes stand for scale * code.
[[nodiscard]] inline std::vector<integer_norm_channel> integer_layer_norm(std::vector<std::int64_t> const& h,
                                                                          double step,
                                                                          std::vector<double> const& weight,
                                                                          std::vector<double> const& bias,
                                                                          double scale, double epsilon) {
  std::int64_t sum = 0;
  std::int64_t squares = 0;
  for (std::int64_t const v : h) {
    sum += v;
    squares += v * v;
  }
  auto const count = static_cast<std::int64_t>(h.size());
  auto const channels = static_cast<double>(count);
  double const mean = step * static_cast<double>(sum) / channels;
  double const variance =
      step * step * static_cast<double>(count * squares - sum * sum) / (channels * channels) + epsilon;
  double const deviation = std::sqrt(variance);
  std::vector<integer_norm_channel> result;
  for (std::size_t i = 0; i < h.size(); ++i) {
    integer_norm_channel c{0, bias[i] / scale, 0, 0, 0, 0};
    if (deviation > 0) {
      c.a = step / deviation * weight[i] / scale;
      c.b = (bias[i] - mean / deviation * weight[i]) / scale;
    }
    if (c.a != 0) {
      c.n = std::clamp(7 - std::ilogb(c.a), 0, 23);
      c.m = static_cast<std::int64_t>(std::min(std::floor(std::ldexp(std::abs(c.a), c.n)), 255.0));
    }
    c.bias = std::llrint(std::ldexp(c.b, c.n));
    c.code = divide_by_power((c.a < 0 ? -c.m : c.m) * h[i] + c.bias, c.n);
    result.push_back(c);
  }
  return result;
}

}  // namespace reference
}  // namespace v0
}  // namespace octavo
