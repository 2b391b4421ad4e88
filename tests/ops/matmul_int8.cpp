// SPDX-License-Identifier: MIT
// matmul on the path int8_dot, symmetric weights and activations, against the plain implementation.
#include "octavo/format/integer.hpp"
#include "octavo/ops/matmul.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/check_matmul.hpp"

using namespace octavo;
using namespace octavo::schemes;

TEST_CASE("int8 weights per row by int8 tokens equal the plain product") {
  STATIC_REQUIRE(path_of<w8, a8> == path::int8_dot);
  test::check_shapes<w8, a8>(100);
}
TEST_CASE("int4 weights in groups of 128 by int8 tokens equal the plain product") {
  test::check_shapes<w4_g128, a8>(200);
}
TEST_CASE("int4 weights in groups of 32 by int8 tokens equal the plain product") {
  test::check_shapes<w4_g32, a8>(300);
}
TEST_CASE("MXFP4 weights by int8 tokens equal the plain product") {
  STATIC_REQUIRE(path_of<mxfp4, a8> == path::int8_dot);
  test::check_shapes<mxfp4, a8>(400);
}
TEST_CASE("int2 weights in groups of 64 by int8 tokens equal the plain product") {
  test::check_shapes<w2_g64, a8>(500);
}
TEST_CASE("int6 weights in groups of 64 by int8 tokens equal the plain product") {
  test::check_shapes<w6_g<64>, a8>(600);
}
