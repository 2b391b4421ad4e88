// expect: Octavo: a number format needs `static constexpr octavo::code encode(float)`, which returns the code of the
// nearest value and saturates.
#include "octavo/format/concept.hpp"

using namespace octavo;

struct mine {
  static constexpr int bits = 1;
  static constexpr float decode(code c) { return static_cast<float>(c & 1); }
#ifdef OCTAVO_COMPILES
  static constexpr code encode(float x) { return x > 0.5f ? 1 : 0; }
#endif
};

static_assert(check_number_format<mine>());
