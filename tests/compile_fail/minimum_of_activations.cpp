// expect: Octavo: a quantizer with `minimum(params)` is for stored matrices. Quantize activations with symmetric or
// affine.
#include "octavo/kernel/path.hpp"
#include "octavo/quant/schemes.hpp"

using namespace octavo;

#if defined(OCTAVO_COMPILES)
using quantizer_of_tokens = affine<uint8>;
#else
using quantizer_of_tokens = affine_min<uint8>;
#endif

static_assert(path_of<schemes::w8, scheme<quantizer_of_tokens, per_token>> == path::int8_dot);
