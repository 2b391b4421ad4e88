// expect: Octavo: a number format has at most 2^bits codes: `codes` is larger.
#include "octavo/format/concept.hpp"

struct format {
  static constexpr int bits = 2;
#ifdef OCTAVO_COMPILES
  static constexpr int codes = 3;
#else
  static constexpr int codes = 5;
#endif
  static constexpr float decode(octavo::code c) { return static_cast<float>(c & 3); }
  static constexpr octavo::code encode(float x) { return x < 0.5f ? 0 : x < 1.5f ? 1 : 2; }
};

static_assert(octavo::check_number_format<format>());
