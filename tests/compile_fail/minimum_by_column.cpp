// expect: Octavo: per_column folds the scale of a column into the activations, where a minimum cannot go.
#include "octavo/quant/schemes.hpp"
#include "octavo/storage/panel.hpp"

using namespace octavo;

#if defined(OCTAVO_COMPILES)
using granularity = per_row;
#else
using granularity = per_column;
#endif

int main() { return panel_layout<scheme<affine_min<uint4>, granularity>>::bits - 4; }
