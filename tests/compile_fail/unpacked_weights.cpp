// expect: Octavo: the first operand of matmul is a quantized_matrix or a quantized_matrix_view. Make one with
// octavo::quantize<scheme>(weights).
#include "octavo/octavo.hpp"

#include <Eigen/Core>

int main() {
  Eigen::MatrixXf weights(4, 3);
  Eigen::MatrixXf x(3, 2);
  Eigen::MatrixXf y(4, 2);
#ifdef OCTAVO_COMPILES
  octavo::matmul<octavo::schemes::a8>(octavo::quantize<octavo::schemes::w8>(weights), x, y);
#else
  octavo::matmul<octavo::schemes::a8>(weights, x, y);
#endif
}
