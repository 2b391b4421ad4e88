// expect: Octavo: matmul writes its third operand, but this one is const.
#include "octavo/octavo.hpp"

#include <Eigen/Core>

int main() {
  Eigen::MatrixXf x(3, 2);
#ifdef OCTAVO_COMPILES
  Eigen::MatrixXf y(4, 2);
#else
  Eigen::MatrixXf const y(4, 2);
#endif
  octavo::matmul<octavo::schemes::a8>(octavo::quantize<octavo::schemes::w8>(Eigen::MatrixXf(4, 3)), x, y);
}
