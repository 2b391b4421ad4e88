// expect: Octavo: a group has 1 to 32768 elements.
#include "octavo/quant/granularity.hpp"

#ifdef OCTAVO_COMPILES
static_assert(octavo::per_group<32768>::size == 32768);
#else
static_assert(octavo::per_group<32769>::size == 32769);
#endif
