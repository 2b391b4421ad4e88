// SPDX-License-Identifier: MIT
// A program outside the tree, the same for every way to get the library. (two_versions compiles it twice, main
// renamed.)
#include <octavo/octavo.hpp>

#include <Eigen/Core>

#include <cstdio>

int main() {
  // Each row and the token have a 127, so that scales are 1 and the product is exact.
  Eigen::MatrixXf weights(2, 3);
  weights << 127, -3, 5, 2, 127, -7;
  Eigen::VectorXf x(3);
  x << 1, 127, 2;

  // Plain C++: the library brings no flags, and this project has none for an instruction set.
  auto const w = octavo::quantize<octavo::schemes::w8>(weights, octavo::on<octavo::scalar>());
  Eigen::VectorXf y(2);
  octavo::matmul<octavo::schemes::a8>(w, x, y, octavo::on<octavo::scalar>());

  bool const right = y(0) == -244 && y(1) == 16117;
  std::printf("octavo %d.%d.%d: %g %g, %s\n", OCTAVO_VERSION_MAJOR, OCTAVO_VERSION_MINOR, OCTAVO_VERSION_PATCH,
              static_cast<double>(y(0)), static_cast<double>(y(1)), right ? "right" : "wrong");
  return right ? 0 : 1;
}
