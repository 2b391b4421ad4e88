// expect: Octavo: a minifloat whose codes are all finite saturates.
#include "octavo/format/minifloat.hpp"

#ifdef OCTAVO_COMPILES
constexpr auto special = octavo::specials::nan;
#else
constexpr auto special = octavo::specials::none;
#endif

static_assert(octavo::minifloat<4, 3, special, octavo::overflow::special>::decode(0) == 0.0f);
