// expect: Octavo: the template argument of matmul is the scheme of the activations, such as scheme<symmetric<int8>,
// per_token>; without one they stay as they are.
#include "octavo/octavo.hpp"

#include <Eigen/Core>

int main() {
  Eigen::MatrixXf x(3, 2);
  Eigen::MatrixXf y(4, 2);
  auto const w = octavo::quantize<octavo::schemes::w8>(Eigen::MatrixXf(4, 3));
#ifdef OCTAVO_COMPILES
  octavo::matmul<octavo::schemes::a8>(w, x, y);
#else
  octavo::matmul<octavo::int8>(w, x, y);
#endif
}
