// expect: Octavo: a quantizer with `int zero(params)` needs a format of integers.
#include <span>

#include "octavo/quant/schemes.hpp"

using namespace octavo;

struct mine {
#ifdef OCTAVO_COMPILES
  using format = int8;
#else
  using format = e4m3;
#endif
  struct params {
    float s;
  };
  static params calibrate(std::span<float const>) { return {1.0f}; }
  static code encode(float x, params p) { return format::encode(x / p.s); }
  static float decode(code c, params p) { return format::decode(c) * p.s; }
  static float scale(params p) { return p.s; }
  static int zero(params) { return 0; }
};

scheme<mine, per_row> const s;
