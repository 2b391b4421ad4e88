// SPDX-License-Identifier: MIT
// fnv1a: the 64-bit hash by which files name what they were made for, the same on every machine.
#pragma once

#include <cstdint>

namespace octavo {
inline namespace v0 {
namespace detail {

/// FNV-1a (Fowler, Noll, Vo) of the bytes that were added. It tells things apart; it does not protect from anyone.
class fnv1a {
 public:
  [[gnu::always_inline]] constexpr void add(std::uint8_t byte) noexcept { state_ = (state_ ^ byte) * 1099511628211u; }
  [[nodiscard, gnu::always_inline]] constexpr std::uint64_t value() const noexcept { return state_; }

 private:
  std::uint64_t state_ = 14695981039346656037u;
};

}  // namespace detail
}  // namespace v0
}  // namespace octavo
