// SPDX-License-Identifier: MIT
// affine_codebook<Format, Options...>: values on [-1, 1] of any format, over the range of a group (KVQuant's nuq).
#pragma once

#include <array>
#include <cstddef>

#include "octavo/format/codebook.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/codebook.hpp"
#include "octavo/quant/scale.hpp"

namespace octavo {
inline namespace v0 {

/// x is about scale * value + minimum, rounded once: KVQuant's law, lut = codebook * range + offset (Hooper et al.
/// 2024), with the extremes of the group as its range. [min(x), max(x)] maps to [-1, 1], on which the values of the
/// format lie where numbers are many, such as the centres that calibration/k_means.hpp finds of numbers so mapped:
/// scale = (max - min) / 2, minimum = (max + min) / 2, which the value 0 stands for,
/// code = encode((x - minimum) * inverse). Scale and middle are rounded to the stored type first. Options: scale_as<T>,
/// T one of float, bf16, f16.
///
/// At equal bits it errs less than affine_min, whose values are equally far apart and let products be integers.
template <class Format, class... Options>
struct affine_codebook : detail::scale_and_minimum<affine_codebook<Format, Options...>, Format, Options...> {
  using base = detail::scale_and_minimum<affine_codebook<Format, Options...>, Format, Options...>;
  using typename base::params;
  using typename base::scale_type;

  /// Pre: low <= high, or not finite.
  [[gnu::always_inline]] static constexpr params from_range(float low, float high) noexcept {
    float const half = detail::opaque(0.5f * high) - detail::opaque(0.5f * low);
    if (!detail::is_finite(half)) { return {detail::not_a_number, detail::not_a_number, 0.0f}; }
    auto const fit = detail::fit_scale<scale_type>(half, 1.0f);
    return {fit.scale, base::stored(detail::opaque(0.5f * high) + detail::opaque(0.5f * low)), fit.inverse};
  }
  [[gnu::always_inline]] static constexpr code encode(float x, params p) noexcept {
    return Format::encode(detail::opaque(x - p.minimum) * p.inverse);
  }
};

/// A codebook on [-1, 1] that is known when the program runs: a number is encoded as the nearest of `centres`, and
/// stands for the value of that code. Both ascend; they are one table but for Q-Norm (calibration/q_norm.hpp).
/// calibration/cache_codebook.hpp finds it.
template <int B>
struct range_codebook {
  codebook_params<B> centres;
  codebook_params<B> values;

  [[gnu::always_inline]] constexpr range_codebook(codebook_params<B> const& both) noexcept
      : centres(both), values(both) {}
  [[gnu::always_inline]] constexpr range_codebook(codebook_params<B> const& nearest,
                                                  codebook_params<B> const& meant) noexcept
      : centres(nearest), values(meant) {}

  /// Whether all numbers are finite, and none is less than the one before.
  [[nodiscard, gnu::always_inline]] constexpr bool is_valid() const noexcept {
    return ascends(centres) && ascends(values);
  }

 private:
  [[nodiscard, gnu::always_inline]] static constexpr bool ascends(codebook_params<B> const& table) noexcept {
    for (std::size_t c = 0; c < codebook<B>::size; ++c) {
      if (!detail::is_finite(table.values[c]) || (c > 0 && table.values[c] < table.values[c - 1])) { return false; }
    }
    return true;
  }
};

namespace detail {

/// Equal steps from -1 to 1.
template <int B>
struct even_book {
  static constexpr std::array<float, std::size_t{1} << B> values = [] {
    std::array<float, std::size_t{1} << B> v{};
    for (std::size_t c = 0; c < v.size(); ++c) {
      v[c] = static_cast<float>(2.0 * static_cast<double>(c) / static_cast<double>(v.size() - 1) - 1.0);
    }
    return v;
  }();
};

}  // namespace detail

/// The same by a table known when the program runs, of keys and of values of a cache, which has it
/// (storage/kv_cache.hpp):
///
///     using nuq2 = scheme<affine_codebook<codebook<2>, scale_as<f16>>, per_channel_group<32>>;
///     kv_cache<nuq2, v2> cache(shape, {.keys = book});  // a range_codebook<2>
///
/// With the values of a Format at compile time it has the bits of that. Without the table, equal steps.
template <int B, class... Options>
struct affine_codebook<codebook<B>, Options...> : affine_codebook<codebook_format<detail::even_book<B>>, Options...> {
  using even = affine_codebook<codebook_format<detail::even_book<B>>, Options...>;
  using typename even::params;
  using book = range_codebook<B>;
  using even::decode;
  using even::encode;

  [[gnu::always_inline]] static constexpr code encode(float x, params p, book const& b) noexcept {
    return codebook<B>::encode(detail::opaque(x - p.minimum) * p.inverse, b.centres);
  }
  [[gnu::always_inline]] static constexpr float decode(code c, params p, book const& b) noexcept {
    return __builtin_fmaf(p.scale, codebook<B>::decode(c, b.values), p.minimum);
  }
};

namespace detail {
template <class Q>
inline constexpr bool is_affine_codebook = false;
template <class F, class... Options>
inline constexpr bool is_affine_codebook<affine_codebook<F, Options...>> = true;
}  // namespace detail

}  // namespace v0
}  // namespace octavo
