// expect: Octavo: minima are stored as the scales are, and e8m0 and ue4m3 have no sign.
#include "octavo/quant/schemes.hpp"

using namespace octavo;

struct mine : affine_min<uint4> {
#if defined(OCTAVO_COMPILES)
  using scale_type = f16;
#else
  using scale_type = e8m0;
#endif
};

int main() { return scheme<mine, per_row>::format::bits - 4; }
