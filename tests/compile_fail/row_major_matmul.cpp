// expect: Octavo: a token is a column, but this matrix is row-major. If its rows are tokens, pass octavo::by_rows(m).
#include "octavo/octavo.hpp"

#include <Eigen/Core>

int main() {
  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> x(2, 3);
  Eigen::MatrixXf y(4, 2);
  auto const w = octavo::quantize<octavo::schemes::w8>(Eigen::MatrixXf(4, 3));
#ifdef OCTAVO_COMPILES
  octavo::matmul<octavo::schemes::a8>(w, octavo::by_rows(x), y);
#else
  octavo::matmul<octavo::schemes::a8>(w, x, y);
#endif
}
