// expect: Octavo: ragged is for keys and values that are elements: the tokens of a cache are one sequence. Those of
// several are a cache_batch.
#include "octavo/octavo.hpp"

#include <Eigen/Core>

int main() {
  Eigen::MatrixXf x(3, 2);
  Eigen::MatrixXf y(3, 2);
  octavo::kv_cache<octavo::schemes::k8, octavo::schemes::v8> cache({.head_dim = 3, .capacity = 4});
  octavo::index const offsets[2] = {0, 2};
#ifdef OCTAVO_COMPILES
  octavo::attention(x, x, x, y, octavo::ragged{offsets, offsets, 1});
#else
  octavo::attention(x, cache.keys(), cache.values(), y, octavo::ragged{offsets, offsets, 1});
#endif
}
