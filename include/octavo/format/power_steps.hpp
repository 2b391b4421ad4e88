// SPDX-License-Identifier: MIT
// power_steps: 1, 2, 4 ... 2^K, for scales that are powers of two below the largest one (ZeroQuant-FP's M2).
#pragma once

#include "octavo/core/round.hpp"
#include "octavo/format/concept.hpp"

namespace octavo {
inline namespace v0 {

/// Which power of two a number between two becomes. Within 2^-21 of a power it is that one.
enum class power_rounding {
  up,      ///< never below the number: what such a scale quantizes never saturates
  down,    ///< never above it: its largest numbers may saturate
  nearest  ///< by the logarithm: from 2^(c + 1/2) on it is the next
};

/// Code c means 2^c, up to 2^K; smaller numbers become 1, NaN too.
///
///     symmetric<e2m1, scale_as<scheme<symmetric<power_steps<3>>, per_row>>>
///
/// are FP4 weights whose group scales are S 2^-k with k = 0 ... 3 and S of the row: M2 of ZeroQuant-FP (Wu 2023). Its
/// M1, each scale a power of two, is scale_as<e8m0, mx_ceil>.
template <int K, power_rounding R = power_rounding::up>
struct power_steps {
  static_assert(K >= 1 && K <= 7, "Octavo: power_steps<K> reaches from 1 to 2^K, K from 1 to 7.");
  static constexpr int bits = K == 1 ? 1 : K <= 3 ? 2 : 3;
  static constexpr int codes = K + 1;
  [[gnu::always_inline]] static constexpr float decode(code c) noexcept {
    int const e = c & ((1 << bits) - 1);
    return detail::power_of_two(e < K ? e : K);
  }
  [[gnu::always_inline]] static constexpr code encode(float x) noexcept {
    constexpr float border = R == power_rounding::up     ? 1.0f + 0x1p-21f
                             : R == power_rounding::down ? 2.0f - 0x1p-20f
                                                         : 1.41421356f;
    code c = 0;
    while (c < K && x >= border * detail::power_of_two(c)) { ++c; }
    return c;
  }
};

}  // namespace v0
}  // namespace octavo
