// expect: Octavo: the quantizer of activations needs `static float scale(params)`, so that a token keeps one scale. Add
// it, or quantize the weights with this quantizer instead.
#include <span>

#include "octavo/kernel/path.hpp"
#include "octavo/quant/schemes.hpp"

using namespace octavo;

struct mine {
  using format = int8;
  struct params {
    float s;
  };
  static params calibrate(std::span<float const>) { return {1.0f}; }
  static code encode(float x, params p) { return int8::encode(x / p.s); }
  static float decode(code c, params p) { return int8::decode(c) * p.s; }
#ifdef OCTAVO_COMPILES
  static float scale(params p) { return p.s; }
#endif
};

static_assert(path_of<schemes::w8, scheme<mine, per_token>> == path::int8_dot);
