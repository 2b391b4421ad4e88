// SPDX-License-Identifier: MIT
// Your own number format: say what a code means and which code is nearest; kernels follow from its values.
#include <octavo/octavo.hpp>

#include <Eigen/Core>

#include <array>
#include <cmath>
#include <cstdio>
#include <random>

namespace {

/// Four bits, a sign and a Fibonacci number: dense near zero, where most weights are, and far-reaching.
struct fibonacci4 {
  static constexpr int bits = 4;
  static constexpr float magnitudes[] = {0, 1, 2, 3, 5, 8, 13, 21};
  static constexpr float decode(octavo::code c) noexcept { return (c & 8 ? -1.0f : 1.0f) * magnitudes[c & 7]; }
  static constexpr octavo::code encode(float x) noexcept {
    float const size = x < 0 ? -x : x;
    int m = 0;
    while (m < 7 && size > 0.5f * (magnitudes[m] + magnitudes[m + 1])) { ++m; }
    return static_cast<octavo::code>(m | (x < 0 ? 8 : 0));
  }
};

/// Sixteen values of any kind, in ascending order: a format in one line.
struct cubes {
  static constexpr std::array<float, 16> values = {-1.0f,   -0.63f, -0.364f,  -0.187f, -0.079f, -0.023f,
                                                   -0.003f, 0.0f,   0.00195f, 0.016f,  0.053f,  0.125f,
                                                   0.244f,  0.422f, 0.67f,    1.0f};
};
using cubes4 = octavo::codebook_format<cubes>;

static_assert(octavo::check_number_format<fibonacci4>());
static_assert(octavo::check_number_format<cubes4>());

using fibonacci_weights = octavo::scheme<octavo::symmetric<fibonacci4>, octavo::per_row>;
using cube_weights = octavo::scheme<octavo::symmetric<cubes4>, octavo::per_row>;
using octavo::schemes::a8;

// Fibonacci numbers are small integers, so the integer kernel takes them; the cubes get a table and float sums.
static_assert(octavo::path_of<fibonacci_weights, a8> == octavo::path::int8_dot);
static_assert(octavo::path_of<cube_weights, a8> == octavo::path::table_fma);

/// Many small numbers and a few large ones, the same everywhere.
Eigen::MatrixXf make(octavo::index rows, octavo::index cols, unsigned seed) {
  std::mt19937 random(seed);
  return Eigen::MatrixXf::NullaryExpr(rows, cols, [&random]() {
    float const v = static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f;
    return v / (1.05f - v * v);
  });
}

template <class W>
void show(char const* name, Eigen::MatrixXf const& weights, Eigen::MatrixXf const& x) {
  Eigen::MatrixXf const exact = weights * x;
  Eigen::MatrixXf y(weights.rows(), x.cols());
  auto const w = octavo::quantize<W>(weights);
  octavo::matmul<a8>(w, x, y);
  float const with_a8 = (y - exact).norm() / exact.norm();
  octavo::matmul(w, x, y);
  std::printf("%-10s x a8: %s, error %.2f; x float: %s, error %.2f\n", name,
              octavo::path_name(octavo::path_of<W, a8>), with_a8, octavo::path_name(octavo::path_of<W, float>),
              (y - exact).norm() / exact.norm());
}

}  // namespace

int main() {
  auto const weights = make(256, 512, 1);
  auto const x = make(512, 4, 2);
  show<octavo::schemes::w4>("int4", weights, x);
  show<fibonacci_weights>("fibonacci4", weights, x);
  show<cube_weights>("cubes4", weights, x);
}
