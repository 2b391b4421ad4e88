// expect: Octavo: attention quantizes Q and K per_token: a scale for each query and for each key.
#include "octavo/octavo.hpp"

#include <Eigen/Core>

int main() {
  Eigen::MatrixXf x(3, 2);
  Eigen::MatrixXf y(3, 2);
#ifdef OCTAVO_COMPILES
  octavo::attention<octavo::schemes::q8>(x, x, x, y);
#else
  octavo::attention<octavo::schemes::w8>(x, x, x, y);
#endif
}
