// SPDX-License-Identifier: MIT
// Quantizers as a user writes them: without scale(), with scale() but without vector code, and a format off any
// lattice.
#pragma once

#include "octavo/format/integer.hpp"
#include "octavo/quant/concept.hpp"

#include <span>

namespace test {

/// Signed powers of two below absmax, code 0 means 0: no scale(), so kernels ask decode() for each value.
struct powers_of_two {
  using format = octavo::uint4;
  struct params {
    float absmax;
  };
  static constexpr params calibrate(std::span<float const> xs) {
    float m = 0;
    for (float const x : xs) { m = x > m ? x : -x > m ? -x : m; }
    return {m};
  }
  static constexpr float decode(octavo::code c, params p) {
    if (c % 8 == 0) { return 0; }
    float v = p.absmax;
    for (int i = c % 8; i < 7; ++i) { v *= 0.5f; }
    return c >= 8 ? -v : v;
  }
  static constexpr octavo::code encode(float x, params p) {
    int best = 0;
    for (int c = 1; c < 16; ++c) {
      float const old = decode(static_cast<octavo::code>(best), p) - x;
      float const now = decode(static_cast<octavo::code>(c), p) - x;
      if ((now < 0 ? -now : now) < (old < 0 ? -old : old)) { best = c; }
    }
    return static_cast<octavo::code>(best);
  }
};

/// Integers with a power-of-two scale that is never below absmax / 100: linear, but not one of the built-in laws.
struct coarse_int8 {
  using format = octavo::int8;
  struct params {
    float step;
  };
  static constexpr params calibrate(std::span<float const> xs) {
    float step = 0x1p-20f;
    for (float const x : xs) {
      while ((x < 0 ? -x : x) > 100 * step) { step *= 2; }
    }
    return {step};
  }
  static constexpr octavo::code encode(float x, params p) { return format::encode(x / p.step); }
  static constexpr float decode(octavo::code c, params p) { return p.step * format::decode(c); }
  static constexpr float scale(params p) { return p.step; }
};

}  // namespace test
