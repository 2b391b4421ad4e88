// expect: a token is a column, but this matrix is row-major. If its rows are tokens, pass octavo::by_rows(m).
#include "octavo/core/views.hpp"

#include <Eigen/Core>

int main() {
#ifdef OCTAVO_COMPILES
  Eigen::MatrixXf m(4, 3);
#else
  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> m(4, 3);
#endif
  (void)octavo::as_tokens(m);
}
