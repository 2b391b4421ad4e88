// expect: Octavo: a number format needs `static constexpr int bits = ...;`, from 1 to 8.
#include "octavo/format/concept.hpp"

using namespace octavo;

struct mine {
#ifdef OCTAVO_COMPILES
  static constexpr int bits = 1;
#endif
  static constexpr float decode(code c) { return static_cast<float>(c & 1); }
  static constexpr code encode(float x) { return x > 0.5f ? 1 : 0; }
};

static_assert(check_number_format<mine>());
