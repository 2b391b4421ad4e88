// SPDX-License-Identifier: MIT
// One matmul: int8 weights, int8 activations. Budget: 3.5 s.
#include "octavo/ops/matmul.hpp"
#include "octavo/quant/schemes.hpp"

using namespace octavo;

void multiply(quantized_matrix_view<schemes::w8> w, tokens_view<float const> x, tokens_view<float> y) {
  matmul<schemes::a8>(w, x, y);
}
