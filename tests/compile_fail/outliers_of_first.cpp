// expect: first_in_float goes around it: first_in_float<with_outliers<S, N>, M>.
#include "octavo/octavo.hpp"

#ifdef OCTAVO_COMPILES
octavo::first_in_float<octavo::with_outliers<octavo::schemes::k4, 1>, 1> keys;
#else
octavo::with_outliers<octavo::first_in_float<octavo::schemes::k4, 1>, 1> keys;
#endif
