// SPDX-License-Identifier: MIT
#include "octavo/quant/granularity.hpp"

#include "support/catch.hpp"

using namespace octavo;

TEST_CASE("granularities are told apart") {
  STATIC_REQUIRE(per_group<128>::size == 128);
  STATIC_REQUIRE(detail::is_per_group<per_group<32>>);
  STATIC_REQUIRE_FALSE(detail::is_per_group<per_row>);
  STATIC_REQUIRE(detail::is_per_column<per_column>);
  STATIC_REQUIRE_FALSE(detail::is_per_column<per_row>);
  STATIC_REQUIRE(detail::is_per_token<per_token>);
  STATIC_REQUIRE_FALSE(detail::is_per_token<per_tensor>);
  STATIC_REQUIRE(detail::is_per_tensor<per_tensor>);
  STATIC_REQUIRE_FALSE(detail::is_per_tensor<per_token>);
}
