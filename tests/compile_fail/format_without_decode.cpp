// expect: Octavo: a number format needs `static constexpr float decode(octavo::code)`.
#include "octavo/format/concept.hpp"

using namespace octavo;

struct mine {
  static constexpr int bits = 1;
#ifdef OCTAVO_COMPILES
  static constexpr float decode(code c) { return static_cast<float>(c & 1); }
#endif
  static constexpr code encode(float x) { return x > 0.5f ? 1 : 0; }
};

static_assert(check_number_format<mine>());
