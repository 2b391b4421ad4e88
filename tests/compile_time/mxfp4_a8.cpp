// SPDX-License-Identifier: MIT
// One matmul: FP4 weights by lookup, int8 activations. Budget: 3.5 s.
#include "octavo/ops/matmul.hpp"
#include "octavo/quant/schemes.hpp"

using namespace octavo;

void multiply(quantized_matrix_view<schemes::mxfp4> w, tokens_view<float const> x, tokens_view<float> y) {
  matmul<schemes::a8>(w, x, y);
}
