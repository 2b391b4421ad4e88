// SPDX-License-Identifier: MIT
// 32 floats at a time, in registers. Eigen's maps of memory begin with single floats up to an aligned address, whose
// exp and order of sums have other bits; these do not depend on where anything lies, since maps are only copied.
#pragma once

#include <octavo/core/index.hpp>

#include <Eigen/Core>

#include <algorithm>

namespace example {

using octavo::index;

using lanes = Eigen::Array<float, 32, 1>;
inline constexpr index width = lanes::SizeAtCompileTime;

inline lanes load(float const* p) { return lanes::Map(p); }
inline void store(lanes const& v, float* p) { lanes::Map(p) = v; }

/// The first n floats at p, at most `width`; zeros behind them.
inline lanes load(float const* p, index n) {
  if (n >= width) { return load(p); }
  lanes v = lanes::Zero();
  std::copy_n(p, n, v.data());
  return v;
}

}  // namespace example
