// expect: Octavo: sulq_params are for probabilities by sulq, which need them.
#include "octavo/octavo.hpp"

#include <Eigen/Core>

int main() {
  using p_sulq = octavo::scheme<octavo::sulq<4>, octavo::per_tensor>;
  Eigen::MatrixXf x(3, 2);
  Eigen::MatrixXf y(3, 2);
#ifdef OCTAVO_COMPILES
  octavo::attention<octavo::schemes::q8, p_sulq>(x, x, x, y, octavo::sulq<4>::from_range(0.0f, 1.0f, 0.005f));
#else
  octavo::attention<octavo::schemes::q8, p_sulq>(x, x, x, y);
#endif
}
