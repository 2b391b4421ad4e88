// SPDX-License-Identifier: MIT
// Tables that kernels index at run time: std::array, forced inline.
#pragma once

#include <cstddef>

namespace octavo {
inline namespace v0 {
namespace detail {

template <class T, std::size_t N>
struct table {
  T values[N];

  [[nodiscard, gnu::always_inline]] constexpr T& operator[](std::size_t i) noexcept { return values[i]; }
  [[nodiscard, gnu::always_inline]] constexpr T const& operator[](std::size_t i) const noexcept { return values[i]; }
  [[nodiscard, gnu::always_inline]] constexpr T const* data() const noexcept { return values; }
  [[nodiscard, gnu::always_inline]] constexpr T* begin() noexcept { return values; }
  [[nodiscard, gnu::always_inline]] constexpr T* end() noexcept { return values + N; }
};

}  // namespace detail
}  // namespace v0
}  // namespace octavo
