// expect: Octavo: affine_min counts codes from the minimum, so its format is one of unsigned integers. Use uint4, uint8
// ..., or affine.
#include "octavo/format/integer.hpp"
#include "octavo/quant/affine_min.hpp"

#if defined(OCTAVO_COMPILES)
using format = octavo::uint4;
#else
using format = octavo::int4;
#endif

static_assert(octavo::affine_min<format>::highest > 0);
