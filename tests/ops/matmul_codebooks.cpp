// SPDX-License-Identifier: MIT
// Codebooks and logarithms x granularities x activations.
#include "octavo/format/codebook.hpp"
#include "octavo/format/log2.hpp"

#include "support/check_formats.hpp"

using namespace octavo;

TEMPLATE_TEST_CASE("codebooks equal the plain product everywhere", "", nf3, nf2, af4, bnb_fp4) {
  STATIC_REQUIRE(test::narrowest_path<TestType> == path::table_fma);
  test::check_format<TestType>();
}
TEMPLATE_TEST_CASE("logarithms equal the plain product everywhere", "", (log_sqrt2_format<4>),
                   (log2_format<4, log_zero::extra>)) {
  test::check_format<TestType>();
}
