// SPDX-License-Identifier: MIT
// One matmul: nf4 weights, f32 activations as they are. Budget: 3.5 s.
#include "octavo/ops/matmul.hpp"
#include "octavo/quant/schemes.hpp"

using namespace octavo;

void multiply(quantized_matrix_view<schemes::nf4_g64> w, tokens_view<float const> x, tokens_view<float> y) {
  matmul<as_is>(w, x, y);
}
