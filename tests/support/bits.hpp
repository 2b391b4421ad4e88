// SPDX-License-Identifier: MIT
// Comparing bits: results are equal to the bit or not equal; only NaNs all compare equal.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "octavo/core/index.hpp"

namespace test {

[[nodiscard]] inline std::uint32_t bits_of(float x) {
  return std::isnan(x) ? 0x7fc00000u : std::bit_cast<std::uint32_t>(x);
}
[[nodiscard]] inline bool same_bits(float a, float b) { return bits_of(a) == bits_of(b); }

/// Number of elements of two matrices (rows(), cols(), operator()) whose bits differ.
template <class M, class N>
[[nodiscard]] octavo::index differences(M const& a, N const& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) { return -1; }
  octavo::index count = 0;
  for (octavo::index c = 0; c < a.cols(); ++c) {
    for (octavo::index r = 0; r < a.rows(); ++r) {
      if (!same_bits(static_cast<float>(a(r, c)), static_cast<float>(b(r, c)))) { ++count; }
    }
  }
  return count;
}

}  // namespace test
