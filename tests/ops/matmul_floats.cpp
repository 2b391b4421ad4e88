// SPDX-License-Identifier: MIT
// matmul on the paths bf16_dot and table_fma against the plain implementation.
#include "octavo/format/codebook.hpp"
#include "octavo/format/minifloat.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/check_matmul.hpp"

using namespace octavo;
using namespace octavo::schemes;

TEST_CASE("e4m3 weights by bf16 tokens equal the plain product") {
  STATIC_REQUIRE(path_of<fp8, bf16> == path::bf16_dot);
  test::check_shapes<fp8, as_is, bf16>(1200);
}
TEST_CASE("e4m3 weights by f32 tokens equal the plain product") {
  STATIC_REQUIRE(path_of<fp8, float> == path::table_fma);
  test::check_shapes<fp8, as_is>(1250);
}
TEST_CASE("e4m3 weights by e4m3 tokens equal the plain product") {
  using a_fp8 = scheme<symmetric<e4m3>, per_token>;
  STATIC_REQUIRE(path_of<fp8, a_fp8> == path::bf16_dot);
  test::check_shapes<fp8, a_fp8>(1300);
}
TEST_CASE("int4 weights in groups of 128 by bf16 tokens equal the plain product") {
  STATIC_REQUIRE(path_of<w4_g128, bf16> == path::bf16_dot);
  test::check_shapes<w4_g128, as_is, bf16>(1350);
}
TEST_CASE("affine uint4 weights by bf16 tokens equal the plain product") {
  test::check_shapes<w4_affine_g<32>, as_is, bf16>(1400);
}
