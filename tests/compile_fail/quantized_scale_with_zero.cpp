// expect: Octavo: scales are quantized by symmetric, signed_max or absmean, codes times a shared scale, or by
// affine_min, with an offset.
#include "octavo/quant/schemes.hpp"

using namespace octavo;

#ifdef OCTAVO_COMPILES
using of_scales = affine_min<uint4>;
#else
using of_scales = affine<uint4>;
#endif

static_assert(symmetric<int4, schemes::shared_scale<of_scales, 16>>::format::bits == 4);
