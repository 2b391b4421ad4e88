// SPDX-License-Identifier: MIT
#include "octavo/quant/first_in_float.hpp"

#include "octavo/quant/schemes.hpp"

#include "support/catch.hpp"

#include <type_traits>

using namespace octavo;

TEST_CASE("a scheme with first tokens in float is the scheme, and says how many they are") {
  using S = first_in_float<schemes::k4, 4>;
  STATIC_REQUIRE(detail::first_of<S> == 4);
  STATIC_REQUIRE(detail::first_of<schemes::k4> == 0);
  STATIC_REQUIRE(detail::first_of<float> == 0);
  STATIC_REQUIRE(std::is_same_v<S::coded, schemes::k4>);
  STATIC_REQUIRE(std::is_same_v<S::granularity, schemes::k4::granularity>);
  using T = first_in_float<with_outliers<schemes::k4, 2>, 1>;
  STATIC_REQUIRE(std::is_same_v<T::coded, with_outliers<schemes::k4, 2>>);
  CHECK(T::first == 1);
}
