// SPDX-License-Identifier: MIT
// Tables that are known when the program runs: of a matrix, of rows, of groups.
#include "octavo/quant/codebook.hpp"

#include "support/check_formats.hpp"
#include "support/check_matmul.hpp"

using namespace octavo;

TEST_CASE("a table of a matrix: all shapes equal the plain product") {
  using w = scheme<codebook<4>, per_tensor>;
  STATIC_REQUIRE(path_of<w, float> == path::table_fma);
  STATIC_REQUIRE(panel_layout<w>::param_bytes == 64);
  test::check_shapes<w, as_is>(1800);
}

TEMPLATE_TEST_CASE("other tables equal the plain product on vectors", "", (scheme<codebook<3>, per_tensor>),
                   (scheme<codebook<8>, per_tensor>), (scheme<codebook<4>, per_row>), (scheme<codebook<5>, per_row>),
                   (scheme<codebook<3>, per_group<32>>), (scheme<codebook<2>, per_row>)) {
  if constexpr (has_fma<default_arch>) { test::check_few_shapes<TestType, as_is, float, default_arch>(); }
}
