// SPDX-License-Identifier: MIT
// codes_view: features x tokens of integers, a byte for each, in memory of the caller.
#pragma once

#include <cstdint>
#include <type_traits>

#include "octavo/core/views.hpp"

namespace octavo {
inline namespace v0 {

/// A byte that holds an integer of a format: signed where the format has negative ones.
template <class T>
concept code_byte = std::is_same_v<T, std::int8_t> || std::is_same_v<T, std::uint8_t>;

/// features x tokens of bytes: one contiguous column per token, as tokens_view has them of floats. T is const for
/// operands that are read.
template <class T>
  requires code_byte<std::remove_const_t<T>>
class codes_view : public detail::token_columns<T> {
 public:
  [[gnu::always_inline]] constexpr codes_view() = default;
  /// Feature f of token t is data[f + t * stride].
  [[gnu::always_inline]] constexpr codes_view(T* data, index features, index tokens, index stride)
      : detail::token_columns<T>("codes_view", data, features, tokens, stride) {}
};

namespace detail {
template <class T>
inline constexpr bool is_codes_view = false;
template <class T>
inline constexpr bool is_codes_view<codes_view<T>> = true;
}  // namespace detail

/// What operations call on an operand of codes: a codes_view stays, a column-major Eigen object of bytes is viewed.
template <class M>
[[nodiscard, gnu::always_inline]] constexpr auto as_codes(M&& m) {
  using matrix = std::remove_reference_t<M>;
  if constexpr (detail::is_codes_view<std::remove_cv_t<matrix>>) {
    return m;
  } else {
    static_assert(dense_like<matrix>,
                  "Octavo: codes are an octavo::codes_view, or a matrix of std::int8_t or std::uint8_t with data().");
    if constexpr (dense_like<matrix>) {
      using T = std::remove_pointer_t<decltype(m.data())>;
      static_assert(code_byte<std::remove_const_t<T>>,
                    "Octavo: codes are bytes: pass a matrix of std::int8_t or std::uint8_t, or an "
                    "octavo::codes_view.");
      static_assert(!std::remove_cvref_t<M>::IsRowMajor || detail::is_vector<std::remove_cvref_t<M>>,
                    "Octavo: a token is a column, but this matrix is row-major. If its rows are tokens, pass an "
                    "octavo::codes_view of its data.");
      return detail::columns_of<codes_view<T>, T>(m);
    }
  }
}

}  // namespace v0
}  // namespace octavo
