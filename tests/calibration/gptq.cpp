// SPDX-License-Identifier: MIT
#include "octavo/calibration/gptq.hpp"

#include "octavo/calibration/awq.hpp"
#include "octavo/calibration/clip_search.hpp"
#include "octavo/quant/schemes.hpp"

#include "calibration/golden/layer.hpp"
#include "calibration/layer.hpp"
#include "support/catch.hpp"
#include "support/user_quantizer.hpp"

#include <Eigen/Dense>
#include <limits>
#include <vector>

using namespace octavo;
using namespace octavo::calibration;
using namespace octavo::schemes;
using test::gram_of;

namespace {

/// Codes and error of the output against those of NumPy.
template <class S>
void check_golden(test::layer const& l, quantized_matrix<S> const& q, char const* const* codes, double error) {
  octavo::index different = 0;
  for (octavo::index r = 0; r < l.w.rows(); ++r) {
    for (octavo::index c = 0; c < l.w.cols(); ++c) {
      different += "0123456789abcdef"[q.view().code_at(r, c)] != codes[r][c] ? 1 : 0;
    }
  }
  CHECK(different == 0);
  CHECK(output_error(l.w, q.view(), gram_of(l.x)) == Approx(error).epsilon(1e-6));
}

/// How much of the error of plain rounding is left.
template <class S, class Fit = extremes>
double left(gptq_options const& options = {}, Fit const& fit = {}) {
  test::layer const l(70, 150, 400, 5);
  auto const h = gram_of(l.x);
  double const plain = output_error(l.w, quantize_with<S>(l.w, fit).view(), h);
  return output_error(l.w, gptq<S>(l.w, h, fit, options).view(), h) / plain;
}

}  // namespace

TEST_CASE("GPTQ's worked core: a fixed scale, no damping") {
  Eigen::MatrixXd h(3, 3);
  h << 2, 1.5, 0.5, 1.5, 3, 1, 0.5, 1, 1;
  Eigen::MatrixXf w(1, 3);
  w << 0.71f, -0.48f, 0.33f;
  auto const fixed = [](std::span<float const>) { return symmetric<int4>::params{0.2f, 5.0f}; };
  auto const q = gptq<w4>(w, h, fixed, {.damping = 0});
  CHECK(int4::decode(q.view().code_at(0, 0)) == 4);
  CHECK(int4::decode(q.view().code_at(0, 1)) == -3);
  CHECK(int4::decode(q.view().code_at(0, 2)) == 2);
  CHECK(output_error(w, q.view(), h) == Approx(0.0214).epsilon(1e-5));
  CHECK(output_error(w, quantize_with<w4>(w, fixed).view(), h) == Approx(0.0794).epsilon(1e-5));
  Eigen::MatrixXd upper(3, 3);
  upper << 0.894427, -0.447214, 0, 0, 0.707107, -0.707107, 0, 0, 1;
  CHECK((detail::gptq_factor(h, {.damping = 0}).upper - upper).cwiseAbs().maxCoeff() < 1e-6);
}

TEST_CASE("GPTQ's worked layer: 3 bits, affine, damped") {
  using S = scheme<affine<octavo::uint<3>>, per_row>;
  Eigen::MatrixXf x(3, 4);
  x << 1, 0.2f, -0.7f, 0.4f, 0.5f, -1, 0.3f, 0.9f, -0.3f, 0.8f, 1.1f, 0.2f;
  Eigen::MatrixXf w(2, 3);
  w << 0.62f, -0.35f, 0.18f, 0.9f, 0.41f, -0.77f;
  auto const h = gram_of(x);
  auto const q = gptq<S>(w, h);
  int const codes[] = {7, 1, 4, 7, 5, 0};
  for (int i = 0; i < 6; ++i) { CHECK(q.view().code_at(i / 3, i % 3) == codes[i]); }
  CHECK(q.view().scale_at(0, 0) == Approx(0.13857143));
  CHECK(q.view().scale_at(1, 0) == Approx(0.23857143));
  CHECK(q.view().zero_at(0, 0) == 3);
  CHECK(q.view().zero_at(1, 0) == 3);
  CHECK(q.view()(0, 0) == Approx(0.55428571));
  CHECK(q.view()(0, 1) == Approx(-0.27714286));
  CHECK(4 * output_error(w, q.view(), h) == Approx(0.03162563).epsilon(1e-6));
  CHECK(4 * output_error(w, quantize_with<S>(w).view(), h) == Approx(0.03264117).epsilon(1e-6));
  Eigen::MatrixXd upper(3, 3);
  upper << 1.22611219, -0.15815874, 0.47418389, 0, 0.98233653, 0.21617889, 0, 0, 1.00015003;
  CHECK((detail::gptq_factor(2 * h, {}).upper - upper).cwiseAbs().maxCoeff() < 1e-7);
}

