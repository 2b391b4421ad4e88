// expect: Octavo: log_base is for probabilities by adalog, which need one.
#include "octavo/octavo.hpp"

#include <Eigen/Core>

int main() {
  using p_adalog = octavo::scheme<octavo::adalog<4>, octavo::per_tensor>;
  Eigen::MatrixXf x(3, 2);
  Eigen::MatrixXf y(3, 2);
#ifdef OCTAVO_COMPILES
  octavo::attention<octavo::schemes::q8, p_adalog>(x, x, x, y, octavo::log_base{19});
#else
  octavo::attention<octavo::schemes::q8, p_adalog>(x, x, x, y);
#endif
}
