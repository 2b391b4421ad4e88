// SPDX-License-Identifier: MIT
// bit_string: numbers of a few bits, one after the other, become the 32 bits of each lane.
#pragma once

#include <cstdint>

#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace simd {

/// Whether A takes the low bits of numbers, whatever is above them (vpshrdd: cpu_has asks for it).
template <class A>
inline constexpr bool cuts_numbers = octavo::detail::has<vbmi, A>;

/// 32 bits in each lane, from the lowest on.
template <class A>
class bit_string {
 public:
  /// Bits [At, At + N): the low N of x. Pre: those below are there; nothing is above the N bits, unless
  /// cuts_numbers<A>. (Where it is false words are sums of shifted numbers, so that they may be negative.)
  template <int At, int N>
  [[gnu::always_inline]] void put(ints<A> x) noexcept {
#if defined(__AVX512F__)
    if constexpr (cuts_numbers<A>) {
      __m512i const high = x;
      __m512i word = At == 0 ? x : word_;
      asm("vpshrdd {%2, %1, %0, %0|%0, %0, %1, %2}" : "+v"(word) : "v"(high), "i"(N));
      word_ = ints<A>(word);
      return;
    }
#endif
    auto const shifted = shift_left<At, A>(x);
    word_ = At == 0 ? shifted : word_ + shifted;
  }
  /// N bits of 0.
  template <int N>
  [[gnu::always_inline]] void skip() noexcept {
    if constexpr (cuts_numbers<A>) { word_ = shift_right<N, A>(word_); }
  }
  /// All of them. Pre: 32 were put or skipped.
  [[nodiscard, gnu::always_inline]] ints<A> word() const noexcept { return word_; }

 private:
  ints<A> word_;
};

}  // namespace simd
}  // namespace v0
}  // namespace octavo
