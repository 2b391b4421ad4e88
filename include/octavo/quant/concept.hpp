// SPDX-License-Identifier: MIT
// The concepts quantizer and linear_quantizer; check_quantizer says in prose what is missing.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

#include "octavo/core/index.hpp"
#include "octavo/format/concept.hpp"
#include "octavo/format/table.hpp"

namespace octavo {
inline namespace v0 {

/// A number format, what one group of values shares (`params`), and the law between them.
template <class Q>
concept quantizer = number_format<typename Q::format> && std::is_trivially_copyable_v<typename Q::params> &&
    requires(std::span<float const> xs, float x, code c, typename Q::params p) {
  { Q::calibrate(xs) } -> std::same_as<typename Q::params>;
  { Q::encode(x, p) } -> std::same_as<code>;
  { Q::decode(c, p) } -> std::same_as<float>;
};

/// A quantizer with `scale(p)`: decode(c, p) == scale(p) * (format::decode(c) - zero(p)), where the optional
/// `int zero(p)` is 0 if absent. Kernels multiply such groups by one scale instead of decoding each value.
template <class Q>
concept linear_quantizer = quantizer<Q> && requires(typename Q::params p) {
  { Q::scale(p) } -> std::convertible_to<float>;
};

/// A linear quantizer with an integer zero point, one of the integers that the format represents.
template <class Q>
concept has_zero_point = linear_quantizer<Q> && requires(typename Q::params p) {
  { Q::zero(p) } -> std::convertible_to<int>;
};

/// A linear quantizer with a float that is added to all values of a group:
/// decode(c, p) == scale(p) * format::decode(c) + minimum(p), rounded once.
template <class Q>
concept has_minimum = linear_quantizer<Q> && requires(typename Q::params p) {
  { Q::minimum(p) } -> std::convertible_to<float>;
};

/// A linear quantizer of caches whose codes mean what a table says that is known only when the program runs, `book`
/// (quant/affine_codebook.hpp): encode(x, p, book), decode(c, p, book).
template <class Q>
concept has_book = linear_quantizer<Q> && requires {
  typename Q::book;
};

/// A linear quantizer whose scales are quantized themselves, by `scale_scheme` (quant/two_level.hpp).
template <class Q>
concept has_quantized_scales = linear_quantizer<Q> && requires {
  typename Q::scale_scheme;
};

/// A quantizer whose params are a table of floats, one for each code: decode(c, p) == p.values[c]. Kernels look values
/// up instead of asking for each.
template <class Q>
concept has_table = quantizer<Q> && !linear_quantizer<Q> && requires(typename Q::params p) {
  requires sizeof(p) == sizeof(p.values) && sizeof(p.values) == sizeof(float) << Q::format::bits;
  { p.values[0] } -> std::same_as<float&>;
};

namespace detail {

/// How a scale is stored: `Q::scale_type`, float if absent.
template <class Q>
struct scale_type_of {
  using type = float;
};
template <class Q>
  requires requires { typename Q::scale_type; }
struct scale_type_of<Q> {
  using type = typename Q::scale_type;
};

/// Q::calibrate of n values. The quantizers here also take two pointers, since std::span is not forced inline (see
/// core/README.md).
template <class Q>
[[nodiscard, gnu::always_inline]] constexpr typename Q::params calibrate(float const* xs, index n) {
  if constexpr (requires { Q::calibrate(xs, xs + n); }) {
    return Q::calibrate(xs, xs + n);
  } else {
    return Q::calibrate({xs, static_cast<std::size_t>(n)});
  }
}

}  // namespace detail

/// `static_assert(octavo::check_quantizer<mine>())`: true, or prose that says what to add.
template <class Q>
consteval bool check_quantizer() {
  constexpr bool has_format = requires { typename Q::format; };
  constexpr bool has_params = requires { typename Q::params; };
  static_assert(has_format, "Octavo: a quantizer needs `using format = ...;`, a number format such as octavo::int4.");
  static_assert(has_params, "Octavo: a quantizer needs `struct params { ... };`, what the values of a group share.");
  if constexpr (has_format && has_params) {
    using P = typename Q::params;
    static_assert(check_number_format<typename Q::format>());
    static_assert(std::is_trivially_copyable_v<P>,
                  "Octavo: the params of a quantizer must be trivially copyable: they are stored beside the codes.");
    constexpr bool has_calibrate = requires(std::span<float const> xs) {
      { Q::calibrate(xs) } -> std::same_as<P>;
    };
    constexpr bool has_encode = requires(float x, P p) {
      { Q::encode(x, p) } -> std::same_as<code>;
    };
    constexpr bool has_decode = requires(code c, P p) {
      { Q::decode(c, p) } -> std::same_as<float>;
    };
    static_assert(
        has_calibrate,
        "Octavo: a quantizer needs `static params calibrate(std::span<float const>)`: the params of a group.");
    static_assert(has_encode, "Octavo: a quantizer needs `static octavo::code encode(float, params)`.");
    static_assert(has_decode, "Octavo: a quantizer needs `static float decode(octavo::code, params)`.");
    return quantizer<Q>;
  }
  return false;
}

}  // namespace v0
}  // namespace octavo
