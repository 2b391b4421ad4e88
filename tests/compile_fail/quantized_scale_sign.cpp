// expect: Octavo: scales are quantized to integers, or those of symmetric to octavo::e4m3.
#include "octavo/quant/schemes.hpp"

using namespace octavo;

#ifdef OCTAVO_COMPILES
template <class... Options>
using quantizer_of_values = symmetric<int4, Options...>;
#else
template <class... Options>
using quantizer_of_values = signed_max<int4, Options...>;
#endif

static_assert(quantizer_of_values<schemes::shared_scale<symmetric<e4m3>, 16>>::format::bits == 4);
