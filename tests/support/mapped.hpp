// SPDX-License-Identifier: MIT
// A function of registers, applied to many numbers.
#pragma once

#include "octavo/simd/batch.hpp"

#include <vector>

namespace test {

/// f of each number, register by register. Pre: a multiple of 16.
template <class A, class F>
[[nodiscard]] std::vector<float> mapped(std::vector<float> const& xs, F const& f) {
  std::vector<float> ys(xs.size());
  for (std::size_t i = 0; i < xs.size(); i += static_cast<std::size_t>(octavo::simd::lanes<A>)) {
    f(octavo::simd::load_floats<A>(xs.data() + i)).store_unaligned(ys.data() + i);
  }
  return ys;
}

}  // namespace test
