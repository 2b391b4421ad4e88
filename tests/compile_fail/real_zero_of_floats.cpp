// expect: Octavo: real_zero says that zeros are quantized with the scales. Add scale_as<scheme<...>>, or leave it away:
// minima are stored.
#include "octavo/quant/schemes.hpp"

using namespace octavo;

#ifdef OCTAVO_COMPILES
using quantizer = affine_min<uint3, real_zero, schemes::shared_scale<affine_min<uint3>, 16>>;
#else
using quantizer = affine_min<uint3, real_zero>;
#endif

static_assert(quantizer::format::bits == 3);
