// SPDX-License-Identifier: MIT
#include "octavo/quant/scheme.hpp"

#include "octavo/format/integer.hpp"
#include "octavo/quant/affine.hpp"
#include "octavo/quant/symmetric.hpp"

#include "support/catch.hpp"
#include "support/user_quantizer.hpp"

using namespace octavo;

TEST_CASE("a scheme names its quantizer, format and granularity") {
  using s = scheme<symmetric<int4, scale_as<f16>>, per_group<32>>;
  STATIC_REQUIRE(std::is_same_v<s::quantizer, symmetric<int4, scale_as<f16>>>);
  STATIC_REQUIRE(std::is_same_v<s::format, int4>);
  STATIC_REQUIRE(std::is_same_v<s::granularity, per_group<32>>);
  STATIC_REQUIRE(detail::is_scheme<s>);
  STATIC_REQUIRE_FALSE(detail::is_scheme<float>);
}

TEST_CASE("schemes that fit a stored matrix, and those that fit tokens") {
  STATIC_REQUIRE(detail::check_stored_scheme<scheme<symmetric<int4>, per_row>>());
  STATIC_REQUIRE(detail::check_stored_scheme<scheme<affine<uint4>, per_column>>());
  STATIC_REQUIRE(detail::check_stored_scheme<scheme<test::powers_of_two, per_group<32>>>());
  STATIC_REQUIRE(detail::check_operand_scheme<scheme<symmetric<int8>, per_token>>());
  STATIC_REQUIRE(detail::check_operand_scheme<scheme<affine<uint8>, per_tensor>>());
}
