// SPDX-License-Identifier: MIT
// Your own quantizer: what a group of values shares, and how a value becomes a code and comes back.
#include <octavo/octavo.hpp>

#include <Eigen/Core>

#include <cmath>
#include <cstdio>
#include <random>
#include <span>

namespace {
float absmax(std::span<float const> xs) {
  float largest = 0;  // of numbers with a NaN it is NaN, and then so is all that decode gives
  for (float const x : xs) { largest = std::abs(x) > largest || std::isnan(x) ? std::abs(x) : largest; }
  return largest;
}

/// Fine steps near zero, coarse ones far from it. This is not linear, so kernels decode each value to a float.
struct squares {
  using format = octavo::int4;
  struct params {
    float largest;
  };
  static params calibrate(std::span<float const> xs) { return {absmax(xs)}; }
  static octavo::code encode(float x, params p) {
    float const root = p.largest > 0 ? std::sqrt(std::abs(x) / p.largest) : 0.0f;
    return format::encode(std::copysign(7.0f * root, x));
  }
  static float decode(octavo::code c, params p) {
    float const root = format::decode(c) / 7.0f;
    return p.largest * root * std::abs(root);
  }
};

/// Even steps, with the largest values clipped: that may cost less than coarser steps for all others.
struct clipped {
  using format = octavo::int4;
  struct params {
    float step;
  };
  static params calibrate(std::span<float const> xs) { return {0.9f * absmax(xs) / 7.0f}; }
  static octavo::code encode(float x, params p) { return format::encode(p.step > 0 ? x / p.step : 0.0f); }
  static float decode(octavo::code c, params p) { return p.step * format::decode(c); }
  /// Says that decode is scale * value. So kernels sum whole groups as integers, and multiply by the scale once.
  static float scale(params p) { return p.step; }
};
static_assert(octavo::check_quantizer<squares>());  // says in prose what is missing, if anything is
static_assert(octavo::check_quantizer<clipped>());

/// Many small numbers and a few large ones, the same everywhere.
Eigen::MatrixXf make(octavo::index rows, octavo::index cols, unsigned seed) {
  std::mt19937 random(seed);
  return Eigen::MatrixXf::NullaryExpr(rows, cols, [&random]() {
    float const v = static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f;
    return v / (1.05f - v * v);
  });
}

template <class Quantizer>
void show(char const* name, Eigen::MatrixXf const& weights, Eigen::MatrixXf const& x) {
  using w4 = octavo::scheme<Quantizer, octavo::per_group<128>>;
  Eigen::MatrixXf const exact = weights * x;
  Eigen::MatrixXf y(weights.rows(), x.cols());
  auto const w = octavo::quantize<w4>(weights);
  octavo::matmul<octavo::schemes::a8>(w, x, y);
  std::printf("%-15s x a8: %s, error %.2f", name, octavo::path_name(octavo::path_of<w4, octavo::schemes::a8>),
              (y - exact).norm() / exact.norm());
  octavo::matmul(w, x, y);  // float activations, on table_fma
  std::printf("; x float: error %.2f\n", (y - exact).norm() / exact.norm());
}
}  // namespace

int main() {
  auto const weights = make(256, 512, 1);
  auto const x = make(512, 4, 2);
  show<octavo::symmetric<octavo::int4>>("symmetric<int4>", weights, x);
  show<squares>("squares", weights, x);
  show<clipped>("clipped", weights, x);
}
