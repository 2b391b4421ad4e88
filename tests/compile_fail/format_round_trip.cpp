// expect: Octavo: decode(encode(v)) must give v back for every finite value v of the format.
#include "octavo/format/concept.hpp"

using namespace octavo;

struct mine {
  static constexpr int bits = 1;
  static constexpr float decode(code c) { return static_cast<float>(c & 1); }
#ifdef OCTAVO_COMPILES
  static constexpr code encode(float x) { return x > 0.5f ? 1 : 0; }
#else
  static constexpr code encode(float x) { return x > 1.5f ? 1 : 0; }
#endif
};

static_assert(check_number_format<mine>());
