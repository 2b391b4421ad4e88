// SPDX-License-Identifier: MIT
// matmul with weights that have a minimum in each group, against the plain implementation, on every path.
#include "octavo/kernel/minima.hpp"

#include "octavo/ops/dequantize.hpp"
#include "octavo/quant/schemes.hpp"
#include "octavo/reference/matmul.hpp"
#include "octavo/storage/panel_writer.hpp"

#include "support/check_matmul.hpp"

#include <cmath>
#include <limits>

using namespace octavo;
using namespace octavo::schemes;

namespace {
using by_row = scheme<affine_min<uint4>, per_row>;
using by_tensor = scheme<affine_min<uint8, scale_as<bf16>>, per_tensor>;

/// Few tokens by more panels than are multiplied at once: sums of the next ones begin while these are multiplied, some
/// groups behind; rows of up to eight groups and of more.
template <class S, class A, class X = float>
void check_next_panels() {
  for (octavo::index const tokens : {1, 2}) {
    for (octavo::index const cols : {31, 256, 300, 700}) {
      auto const w = quantize<S>(test::matrix<float>(790, cols, 1700), on<scalar>());
      test::matrix<X> const x(cols, tokens, 1701);
      test::matrix<float> y(790, tokens);
      matmul<A>(w, x, y);
      INFO(cols << " columns, tokens " << tokens);
      CHECK(test::differences(y, test::plain_matmul<test::activation_of<A, X>>(w.view(), x)) == 0);
    }
  }
}

/// Packed bytes with `bad` for the last minimum of row 17: no product with the row is finite, all else is as without
/// it.
template <class S, class A, class X = float>
void check_bad_minimum(float bad) {
  auto const clean = quantize<S>(test::matrix<float>(66, 70, 1600), on<scalar>());
  auto w = clean;
  auto const layout = w.view().layout();
  octavo::index const g = layout.groups() - 1;
  detail::panel_writer<S>(layout, w.data()).put_params(17, g, {w.view().scale_at(17, g), bad, 0.0f});
  test::matrix<X> x(70, 11, 1601);
  for (octavo::index k = 0; k < 70; ++k) { x(k, 4) = X(0.0f); }
  test::check_product<A>(w, x);
  using activation = test::activation_of<A, X>;
  auto const y = test::plain_matmul<activation>(w.view(), x);
  auto const clean_y = test::plain_matmul<activation>(clean.view(), x);
  test::matrix<float> values(66, 70);
  dequantize(w, values);
  int wrong = 0;
  for (octavo::index r = 0; r < 66; ++r) {
    for (octavo::index t = 0; t < 11; ++t) {
      wrong += r == 17 ? std::isfinite(y(r, t)) : !test::same_bits(y(r, t), clean_y(r, t));
    }
    for (octavo::index c = 0; c < 70; ++c) {
      float const expected = r == 17 && c / layout.group() == g ? bad : clean.view()(r, c);
      wrong += !test::same_bits(values(r, c), expected);
    }
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("minima of groups by int8 tokens equal the plain product") {
  STATIC_REQUIRE(path_of<w4_min_g<32>, a8> == path::int8_dot);
  test::check_shapes<w4_min_g<32>, a8>(1100);
}
TEST_CASE("minima of bytes by int8 tokens equal the plain product") { test::check_shapes<by_tensor, a8>(1250); }
TEST_CASE("minima of rows by tokens with a zero point equal the plain product") {
  test::check_shapes<by_row, a8_affine>(1300);
}
TEST_CASE("minima by floats equal the plain product") { test::check_shapes<w4_min_g<32>, as_is, float>(1400); }
TEST_CASE("minima by bf16 equal the plain product") {
  STATIC_REQUIRE(path_of<w4_min_g<32>, bf16> == path::bf16_dot);
  test::check_shapes<w4_min_g<32>, as_is, bf16>(1500);
}

TEST_CASE("minima of the next panels, of every kind, equal the plain product") {
  check_next_panels<w4_min_g<32>, a8>();
  check_next_panels<w4_min_g<32>, as_is, bf16>();
  check_next_panels<q4_k, a8>();
  check_next_panels<spqr<4>, a8>();
}

TEST_CASE("minima that are NaN or infinite stay in their row") {
  constexpr float inf = std::numeric_limits<float>::infinity();
  for (float const bad : {std::nanf(""), inf, -inf}) {
    check_bad_minimum<w4_min_g<32>, a8>(bad);
    check_bad_minimum<by_row, a8_affine>(bad);
    check_bad_minimum<w4_min_g<32>, as_is>(bad);
    check_bad_minimum<w4_min_g<32>, as_is, bf16>(bad);
  }
}

TEST_CASE("the product with minima is that of the values") {
  test::matrix<float> dense(70, 200, 3);
  for (octavo::index c = 0; c < 200; ++c) {
    for (octavo::index r = 0; r < 70; ++r) { dense(r, c) += 5.0f; }  // far from 0: minima carry most of the product
  }
  auto const w = quantize<w4_min_g<32>>(dense);
  test::matrix<float> const x(200, 3, 4);
  test::matrix<float> y(70, 3);
  matmul(w, x, y);
  for (octavo::index t = 0; t < 3; ++t) {
    std::vector<double> const token(x.data() + t * 200, x.data() + (t + 1) * 200);
    auto const exact = reference::matmul(w.view(), token);
    for (octavo::index r = 0; r < 70; ++r) {
      CHECK(std::fabs(static_cast<double>(y(r, t)) - exact[static_cast<std::size_t>(r)]) < 1e-3);
    }
  }
}
