// SPDX-License-Identifier: MIT
// Sums of doubles, one for each lane of a register of floats, in the order in which numbers come.
#pragma once

#include <cstddef>
#include <cstring>

#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// A sum for each lane, from 0: that of the numbers given to add(), as doubles, in order.
template <class A>
class lane_sums {
  static constexpr std::size_t lanes = static_cast<std::size_t>(simd::lanes<A>);
  /// Lanes of a register of doubles; elsewhere compilers see what they can.
  static constexpr std::size_t width = detail::is_avx512<A> ? 8 : detail::is_avx2<A> ? 4 : 1;
  struct registers {
    using doubles [[gnu::vector_size(8 * width)]] = double;
    using floats [[gnu::vector_size(4 * width)]] = float;
    doubles part[lanes / width];
  };

 public:
  [[gnu::always_inline]] lane_sums() noexcept : count_(0) { std::memset(&sums_, 0, sizeof sums_); }
  [[gnu::always_inline]] void add(simd::floats<A> x) noexcept {
    float each[lanes];
    x.store_unaligned(each);
    for (std::size_t i = 0; i < lanes / width; ++i) {
      if constexpr (width > 1) {
        typename registers::floats some;
        std::memcpy(&some, each + i * width, sizeof some);
        sums_.part[i] += __builtin_convertvector(some, typename registers::doubles);
      } else {
        sums_.part[i][0] += static_cast<double>(each[i]);
      }
    }
    ++count_;
  }
  /// The sum of a lane, and how many numbers each has.
  [[nodiscard, gnu::always_inline]] double of(std::size_t lane) const noexcept {
    return sums_.part[lane / width][lane % width];
  }
  [[nodiscard, gnu::always_inline]] index count() const noexcept { return count_; }

 private:
  registers sums_;
  index count_;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
