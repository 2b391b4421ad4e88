// SPDX-License-Identifier: MIT
#include "octavo/calibration/quantize_with.hpp"

#include "octavo/calibration/clip_search.hpp"
#include "octavo/calibration/percentile.hpp"
#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/catch.hpp"
#include "support/matrix.hpp"
#include "support/user_quantizer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace octavo;
using namespace octavo::calibration;
using namespace octavo::schemes;

namespace {

template <class S, class T = float>
bool same_as_quantize(octavo::index rows, octavo::index cols) {
  test::matrix<T> const w(rows, cols, 3);
  auto const expected = quantize<S>(w, on<scalar>());
  auto const got = quantize_with<S>(w);
  return got.rows() == rows && got.cols() == cols && got.size_bytes() == expected.size_bytes() &&
         std::equal(got.data(), got.data() + got.size_bytes(), expected.data());
}

template <class S, class Fit>
double error(test::matrix<float> const& w, Fit const& fit) {
  auto const q = quantize_with<S>(w, fit);
  double sum = 0;
  for (octavo::index r = 0; r < w.rows(); ++r) {
    for (octavo::index c = 0; c < w.cols(); ++c) { sum += std::pow(double{q.view()(r, c)} - double{w(r, c)}, 2.0); }
  }
  return sum;
}

/// The search may not lose, and wins where groups are large against the number of levels.
template <class S>
void search_wins() {
  test::matrix<float> const w(20, 150, 9);
  CHECK(error<S>(w, omse) < error<S>(w, extremes{}));
}

}  // namespace

TEST_CASE("with the extremes the bytes are those of quantize, for any scheme and shape") {
  for (octavo::index const rows : {0, 1, 67}) {
    for (octavo::index const cols : {0, 1, 70}) {
      INFO(rows << " x " << cols);
      CHECK(same_as_quantize<w8>(rows, cols));
      CHECK(same_as_quantize<scheme<symmetric<int4>, per_tensor>>(rows, cols));
      CHECK(same_as_quantize<w4_affine_g<32>>(rows, cols));
      CHECK(same_as_quantize<w4_min_g<32>>(rows, cols));
      CHECK(same_as_quantize<mxfp4>(rows, cols));
      CHECK(same_as_quantize<scheme<test::powers_of_two, per_group<20>>>(rows, cols));
      CHECK(same_as_quantize<q4_k>(rows, cols));
      CHECK(same_as_quantize<nvfp4>(rows, cols));
      CHECK(same_as_quantize<spqr<3>>(rows, cols));
    }
  }
  CHECK(same_as_quantize<w4_g32, bf16>(3, 70));
  CHECK(same_as_quantize<w4_g32, f16>(3, 70));
}

TEST_CASE("the search lessens the error per tensor, per row, per group, symmetric, affine, float") {
  search_wins<scheme<symmetric<int4>, per_tensor>>();
  search_wins<w4>();
  search_wins<w4_g32>();
  search_wins<w4_affine_g<64>>();
  search_wins<w4_min_g<64>>();
  search_wins<w2_g64>();
  search_wins<nf4_g64>();
  search_wins<q2_k>();
  search_wins<spqr<3>>();
  search_wins<lq_lora<nf3>>();
  search_wins<fp8>();
}

TEST_CASE("a weight that is not finite is an error with its place") {
  test::matrix<float> w(3, 4, 1);
  w(2, 1) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(
      (void)quantize_with<w8>(w),
      "quantize_with: not finite is the element in row 2, column 1. Look for an overflow in what made it.");
}
