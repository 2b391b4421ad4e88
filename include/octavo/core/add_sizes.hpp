// SPDX-License-Identifier: MIT
// add_sizes: the sum of |x| as doubles, one number after the other.
#pragma once

#include <cstdint>

namespace octavo {
inline namespace v0 {
namespace detail {

/// `sum` and the size of each number of [first, last), in order. Signs are taken off by bits, since half of a branch
/// would be mispredicted.
[[nodiscard, gnu::always_inline]] constexpr double add_sizes(double sum, float const* first,
                                                             float const* last) noexcept {
  for (float const* x = first; x != last; ++x) {
    auto const size = __builtin_bit_cast(std::uint32_t, *x) & 0x7fffffffu;
    sum += static_cast<double>(__builtin_bit_cast(float, size));
  }
  return sum;
}

}  // namespace detail
}  // namespace v0
}  // namespace octavo
