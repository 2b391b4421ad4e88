// expect: Octavo: no way of attention_by has the schemes that one of its options is for. Leave it out.
#include "octavo/octavo.hpp"

#include <Eigen/Core>

int main() {
  using ways = octavo::attention_ways<octavo::attention_way<octavo::schemes::q8>, octavo::attention_way<>>;
  Eigen::MatrixXf x(3, 2);
  Eigen::MatrixXf y(3, 2);
#ifdef OCTAVO_COMPILES
  octavo::attention_by<ways>(1, x, x, x, y, octavo::smooth_keys{});
#else
  octavo::attention_by<ways>(1, x, x, x, y, octavo::smooth_values{});
#endif
}
