// SPDX-License-Identifier: MIT
// Minifloats x granularities x activations.
#include "octavo/format/minifloat.hpp"

#include "support/check_formats.hpp"

#include <type_traits>

using namespace octavo;

TEMPLATE_TEST_CASE("minifloats with integer values equal the plain product everywhere", "", e2m3, e3m0) {
  STATIC_REQUIRE(test::narrowest_path<TestType> == path::int8_dot);
  test::check_format<TestType>();
}
TEMPLATE_TEST_CASE("minifloats with bf16 values equal the plain product everywhere", "", e3m2, e3m4) {
  STATIC_REQUIRE(test::narrowest_path<TestType> == path::bf16_dot);
  test::check_format<TestType, std::is_same_v<TestType, e3m2>>();
}
TEMPLATE_TEST_CASE("minifloats that are stored like these equal it on their path", "", e1m2, e2m5) {
  STATIC_REQUIRE(test::narrowest_path<TestType> != path::table_fma);
  test::check_narrowest<TestType>();
}
