// expect: Octavo: scales are quantized where there are many: with per_group<G>. per_row, per_tensor and per_column have
// a few,
#include "octavo/quant/schemes.hpp"
#include "octavo/storage/panel.hpp"

using namespace octavo;

#ifdef OCTAVO_COMPILES
using rows = per_group<64>;
#else
using rows = per_row;
#endif

static_assert(panel_layout<scheme<schemes::nf4_dq::quantizer, rows>>::two_level);
