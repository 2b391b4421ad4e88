// expect: Octavo: these codes have another sign than those of the norm's factors.
#include "octavo/octavo.hpp"

void f(octavo::integer_norm<std::uint8_t> const& norm, octavo::codes_view<std::uint8_t> x,
       octavo::codes_view<std::int8_t> y) {
#ifdef OCTAVO_COMPILES
  octavo::integer_layer_norm(x, norm, y);
#else
  octavo::integer_layer_norm(y, norm, y);
#endif
}
