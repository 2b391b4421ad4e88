// expect: Octavo: a quantizer needs `static params calibrate(std::span<float const>)`: the params of a group.
#include <span>

#include "octavo/format/integer.hpp"
#include "octavo/quant/concept.hpp"

using namespace octavo;

struct mine {
  using format = int8;
  struct params {
    float s;
  };
#ifdef OCTAVO_COMPILES
  static params calibrate(std::span<float const>) { return {1.0f}; }
#endif
  static code encode(float x, params p) { return int8::encode(x / p.s); }
  static float decode(code c, params p) { return int8::decode(c) * p.s; }
};

static_assert(check_quantizer<mine>());
