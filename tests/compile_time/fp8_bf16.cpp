// SPDX-License-Identifier: MIT
// One matmul: FP8 weights, bf16 activations as they are. Budget: 3.5 s.
#include "octavo/ops/matmul.hpp"
#include "octavo/quant/schemes.hpp"

using namespace octavo;

void multiply(quantized_matrix_view<schemes::fp8> w, tokens_view<bf16 const> x, tokens_view<float> y) {
  matmul<as_is>(w, x, y);
}