TEST_CASE("GPTQ gives NumPy's codes: groups, a search, groups across blocks, descending order, dead features") {
  test::layer l(6, 160, 300, 1);
  auto const h = gram_of(l.x);
  using sym = symmetric<int4>;
  using g32 = scheme<sym, per_group<32>>;
  check_golden(l, gptq<g32>(l.w, h), test::golden::group_codes, test::golden::group_error);
  check_golden(l, gptq<scheme<affine<uint4>, per_group<48>>>(l.w, h, omse), test::golden::search_codes,
               test::golden::search_error);
  check_golden(l, gptq<w4>(l.w, h, extremes{}, {.descending = true}), test::golden::row_codes,
               test::golden::row_error);
  check_golden(l, gptq<scheme<affine<uint4>, per_group<32>>>(l.w, h, output_clip(h)), test::golden::clip_codes,
               test::golden::clip_error);
  l.x.row(7).setZero();
  auto const q = gptq<g32>(l.w, gram_of(l.x));
  check_golden(l, q, test::golden::dead_codes, test::golden::dead_error);
  CHECK(q.view()(3, 7) == 0.0f);
}

TEST_CASE("where features are correlated GPTQ leaves a third of the error, for any scheme") {
  CHECK(left<w4>() < 0.33);
  CHECK(left<w4_g32>() < 0.33);
  CHECK(left<w4_affine_g<32>>() < 0.33);
  CHECK(left<w4_min_g<32>>() < 0.33);
  CHECK(left<scheme<symmetric<int4>, per_tensor>>() < 0.33);
  CHECK(left<w8>() < 0.33);
  CHECK(left<mxfp4>() < 0.5);
  CHECK(left<nf4_g64>() < 0.33);
  CHECK(left<scheme<test::powers_of_two, per_group<20>>>() < 0.5);
  CHECK(left<w2_g64>() < 0.5);
  CHECK(left<q4_k>() < 0.33);
  CHECK(left<spqr<4>>() < 0.33);
  CHECK(left<nvfp4>() < 0.5);
  CHECK(left<w4_g32>({}, omse) < 0.33);
  CHECK(left<w4_g32>({.static_groups = true}) < 0.33);
  CHECK(left<w4_g32>({.descending = true}) < 0.33);
}

TEST_CASE("a row does not depend on the others, nor H on a factor") {
  test::layer const l(70, 150, 400, 5);
  auto const h = gram_of(l.x);
  auto const all = gptq<w4_g32>(l.w, h);
  Eigen::MatrixXf const row = l.w.row(66);
  auto const one = gptq<w4_g32>(row, h);
  auto const doubled = gptq<w4_g32>(row, 1024 * h);
  octavo::index different = 0;
  for (octavo::index c = 0; c < 150; ++c) {
    different += all.view()(66, c) != one.view()(0, c) || doubled.view()(0, c) != one.view()(0, c) ? 1 : 0;
  }
  CHECK(different == 0);
}

TEST_CASE("progress is told after each panel, and empty matrices need none") {
  test::layer const l(130, 20, 60, 5);
  std::vector<octavo::index> told;
  (void)gptq<w4>(l.w, gram_of(l.x), extremes{}, {.progress = [&](octavo::index done, octavo::index all) {
                   told.push_back(done);
                   CHECK(all == 130);
                 }});
  CHECK(told == std::vector<octavo::index>{64, 128, 130});
  CHECK(gptq<w4>(Eigen::MatrixXf(0, 20), gram_of(l.x)).size_bytes() == 0);
  CHECK(gptq<w4>(Eigen::MatrixXf(5, 0), Eigen::MatrixXd(0, 0)).size_bytes() == 0);
}

TEST_CASE("a Gram matrix of too few tokens is damped, one that is none is an error") {
  test::layer const l(3, 40, 10, 6);
  auto const h = gram_of(l.x);
  auto const q = gptq<w4>(l.w, h);
  CHECK(output_error(l.w, q.view(), h) < output_error(l.w, quantize_with<w4>(l.w).view(), h));
  Eigen::MatrixXd none = -h;
  CHECK_THROWS_WITH(gptq<w4>(l.w, none), Catch::Contains("the Gram matrix has features 40, that are not 0: 0"));
  none = h;
  none(0, 1) = none(1, 0) = 10 * h(0, 0) + 10;
  CHECK_THROWS_WITH(gptq<w4>(l.w, none),
                    "gptq: the Gram matrix of features 40, is not positive definite, nor with the "
                    "damping raised times 3. Pass X Xᵀ of more tokens, or a larger damping.");
  CHECK_THROWS_AS(gptq<w4>(l.w, Eigen::MatrixXd::Zero(40, 40)), std::invalid_argument);
}

TEST_CASE("GPTQ refuses extents that differ, elements that are not finite, a negative damping") {
  Eigen::MatrixXf w = Eigen::MatrixXf::Ones(2, 3);
  Eigen::MatrixXd h = Eigen::MatrixXd::Identity(3, 3);
  CHECK_THROWS_WITH(gptq<w4>(w, Eigen::MatrixXd::Identity(4, 4)),
                    "gptq: the Gram matrix has features 4, W has columns 3. It is square, X Xᵀ of the inputs of W.");
  CHECK_THROWS_WITH(gptq<w4>(w, h, extremes{}, {.damping = -1}), Catch::Contains("damping must not be negative"));
  h(1, 2) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(gptq<w4>(w, h), Catch::Contains("not finite is the Gram matrix"));
  h(1, 2) = 0;
  w(1, 0) = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH(gptq<w4>(w, h), Catch::Contains("in row 1, column 0"));
}
