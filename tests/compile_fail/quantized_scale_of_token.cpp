// expect: Octavo: scales are quantized in stored matrices. A token has one scale, a float.
#include "octavo/kernel/path.hpp"
#include "octavo/quant/schemes.hpp"

using namespace octavo;

#ifdef OCTAVO_COMPILES
using of_tokens = schemes::a8;
#else
using of_tokens = scheme<symmetric<int8, schemes::shared_scale<symmetric<uint8>, 16>>, per_token>;
#endif

static_assert(path_of<schemes::w8, of_tokens> == path::int8_dot);
