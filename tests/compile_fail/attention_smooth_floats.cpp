// expect: Octavo: smooth_keys and key_shift are for quantized keys: attention<q8>(...).
#include "octavo/octavo.hpp"

#include <Eigen/Core>

int main() {
  Eigen::MatrixXf x(3, 2);
  Eigen::MatrixXf y(3, 2);
#ifdef OCTAVO_COMPILES
  octavo::attention<octavo::schemes::q8>(x, x, x, y, octavo::smooth_keys{});
#else
  octavo::attention(x, x, x, y, octavo::smooth_keys{});
#endif
}
