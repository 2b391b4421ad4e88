// expect: Octavo: by_rows() takes a row-major (tokens x features) matrix; this one is column-major and converts to
// tokens_view as it is.
#include "octavo/core/views.hpp"

#include <Eigen/Core>

int main() {
#ifdef OCTAVO_COMPILES
  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> m(4, 3);
#else
  Eigen::MatrixXf m(4, 3);
#endif
  (void)octavo::by_rows(m);
}
