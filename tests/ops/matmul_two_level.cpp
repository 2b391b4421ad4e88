// SPDX-License-Identifier: MIT
// Weights whose scales are quantized themselves.
#include "octavo/quant/schemes.hpp"

#include "support/check_matmul.hpp"

using namespace octavo;
using namespace octavo::schemes;

TEST_CASE("scales and minima of six bits by int8 tokens equal the plain product") {
  STATIC_REQUIRE(path_of<q4_k, a8> == path::int8_dot);
  test::check_shapes<q4_k, a8>(2100);
}
TEST_CASE("scales of int8 by bf16 tokens equal the plain product") { test::check_shapes<q6_k, as_is, bf16>(2200); }
TEST_CASE("scales of e4m3 under one for the matrix by int8 tokens equal the plain product") {
  test::check_shapes<nvfp4, a8>(2300);
}
