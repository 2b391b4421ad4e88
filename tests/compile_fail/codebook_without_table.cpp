// expect: Octavo: cache_codebook<S> finds the table of a cache by S
#include "octavo/calibration/cache_codebook.hpp"

int main() {
  using namespace octavo;
#ifdef OCTAVO_COMPILES
  using s = scheme<affine_codebook<codebook<4>>, per_token>;
#else
  using s = scheme<affine_codebook<nf4>, per_token>;
#endif
  calibration::cache_codebook<s> const seen;
}
