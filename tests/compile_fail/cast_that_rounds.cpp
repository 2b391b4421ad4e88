// expect: Octavo: this cast would round: not every value times 2^N is one of the other format. Take another N.
#include "octavo/format/cast.hpp"
#include "octavo/format/minifloat.hpp"

#ifdef OCTAVO_COMPILES
constexpr int n = 6;
#else
constexpr int n = 7;
#endif

static_assert(octavo::cast<octavo::e4m3, octavo::e2m1, n>(0) == 0);
