// SPDX-License-Identifier: MIT
#include "extern_template.hpp"

#include "octavo/ops/quantize.hpp"

#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"

TEST_CASE("a matmul that another translation unit instantiates") {
  auto const w = octavo::quantize<octavo::schemes::w4_g32>(test::matrix<float>(65, 70, 1));
  test::matrix<float> const x(70, 3, 2);
  test::matrix<float> y(65, 3);
  test::matrix<float> expected(65, 3);
  test::weights_view const view = w.view();
  test::tokens_in const in(x.data(), 70, 3, 70);
  test::tokens_out out(y.data(), 65, 3, 65);
  octavo::matmul<octavo::schemes::a8>(view, in, out);
  octavo::matmul<octavo::schemes::a8>(w, x, expected);
  CHECK(test::differences(y, expected) == 0);
}
