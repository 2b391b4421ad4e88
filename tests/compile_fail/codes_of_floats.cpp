// expect: Octavo: codes are an octavo::codes_view, or a matrix of std::int8_t or std::uint8_t with data().
#include "octavo/octavo.hpp"

void f(octavo::power_of_two_factors<> const& factors, octavo::tokens_view<float> x,
       octavo::codes_view<std::uint8_t> y) {
#ifdef OCTAVO_COMPILES
  octavo::quantize_into(y, x, factors);
#else
  octavo::quantize_into(x, x, factors);
#endif
}
