// SPDX-License-Identifier: MIT
// matmul with per_column and per_tensor weights, per_tensor tokens and quantizers of the user.
#include "octavo/format/integer.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/check_matmul.hpp"
#include "support/user_quantizer.hpp"

using namespace octavo;
using namespace octavo::schemes;

TEST_CASE("per_column weights fold their scales into the tokens") {
  using columns8 = scheme<symmetric<int8>, per_column>;
  STATIC_REQUIRE(path_of<columns8, a8> == path::int8_dot);
  test::check_shapes<columns8, a8>(900);
}
TEST_CASE("per_column weights with zero points equal the plain product") {
  test::check_shapes<scheme<affine<uint4>, per_column>, a8>(950);
}
TEST_CASE("per_column weights by tokens as they are equal the plain product") {
  test::check_shapes<scheme<symmetric<int8>, per_column>, as_is>(975);
}
TEST_CASE("per_column weights with zero points by tokens as they are equal the plain product") {
  test::check_shapes<scheme<affine<int4>, per_column>, as_is>(985);
}
TEST_CASE("per_tensor weights by per_tensor tokens equal the plain product") {
  test::check_shapes<scheme<symmetric<int8>, per_tensor>, scheme<symmetric<int8>, per_tensor>>(1000);
}
TEST_CASE("a quantizer without scale() is asked for every value") {
  using user = scheme<test::powers_of_two, per_group<32>>;
  STATIC_REQUIRE(path_of<user, float> == path::table_fma);
  test::check_shapes<user, as_is>(1050);
}
TEST_CASE("a linear quantizer of the user works on both sides") {
  using user_rows = scheme<test::coarse_int8, per_row>;
  using user_tokens = scheme<test::coarse_int8, per_token>;
  STATIC_REQUIRE(path_of<user_rows, user_tokens> == path::int8_dot);
  test::check_shapes<user_rows, user_tokens>(1100);
}
