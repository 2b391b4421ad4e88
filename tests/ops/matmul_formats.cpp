// SPDX-License-Identifier: MIT
// Formats of integers x granularities x activations. (Minifloats and tables: matmul_minifloats.cpp,
// matmul_codebooks.cpp.)
#include "octavo/format/codebook.hpp"
#include "octavo/format/integer.hpp"

#include "support/check_formats.hpp"

#include <type_traits>

using namespace octavo;

TEMPLATE_TEST_CASE("integers equal the plain product everywhere", "", int3, int6, ternary, (fixed<8, 6>)) {
  STATIC_REQUIRE(test::narrowest_path<TestType> == path::int8_dot);
  test::check_format<TestType, std::is_same_v<TestType, int3>>();
}
TEMPLATE_TEST_CASE("integers that are stored like these equal it on their path", "", int5, iq4_nl) {
  STATIC_REQUIRE(test::narrowest_path<TestType> == path::int8_dot);
  test::check_narrowest<TestType>();
}
