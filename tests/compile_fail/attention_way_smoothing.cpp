// expect: Octavo: an attention_way names two schemes, then any of smooth_keys, smooth_queries, smooth_values. Options
// that carry data go to attention_by.
#include "octavo/octavo.hpp"

#include <Eigen/Core>

int main() {
  using namespace octavo;
  Eigen::MatrixXf x(3, 2);
  Eigen::MatrixXf y(3, 2);
#ifdef OCTAVO_COMPILES
  using way = attention_way<schemes::q8, as_is, smooth_keys>;
#else
  using way = attention_way<schemes::q8, as_is, causal>;
#endif
  attention_by<attention_ways<way>>(0, x, x, x, y);
}
