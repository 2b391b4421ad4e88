// expect: Octavo: a quantizer needs `using format = ...;`, a number format such as octavo::int4.
#include <span>

#include "octavo/format/integer.hpp"
#include "octavo/quant/concept.hpp"

using namespace octavo;

struct mine {
#ifdef OCTAVO_COMPILES
  using format = int8;
#endif
  struct params {
    float s;
  };
  static params calibrate(std::span<float const>) { return {1.0f}; }
  static code encode(float x, params p) { return int8::encode(x / p.s); }
  static float decode(code c, params p) { return int8::decode(c) * p.s; }
};

static_assert(check_quantizer<mine>());
