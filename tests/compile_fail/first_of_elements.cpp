// expect: Octavo: first_in_float<S, N> needs a scheme<quantizer, granularity>, or one with_outliers.
#include "octavo/octavo.hpp"

#ifdef OCTAVO_COMPILES
octavo::first_in_float<octavo::with_outliers<octavo::schemes::k4, 1>, 1> keys;
#else
octavo::first_in_float<float, 1> keys;
#endif
