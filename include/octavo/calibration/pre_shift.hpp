// SPDX-License-Identifier: MIT
// pre_shift: powers of two by which channels of activations differ, folded into the weights (Liu 2023, LLM-FP4).
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "octavo/calibration/smooth.hpp"
#include "octavo/core/log2.hpp"
#include "octavo/format/integer.hpp"
#include "octavo/quant/symmetric.hpp"
#include "octavo/storage/pack_codes.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// The real exponent bias b of LLM-FP4 with which the largest value of F, 2^(F::bias - b) largest_value<F>, is
/// `absmax`; and the scale 2^(F::bias - b) that does the same here. Pre: absmax > 0, finite.
template <number_format F>
[[nodiscard]] double bias_of(float absmax) {
  return F::bias + detail::log2_of(double{largest_value<F>} / double{absmax});
}
template <number_format F>
[[nodiscard]] float scale_of_bias(double bias) {
  return static_cast<float>(std::exp2(F::bias - bias));
}
/// The params of symmetric<F> for a real bias.
template <number_format F>
[[nodiscard]] typename symmetric<F>::params params_of_bias(double bias) {
  return {scale_of_bias<F>(bias), static_cast<float>(std::exp2(bias - F::bias))};
}

/// Channel j of the activations has the bias rho + shifts[j]: one scale for the tensor, and powers of two.
struct pre_shifts {
  double rho;
  std::vector<int> shifts;  ///< 0 ... 2^E - 1

  /// 2^shifts: what activations are multiplied by before they are quantized with rho, and columns of weights divided
  /// by.
  [[nodiscard]] std::vector<float> factors() const {
    std::vector<float> result;
    for (int const s : shifts) { result.push_back(detail::power_of_two(s)); }
    return result;
  }
};

/// rho is the least bias of a channel, that of the largest absmax, and shifts[j] = rne(b_j - rho), at most 2^E - 1 for
/// E exponent bits: after rounding a channel may be cut by up to sqrt 2, which is part of the method. A channel of
/// zeros has the largest shift. *Errors*: no channels, absmax not finite or below 0, all 0.
template <number_format F>
[[nodiscard]] pre_shifts pre_shift(std::span<float const> absmax) {
  detail::check_values("pre_shift", absmax);
  constexpr int most = (1 << (F::bits - 1 - F::mantissa_bits)) - 1;
  float largest = 0;
  for (float const a : absmax) {
    if (a < 0) { detail::fail("pre_shift: an absmax is below 0. Take inputs::absmax()."); }
    largest = a > largest ? a : largest;
  }
  if (largest == 0) {
    detail::fail("pre_shift: every channel is 0, so that there is no scale. Show it activations.");
  }
  pre_shifts result{bias_of<F>(largest), {}};
  for (float const a : absmax) {
    double const above = a == 0 ? most : std::nearbyint(bias_of<F>(a) - result.rho);
    result.shifts.push_back(static_cast<int>(above > most ? most : above));
  }
  return result;
}

/// The weights for activations that were multiplied by 2^shifts: column j of w divided by 2^shifts[j], every value
/// exactly, as integers, since the codes of F (FP4) times 2^(most - shift) fit a byte. So weights and activations meet
/// in one integer dot product with one scale for each row.
///
/// *Errors*: not one shift for each column, shifts outside 0 ... 7, an integer beyond a byte (e2m1 takes shifts up to
/// 3).
template <number_format F>
[[nodiscard]] quantized_matrix<scheme<symmetric<int8>, per_row>> fold_shifts(
    quantized_matrix_view<scheme<symmetric<F>, per_row>> const& w, std::span<int const> shifts) {
  static_assert(lattice<F>.exact, "Octavo: fold_shifts makes integers of codes, which these have not. Take FP4.");
  detail::check_columns("fold_shifts", "shifts are", shifts.size(), w.cols());
  int most = 0;
  for (int const s : shifts) {
    if (s < 0 || s > 7) {
      detail::fail_extents("fold_shifts", "a shift is", s, "the largest is", 7, "See pre_shift.");
    }
    most = s > most ? s : most;
  }
  using folded = symmetric<int8>;
  return pack_codes<scheme<folded, per_row>>(w.rows(), w.cols(), [&](index r, index, code* codes) {
    for (index c = 0; c < w.cols(); ++c) {
      float const integer = F::decode(w.code_at(r, c)) / lattice<F>.step;
      int const value = static_cast<int>(integer) * (1 << (most - shifts[static_cast<std::size_t>(c)]));
      if (value < -127 || value > 127) {
        detail::fail_extents("fold_shifts", "a shifted code is", value, "a byte holds", 127,
                             "Shifts of these formats must be nearer to each other.");
      }
      codes[c] = static_cast<code>(value & 255);
    }
    return folded::params{w.scale_at(r, 0) * lattice<F>.step * detail::power_of_two(-most), 0.0f};
  });
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
