// expect: Octavo: per_column folds the scale of a column into the activations, so the quantizer needs `static float
// scale(params)`.
#include <span>

#include "octavo/quant/schemes.hpp"
#include "octavo/storage/panel.hpp"

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

static_assert(panel_layout<scheme<mine, per_column>>::by_column);
