// SPDX-License-Identifier: MIT
// Sums of products of bytes, counted one by one: the oracle of short_tile and byte_products.
#pragma once

#include "octavo/core/index.hpp"

#include "support/random.hpp"

#include <cstdint>
#include <vector>

namespace test {

/// How many sums are wrong of those that multiply(panel, quads, x, stride, start, out) writes for T tokens x 64 rows,
/// out [token][row]: of unsigned panels and signed tokens that begin with start, or, if Swapped, of signed panels and
/// unsigned tokens that begin with 0 (start is null).
template <int T, bool Swapped, class F>
[[nodiscard]] int wrong_byte_sums(octavo::index quads, F const& multiply) {
  random next(3);
  std::vector<std::uint8_t> panel(static_cast<std::size_t>(quads * 256));
  octavo::index const stride = 4 * quads + 20;
  std::vector<std::uint8_t> x(static_cast<std::size_t>(T * stride));
  for (auto& b : panel) { b = next.byte(); }
  for (auto& b : x) { b = next.byte(); }
  std::int32_t start[static_cast<std::size_t>(T)];
  for (std::int32_t& s : start) { s = static_cast<std::int32_t>(next.below(1000)) - 500; }
  std::int32_t out[static_cast<std::size_t>(T * 64)];
  multiply(reinterpret_cast<std::byte const*>(panel.data()), quads, x.data(), stride, Swapped ? nullptr : start, out);
  int wrong = 0;
  for (octavo::index t = 0; t < T; ++t) {
    for (octavo::index r = 0; r < 64; ++r) {
      int sum = Swapped ? 0 : start[t];
      for (octavo::index k = 0; k < 4 * quads; ++k) {
        auto const w = panel[static_cast<std::size_t>((k / 4 * 64 + r) * 4 + k % 4)];
        auto const a = x[static_cast<std::size_t>(t * stride + k)];
        sum += Swapped ? static_cast<std::int8_t>(w) * a : w * static_cast<std::int8_t>(a);
      }
      wrong += out[t * 64 + r] == sum ? 0 : 1;
    }
  }
  return wrong;
}

}  // namespace test
