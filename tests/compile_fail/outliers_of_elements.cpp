// expect: Octavo: with_outliers<S, N> needs a scheme<quantizer, granularity>.
#include "octavo/octavo.hpp"

#ifdef OCTAVO_COMPILES
octavo::with_outliers<octavo::schemes::k4, 1> keys;
#else
octavo::with_outliers<float, 1> keys;
#endif
