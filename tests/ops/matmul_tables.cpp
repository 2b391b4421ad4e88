// SPDX-License-Identifier: MIT
// matmul on the path table_fma: codebooks, and element types of x and y.
#include "octavo/format/codebook.hpp"
#include "octavo/format/minifloat.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/check_matmul.hpp"

using namespace octavo;
using namespace octavo::schemes;

TEST_CASE("nf4 weights by f32 tokens equal the plain product") {
  STATIC_REQUIRE(path_of<nf4_g64, float> == path::table_fma);
  test::check_shapes<nf4_g64, as_is>(1500);
}
TEST_CASE("nf4 weights by int8 tokens equal the plain product") { test::check_shapes<nf4_g64, a8>(1550); }
TEST_CASE("f16 tokens in, f16 out") { test::check_shapes<w8, as_is, f16, f16>(1600); }
TEST_CASE("bf16 tokens in, bf16 out") { test::check_shapes<w4_g32, a8, bf16, bf16>(1650); }
TEST_CASE("f16 tokens in, f32 out, quantized on the fly") { test::check_shapes<w4_g32, a8, f16, float>(1700); }
TEST_CASE("e5m2 weights by bf16 tokens equal the plain product") { test::check_shapes<fp8_e5m2, as_is, bf16>(1750); }
