// SPDX-License-Identifier: MIT
// Packing weights: int4 in groups. Budget: 3.5 s.
#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

using namespace octavo;

quantized_matrix<schemes::w4_g128> pack(matrix_view<float> w) { return quantize<schemes::w4_g128>(w); }
