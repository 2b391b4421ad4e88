// expect: Octavo: affine needs an integer format, since its zero point is one of the codes. Use uint4, int8 ..., or
// symmetric.
#include "octavo/format/integer.hpp"
#include "octavo/format/minifloat.hpp"
#include "octavo/quant/affine.hpp"

#ifdef OCTAVO_COMPILES
using format = octavo::uint4;
#else
using format = octavo::e2m1;
#endif

static_assert(octavo::affine<format>::lowest <= 0);
