// expect: Octavo: a codebook has 2, 4, 8, ... 256 values. Repeat the last value to fill it.
#include "octavo/format/codebook.hpp"

struct book {
#ifdef OCTAVO_COMPILES
  static constexpr std::array<float, 4> values = {-1, 0, 1, 1};
#else
  static constexpr std::array<float, 3> values = {-1, 0, 1};
#endif
};

static_assert(octavo::codebook_format<book>::encode(-1.0f) == 0);
