// expect: Octavo: this operand has no data(): it is an expression, or no matrix. Evaluate it into a matrix first, or
// pass an octavo::tokens_view.
#include "octavo/octavo.hpp"

#include <Eigen/Core>

int main() {
  Eigen::MatrixXf weights(4, 3);
  Eigen::MatrixXf x(3, 2);
  Eigen::MatrixXf y(4, 2);
  auto const w = octavo::quantize<octavo::schemes::w8>(weights);
#ifdef OCTAVO_COMPILES
  octavo::matmul<octavo::schemes::a8>(w, (x + x).eval(), y);
#else
  octavo::matmul<octavo::schemes::a8>(w, x + x, y);
#endif
}
