// expect: Octavo: an operand that arrives as float is quantized per_token (or per_tensor); per_row, per_column and
// per_group speak of a stored matrix.
#include "octavo/kernel/path.hpp"
#include "octavo/quant/schemes.hpp"

using namespace octavo;

#ifdef OCTAVO_COMPILES
using a8 = scheme<symmetric<int8>, per_token>;
#else
using a8 = scheme<symmetric<int8>, per_row>;
#endif

static_assert(path_of<schemes::w8, a8> == path::int8_dot);
