// expect: Octavo: additive codebooks multiply activations as they are. Call matmul(w, x, y).
#include "octavo/octavo.hpp"

#include <Eigen/Core>

void f(octavo::additive_matrix<2, 8> const& w, Eigen::MatrixXf const& x, Eigen::MatrixXf& y) {
#ifdef OCTAVO_COMPILES
  octavo::matmul(w, x, y);
#else
  octavo::matmul<octavo::schemes::a8>(w, x, y);
#endif
}
