// expect: Octavo: a quantizer needs `static float decode(octavo::code, params)`.
#include <span>

#include "octavo/format/integer.hpp"
#include "octavo/quant/concept.hpp"

using namespace octavo;

struct mine {
  using format = int8;
  struct params {
    float s;
  };
  static params calibrate(std::span<float const>) { return {1.0f}; }
  static code encode(float x, params p) { return int8::encode(x / p.s); }
#ifdef OCTAVO_COMPILES
  static float decode(code c, params p) { return int8::decode(c) * p.s; }
#endif
};

static_assert(check_quantizer<mine>());
