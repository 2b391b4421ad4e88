// SPDX-License-Identifier: MIT
#include "octavo/quant/with_outliers.hpp"

#include "octavo/quant/schemes.hpp"

#include "support/catch.hpp"

#include <type_traits>

using namespace octavo;

TEST_CASE("a scheme with outliers is the scheme, and says how many it keeps") {
  using S = with_outliers<schemes::k4, 3>;
  STATIC_REQUIRE(detail::has_outliers<S>);
  STATIC_REQUIRE_FALSE(detail::has_outliers<schemes::k4>);
  STATIC_REQUIRE_FALSE(detail::has_outliers<float>);
  STATIC_REQUIRE(std::is_same_v<S::dense, schemes::k4>);
  STATIC_REQUIRE(std::is_same_v<S::quantizer, schemes::k4::quantizer>);
  STATIC_REQUIRE(std::is_same_v<S::granularity, schemes::k4::granularity>);
  CHECK(S::outliers == 3);
}
