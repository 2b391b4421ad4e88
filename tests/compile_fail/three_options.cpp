// expect: Octavo: matmul takes at most an epilogue and a context.
#include "octavo/octavo.hpp"

#include <Eigen/Core>

int main() {
  Eigen::MatrixXf x(3, 2);
  Eigen::MatrixXf y(4, 2);
  auto const w = octavo::quantize<octavo::schemes::w8>(Eigen::MatrixXf(4, 3));
#ifdef OCTAVO_COMPILES
  octavo::matmul<octavo::schemes::a8>(w, x, y, octavo::on<>(), octavo::no_epilogue{});
#else
  octavo::matmul<octavo::schemes::a8>(w, x, y, octavo::on<>(), octavo::no_epilogue{}, octavo::no_epilogue{});
#endif
}
