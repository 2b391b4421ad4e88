// expect: Octavo: signed_max needs a format with negative values. Use symmetric, or affine.
#include "octavo/format/integer.hpp"
#include "octavo/quant/signed_max.hpp"

#ifdef OCTAVO_COMPILES
using format = octavo::int4;
#else
using format = octavo::uint4;
#endif

static_assert(octavo::signed_max<format>::from_extreme(-8.0f).scale == 1.0f);
