// SPDX-License-Identifier: MIT
// codebook<B>: values by code that are known only when the program runs, a table for each group, row or matrix.
#pragma once

#include <cstddef>
#include <span>

#include "octavo/format/integer.hpp"
#include "octavo/quant/concept.hpp"
#include "octavo/quant/scale.hpp"

namespace octavo {
inline namespace v0 {

/// The 2^B values of codes 0, 1 ..., ascending; values may be equal.
template <int B>
struct codebook_params {
  float values[std::size_t{1} << B];
};

/// Code c means values[c] (SqueezeLLM's and KVQuant's non-uniform formats). The granularity says who shares the table:
///
///     scheme<codebook<4>, per_tensor>      one for the matrix, 64 bytes a panel: from registers, as fast as nf4
///     scheme<codebook<4>, per_row>         one for each row, 64 bytes (SqueezeLLM): looked up by bytes
///     scheme<codebook<3>, per_group<256>>  one for each group, 32 bytes: likewise; of 6 bits and more gathered
///
/// Encoding: the nearest value, a tie to the lower one, of equal values the first, NaN to code 0.
/// calibration/k_means.hpp finds the values of the least error; calibration/codebook_fit.hpp is that as a fit. A
/// codebook known at compile time is a format (format/codebook.hpp), which also has scales.
template <int B>
struct codebook {
  static_assert(B >= 2 && B <= 8, "Octavo: a codebook has 2 to 8 bits.");
  using format = uint<B>;
  using params = codebook_params<B>;
  static constexpr char const* name = "codebook";
  static constexpr std::size_t size = std::size_t{1} << B;

  /// Evenly from the lowest to the highest: a beginning that needs no search. Not finite: all NaN.
  [[gnu::always_inline]] static constexpr params calibrate(float const* first, float const* last) noexcept {
    detail::value_range const range(first, last, first == last ? 0.0f : *first);
    params p{};
    for (std::size_t c = 0; c < size; ++c) {
      float const share = static_cast<float>(c) / static_cast<float>(size - 1);
      p.values[c] = is_number(range) ? detail::opaque(range.low * (1.0f - share)) + detail::opaque(range.high * share)
                                     : detail::not_a_number;
    }
    return p;
  }
  static constexpr params calibrate(std::span<float const> xs) noexcept {
    return calibrate(xs.data(), xs.data() + xs.size());
  }

  /// Up to which numbers have code c rather than the next.
  [[nodiscard, gnu::always_inline]] static constexpr float middle(params const& p, std::size_t c) noexcept {
    return detail::opaque(0.5f * p.values[c]) + detail::opaque(0.5f * p.values[c + 1]);
  }
  [[gnu::always_inline]] static constexpr code encode(float x, params const& p) noexcept {
    std::size_t c = 0;  // how many middles are below x
    for (std::size_t step = size / 2; step > 0; step /= 2) {
      if (x > middle(p, c + step - 1)) { c += step; }
    }
    while (c > 0 && p.values[c - 1] == p.values[c]) { --c; }
    return static_cast<code>(c);
  }
  [[gnu::always_inline]] static constexpr float decode(code c, params const& p) noexcept {
    return p.values[c & (size - 1)];
  }

 private:
  [[gnu::always_inline]] static constexpr bool is_number(detail::value_range const& r) noexcept {
    return detail::is_finite(r.low) && detail::is_finite(r.high);
  }
};

namespace detail {
template <class Q>
inline constexpr bool is_codebook = false;
template <int B>
inline constexpr bool is_codebook<codebook<B>> = true;
}  // namespace detail

}  // namespace v0
}  // namespace octavo
