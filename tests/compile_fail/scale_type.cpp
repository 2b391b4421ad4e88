// expect: Octavo: scale_as<T> stores scales as float, octavo::bf16, octavo::f16, octavo::e8m0 or octavo::ue4m3.
#include "octavo/format/integer.hpp"
#include "octavo/quant/symmetric.hpp"

#ifdef OCTAVO_COMPILES
using stored = octavo::f16;
#else
using stored = double;
#endif

static_assert(octavo::symmetric<octavo::int4, octavo::scale_as<stored>>::largest == 7.0f);
