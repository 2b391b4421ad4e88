// expect: Octavo: an integer norm takes 8-bit codes with factors of at most 2^6: sums stay exact.
#include "octavo/octavo.hpp"

void f(octavo::power_of_two_factors<octavo::uint8, 6> const& six,
       octavo::power_of_two_factors<octavo::uint8, 7> const& seven) {
#ifdef OCTAVO_COMPILES
  octavo::integer_norm const norm(six, nullptr, nullptr, {.scale = 1});
#else
  octavo::integer_norm const norm(seven, nullptr, nullptr, {.scale = 1});
#endif
}
