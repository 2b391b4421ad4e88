// SPDX-License-Identifier: MIT
// A matmul that is compiled in one translation unit and only declared in all others: include/octavo/ops/README.md.
#pragma once

#include "octavo/fwd.hpp"  // declares what the others define
#include "octavo/ops/matmul.hpp"
#include "octavo/quant/schemes.hpp"

namespace test {
using weights_view = octavo::quantized_matrix_view<octavo::schemes::w4_g32>;
using tokens_in = octavo::tokens_view<float const>;
using tokens_out = octavo::tokens_view<float>;
}  // namespace test

extern template void octavo::matmul<octavo::schemes::a8>(test::weights_view const&, test::tokens_in const&,
                                                         test::tokens_out&);
