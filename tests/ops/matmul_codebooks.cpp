// SPDX-License-Identifier: MIT
// Codebooks and logarithms x granularities x activations.
#include "octavo/format/codebook.hpp"
#include "octavo/format/log2.hpp"

#include "support/check_formats.hpp"

#include <type_traits>

using namespace octavo;

TEMPLATE_TEST_CASE("codebooks equal the plain product everywhere", "", nf3, nf2) {
  STATIC_REQUIRE(test::narrowest_path<TestType> == path::table_fma);
  test::check_format<TestType, std::is_same_v<TestType, nf3>>();
}
TEMPLATE_TEST_CASE("codebooks that are stored like nf4 differ in their values", "", bnb_fp4, af4,
                   (log_sqrt2_format<4>)) {
  STATIC_REQUIRE(test::narrowest_path<TestType> == path::table_fma);
  test::check_few_shapes<scheme<symmetric<TestType>, per_row>, as_is, float, scalar>();
  test::check_unpacked<TestType>();
}
TEMPLATE_TEST_CASE("powers of two with a code for 0 equal the plain product", "", (log2_format<4, log_zero::extra>)) {
  STATIC_REQUIRE(test::narrowest_path<TestType> == path::bf16_dot);
  test::check_narrowest<TestType>();
}
