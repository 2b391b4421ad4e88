// expect: Octavo: attention_by takes a list of ways, such as attention_ways<attention_way<q4, p8>, attention_way<q8>,
// attention_way<>>.
#include "octavo/octavo.hpp"

#include <Eigen/Core>

int main() {
  Eigen::MatrixXf x(3, 2);
  Eigen::MatrixXf y(3, 2);
#ifdef OCTAVO_COMPILES
  octavo::attention_by<octavo::attention_ways<octavo::attention_way<octavo::schemes::q8>>>(0, x, x, x, y);
#else
  octavo::attention_by<octavo::attention_way<octavo::schemes::q8>>(0, x, x, x, y);
#endif
}
