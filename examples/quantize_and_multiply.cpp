// SPDX-License-Identifier: MIT
// The library in one page: pack weights to 4 bits once, then multiply, quantizing activations on the fly.
#include <octavo/octavo.hpp>

#include <Eigen/Core>

#include <cstdio>
#include <random>

namespace {

// 128 neighbours of a row share a scale: the same as octavo::schemes::w4_g128 and a8, spelt out.
using w4 = octavo::scheme<octavo::symmetric<octavo::int4, octavo::scale_as<octavo::f16>>, octavo::per_group<128>>;
using a8 = octavo::scheme<octavo::symmetric<octavo::int8>, octavo::per_token>;

// Whoever needs the integer kernel says so, and hears from the compiler when a change of types loses it.
static_assert(octavo::path_of<w4, a8> == octavo::path::int8_dot);

/// Numbers from -1 to 1 that look random and are the same everywhere.
Eigen::MatrixXf make(octavo::index rows, octavo::index cols, unsigned seed) {
  std::mt19937 random(seed);
  return Eigen::MatrixXf::NullaryExpr(rows, cols,
                                      [&random]() { return static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f; });
}

float relative_error(Eigen::MatrixXf const& got, Eigen::MatrixXf const& wanted) {
  return (got - wanted).norm() / wanted.norm();
}

}  // namespace

int main() {
  Eigen::MatrixXf const weights = make(512, 1000, 1);  // outputs x inputs; no extent needs to be a multiple
  Eigen::MatrixXf const x = make(1000, 5, 2);          // a column per token
  Eigen::MatrixXf const exact = weights * x;

  auto const w = octavo::quantize<w4>(weights);  // once, when the model is loaded
  Eigen::MatrixXf y(512, 5);                     // outputs are written, never resized

  octavo::matmul<a8>(w, x, y);
  std::printf("W4A8:  %s, relative error %.2f\n", octavo::path_name(octavo::path_of<w4, a8>),
              relative_error(y, exact));

  octavo::matmul(w, x, y);  // no template argument: activations stay as they are
  std::printf("W4A32: %s, relative error %.2f\n", octavo::path_name(octavo::path_of<w4, float>),
              relative_error(y, exact));

  // One token is one column; its bits do not depend on how many others are multiplied with it.
  Eigen::VectorXf last(512);
  octavo::matmul(w, x.col(4), last);
  std::printf("one token alone: %s bits\n", last == y.col(4) ? "the same" : "other");

  // Bias and activation go along while sums are in registers: the epilogue sees vectors of consecutive rows.
  Eigen::VectorXf const bias = make(512, 1, 3);
  octavo::matmul<a8>(w, x, y, [&](auto sum, octavo::index row, octavo::index) {
    using octavo::max;
    return max(sum + octavo::load_like(sum, bias.data() + row), decltype(sum)(0.0f));
  });
  std::printf("with bias and ReLU: relative error %.2f\n",
              relative_error(y, (exact.colwise() + bias).cwiseMax(0.0f)));

  std::printf("weights: %td bytes, %.2f bits each\n", w.size_bytes(),
              8.0 * static_cast<double>(w.size_bytes()) / static_cast<double>(weights.size()));
}
