// expect: Octavo: a quantizer has `int zero(params)` or `float minimum(params)`, not both.
#include "octavo/quant/schemes.hpp"

using namespace octavo;

struct mine : affine_min<uint4> {
#if !defined(OCTAVO_COMPILES)
  static int zero(params) { return 0; }
#endif
};

int main() { return scheme<mine, per_row>::format::bits - 4; }
