// SPDX-License-Identifier: MIT
// Quantizers without scale(), those of vision transformers, x granularities x activations.
#include "octavo/quant/adalog.hpp"
#include "octavo/quant/sulq.hpp"
#include "octavo/quant/twin_uniform.hpp"

#include "support/check_formats.hpp"

#include <type_traits>

using namespace octavo;

TEMPLATE_TEST_CASE("quantizers without a scale equal the plain product everywhere", "", adalog<4>,
                   (adalog<4, log_zero::extra, gelu_outputs>), sulq<4>, (twin_uniform<8, gelu_outputs>)) {
  STATIC_REQUIRE(path_of<scheme<TestType, per_row>, bf16> == path::table_fma);
  test::check_everywhere<TestType, std::is_same_v<TestType, adalog<4>>>();
}

TEST_CASE("AdaLog weights equal the plain product on vectors") { test::check_on_vectors<adalog<4>, as_is, float>(); }
