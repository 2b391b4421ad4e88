// SPDX-License-Identifier: MIT
// One step of packed codes of a register of rows: planes of bits to bytes of codes, quad by quad.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/simd/lookup.hpp"
#include "octavo/storage/panel.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// The codes of a step of `lanes` rows, as L packs them. Where there is one plane it is a word in a register; of two,
/// each part is loaded where it is needed, since registers are for accumulators.
template <class A, class L>
class packed_step {
  static constexpr code_planes planes = L::planes;
  static constexpr bool one_plane = planes.high() == 0;
  static constexpr int low_quads = 8 / planes.low;

  [[nodiscard]] static constexpr std::uint32_t each_byte(int b) noexcept {
    return static_cast<std::uint32_t>(b) * 0x01010101u;
  }

  /// The low plane of the rows, and the high one with the bits of quad 0 lowest in each byte.
  struct two_planes {
    std::byte const* low;
    simd::ints<A> high;
  };

 public:
  [[gnu::always_inline]] packed_step() noexcept = default;
  /// `lanes` rows from `row`. Pre: `at` is that row in the first word of the step.
  [[gnu::always_inline]] packed_step(std::byte const* at, [[maybe_unused]] index row) noexcept {
    if constexpr (one_plane) {
      step_ = simd::load_ints<A>(at);
    } else {
      constexpr index start = planes.low_words() * L::word_bytes;
      step_.low = at;
      if constexpr (planes.sharing() == 1) {
        step_.high = simd::load_ints<A>(at + start);
      } else {
        auto const both = simd::load_ints<A>(at + (start - row * 4 + row / 32 * 64 + row % 16 * 4));
        step_.high = simd::shift_right<A>(both, static_cast<int>(row / 16 % 2 * 4));
      }
    }
  }

  /// The same, loaded once where that is a register: g++ 12 otherwise loads it at every use.
  [[nodiscard, gnu::always_inline]] packed_step in_register() const noexcept {
    packed_step step = *this;
    if constexpr (one_plane) { step.step_ = simd::in_register(step_); }
    return step;
  }

  /// Codes of quad Q, one in each byte; in pair order where L has it.
  template <int Q>
  [[nodiscard, gnu::always_inline]] simd::ints<A> quad() const noexcept {
    auto low = simd::shift_right<Q % low_quads * planes.low, A>(word<Q / low_quads>());
    if constexpr (planes.low < 8) { low = simd::bit_and<A>(low, each_byte((1 << planes.low) - 1)); }
    if constexpr (one_plane) {
      return low;
    } else {
      constexpr int right = Q * planes.high() - planes.low;
      auto const high =
          simd::shift_left<(right < 0 ? -right : 0), A>(simd::shift_right<(right > 0 ? right : 0), A>(step_.high));
      return simd::bit_or<A>(low, simd::bit_and<A>(high, each_byte(((1 << planes.high()) - 1) << planes.low)));
    }
  }

  /// Bytes that hold the codes of quad Q from bit shift_of<Q> on; other bits are not cleared.
  template <int Q>
  [[nodiscard, gnu::always_inline]] simd::ints<A> bytes_of() const noexcept {
    if constexpr (one_plane) {
      return step_;
    } else {
      return quad<Q>();
    }
  }
  template <int Q>
  static constexpr int shift_of = one_plane ? Q* planes.low : 0;

  /// The codes of quad Q in the low bits of each byte, k by k; what is above them is not cleared.
  template <int Q>
  [[nodiscard, gnu::always_inline]] simd::ints<A> quad_codes() const noexcept {
    if constexpr (L::pair_order) {
      return simd::pairs_to_quads<A>(quad<Q>());
    } else {
      return simd::shift_right<shift_of<Q>, A>(bytes_of<Q>());
    }
  }

  /// Quad Q times 2^Raise: no shift where they stand there already. Of one plane, codes of less than 8 bits.
  template <int Q, int Raise>
  [[nodiscard, gnu::always_inline]] simd::ints<A> raised_quad() const noexcept {
    static_assert(one_plane && planes.low < 8);
    return simd::bit_and<A>(simd::shift_right<Q * planes.low - Raise, A>(step_),
                            each_byte(((1 << planes.low) - 1) << Raise));
  }

  /// Codes of k = K of the step in the low bits of each lane; what is above them is not cleared.
  template <int K>
  [[nodiscard, gnu::always_inline]] simd::ints<A> code() const noexcept {
    if constexpr (L::pair_order) {
      return simd::shift_right<K % 4 * 8, A>(simd::pairs_to_quads<A>(quad<K / 4>()));
    } else if constexpr (one_plane) {
      return simd::shift_right<K % 4 * 8 + K / 4 * planes.low, A>(step_);
    } else {
      return simd::shift_right<K % 4 * 8, A>(quad<K / 4>());
    }
  }

 private:
  template <int W>
  [[nodiscard, gnu::always_inline]] simd::ints<A> word() const noexcept {
    if constexpr (one_plane) {
      return step_;
    } else {
      return simd::load_ints<A>(step_.low + W * L::word_bytes);
    }
  }

  std::conditional_t<one_plane, simd::ints<A>, two_planes> step_;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
