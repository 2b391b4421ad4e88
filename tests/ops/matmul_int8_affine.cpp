// SPDX-License-Identifier: MIT
// matmul on the path int8_dot with zero points on either side, and odd groups, against the plain implementation.
#include "octavo/format/integer.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/check_matmul.hpp"

using namespace octavo;
using namespace octavo::schemes;

TEST_CASE("affine uint4 weights by affine uint8 tokens equal the plain product") {
  test::check_shapes<w4_affine_g<32>, a8_affine>(600);
}
TEST_CASE("affine uint4 weights by symmetric tokens equal the plain product") {
  test::check_shapes<w4_affine_g<64>, a8>(650);
}
TEST_CASE("int8 weights by affine uint8 tokens equal the plain product") { test::check_shapes<w8, a8_affine>(700); }
TEST_CASE("groups of 20 are padded to whole steps and equal the plain product") {
  test::check_shapes<scheme<symmetric<int4, scale_as<bf16>>, per_group<20>>, a8>(750);
}
TEST_CASE("int8 weights in groups of 16 by int8 tokens equal the plain product") {
  test::check_shapes<w8_g<16>, a8>(800);
}
