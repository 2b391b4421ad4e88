// SPDX-License-Identifier: MIT
#include "octavo/kernel/path.hpp"

#include "octavo/quant/schemes.hpp"

#include "support/catch.hpp"
#include "support/user_quantizer.hpp"

#include <string_view>

using namespace octavo;
using namespace octavo::schemes;

using a_fp8 = scheme<symmetric<e4m3>, per_token>;
using a_fp4 = scheme<symmetric<e2m1>, per_token>;
using columns8 = scheme<symmetric<int8>, per_column>;
using columns_fp8 = scheme<symmetric<e4m3>, per_column>;
using user = scheme<test::powers_of_two, per_row>;

TEST_CASE("integers by integers take the integer dot product") {
  STATIC_REQUIRE(path_of<w8, a8> == path::int8_dot);
  STATIC_REQUIRE(path_of<w4_g128, a8> == path::int8_dot);
  STATIC_REQUIRE(path_of<w2_g64, a8> == path::int8_dot);
  STATIC_REQUIRE(path_of<mxfp4, a8> == path::int8_dot);
  STATIC_REQUIRE(path_of<mxfp4, a_fp4> == path::int8_dot);
  STATIC_REQUIRE(path_of<w4_affine_g<32>, a8_affine> == path::int8_dot);
  STATIC_REQUIRE(path_of<columns8, a8> == path::int8_dot);
}

TEST_CASE("numbers of bf16 take the bf16 dot product") {
  STATIC_REQUIRE(path_of<fp8, bf16> == path::bf16_dot);
  STATIC_REQUIRE(path_of<fp8_e5m2, bf16> == path::bf16_dot);
  STATIC_REQUIRE(path_of<fp8, a_fp8> == path::bf16_dot);
  STATIC_REQUIRE(path_of<fp8, a8> == path::bf16_dot);
  STATIC_REQUIRE(path_of<w4_g128, bf16> == path::bf16_dot);
  STATIC_REQUIRE(path_of<w8, a_fp8> == path::bf16_dot);
  STATIC_REQUIRE(path_of<w4_affine_g<32>, bf16> == path::bf16_dot);
}

TEST_CASE("everything else takes f32 fma") {
  STATIC_REQUIRE(path_of<w8, float> == path::table_fma);
  STATIC_REQUIRE(path_of<w8, f16> == path::table_fma);
  STATIC_REQUIRE(path_of<fp8, float> == path::table_fma);
  STATIC_REQUIRE(path_of<nf4_g64, a8> == path::table_fma);
  STATIC_REQUIRE(path_of<nf4_g64, bf16> == path::table_fma);
  STATIC_REQUIRE(path_of<user, a8> == path::table_fma);
  STATIC_REQUIRE(path_of<columns_fp8, bf16> == path::table_fma);
  STATIC_REQUIRE(path_of<columns8, bf16> == path::table_fma);
}

TEST_CASE("paths have names") {
  CHECK(std::string_view(path_name(path::int8_dot)) == "int8_dot");
  CHECK(std::string_view(path_name(path::bf16_dot)) == "bf16_dot");
  CHECK(std::string_view(path_name(path::table_fma)) == "table_fma");
}
