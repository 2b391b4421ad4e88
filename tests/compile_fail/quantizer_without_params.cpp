// expect: Octavo: a quantizer needs `struct params { ... };`, what the values of a group share.
#include <span>

#include "octavo/format/integer.hpp"
#include "octavo/quant/concept.hpp"

using namespace octavo;

struct mine {
  using format = int8;
#ifdef OCTAVO_COMPILES
  struct params {
    float s;
  };
#else
  struct parameters {
    float s;
  };
  using p = parameters;
#endif
  template <class T = mine>
  static auto calibrate(std::span<float const>) {
    return typename T::params{1.0f};
  }
  template <class Params>
  static code encode(float x, Params p) {
    return int8::encode(x / p.s);
  }
  template <class Params>
  static float decode(code c, Params p) {
    return int8::decode(c) * p.s;
  }
};

static_assert(check_quantizer<mine>());
