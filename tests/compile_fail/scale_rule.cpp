// expect: Octavo: mx_ceil, mx_even and mx_nearest choose powers of two. Use scale_as<octavo::e8m0, rule>.
#include "octavo/format/integer.hpp"
#include "octavo/quant/symmetric.hpp"

#ifdef OCTAVO_COMPILES
using stored = octavo::e8m0;
#else
using stored = octavo::f16;
#endif

static_assert(octavo::symmetric<octavo::int4, octavo::scale_as<stored, octavo::mx_ceil>>::largest == 7.0f);
