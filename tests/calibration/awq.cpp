// SPDX-License-Identifier: MIT
#include "octavo/calibration/awq.hpp"

#include "octavo/calibration/gptq.hpp"
#include "octavo/quant/schemes.hpp"

#include "calibration/golden/layer.hpp"
#include "calibration/layer.hpp"
#include "support/catch.hpp"

#include <Eigen/Dense>
#include <iterator>
#include <limits>
#include <vector>

using namespace octavo;
using namespace octavo::calibration;
using namespace octavo::schemes;

namespace {

struct statistics {
  calibration::inputs seen;
  calibration::gram pairs;
  explicit statistics(Eigen::MatrixXf const& x) : seen(x.rows()), pairs(x.rows()) {
    seen.add(x);
    pairs.add(x);
  }
};

using sym_g32 = scheme<symmetric<int4>, per_group<32>>;

}  // namespace

TEST_CASE("the worked factors: ratios 0, 1/4 and 1/2 of the mean |x|") {
  std::vector<float> const mean_abs = {4, 0.25f, 1};
  CHECK(awq_factors(mean_abs, 0) == std::vector<float>{1, 1, 1});
  CHECK(awq_factors(mean_abs, 0.5) == std::vector<float>{2, 0.5f, 1});
  auto const s = awq_factors(mean_abs, 0.25);
  CHECK(s[0] == Approx(1.41421356));
  CHECK(s[1] == Approx(0.70710678));
  CHECK(s[2] == Approx(1));
  std::vector<float> const silent = {1, 0};
  CHECK(awq_factors(silent, 1) == std::vector<float>{100, 0.01f});
}

TEST_CASE("AWQ finds NumPy's errors, ratio and factors") {
  test::layer const l(6, 96, 200, 2, true);
  statistics const s(l.x);
  auto const found = awq_scales<sym_g32>(s.seen.mean_abs(), s.pairs.mean(), extremes{}, {}, l.w);
  CHECK(found.ratio == Approx(test::golden::awq_best / 20.0));
  CHECK(found.error == Approx(test::golden::awq_errors[test::golden::awq_best]).epsilon(1e-5));
  CHECK(found.error_without == Approx(test::golden::awq_errors[0]).epsilon(1e-5));
  for (std::size_t i = 0; i < std::size(test::golden::awq_factors); ++i) {
    CHECK(found.factors[i] == Approx(test::golden::awq_factors[i]).epsilon(1e-6));
  }
}

TEST_CASE(
    "with strong features AWQ leaves a third of the error, GPTQ on top of it less, several matrices share factors") {
  test::layer const l(40, 96, 300, 8, true);
  test::layer const other(24, 96, 1, 9);
  statistics const s(l.x);
  auto const h = s.pairs.mean();
  octavo::index told = 0;
  auto const found =
      awq_scales<sym_g32>(s.seen.mean_abs(), h, extremes{},
                          {.progress = [&](octavo::index done, octavo::index) { told = done; }}, l.w, other.w);
  CHECK(told == 20);
  CHECK(found.error < found.error_without / 3);
  double const plain = output_error(l.w, quantize_with<sym_g32>(l.w).view(), h) +
                       output_error(other.w, quantize_with<sym_g32>(other.w).view(), h);
  CHECK(found.error_without == Approx(plain).epsilon(1e-6));

  auto const h_after = divide_features(h, found.factors);
  auto const after = [&](Eigen::MatrixXf w, auto const& pack) {
    multiply_columns(w, found.factors);
    return output_error(w, pack(w).view(), h_after);
  };
  auto const rounded = [](Eigen::MatrixXf const& w) { return quantize_with<sym_g32>(w); };
  CHECK(after(l.w, rounded) + after(other.w, rounded) == Approx(found.error).epsilon(1e-3));
  CHECK(after(l.w, [&](Eigen::MatrixXf const& w) { return gptq<sym_g32>(w, h_after); }) < 0.5 * after(l.w, rounded));
  CHECK(after(l.w, [&](Eigen::MatrixXf const& w) { return quantize_with<sym_g32>(w, output_clip(h_after)); }) <
        after(l.w, rounded));
}

TEST_CASE("the clip lessens the output's error of every group") {
  test::layer const l(40, 96, 300, 8);
  auto const h = statistics(l.x).pairs.mean();
  auto const group_error = [&](auto const& q, octavo::index r, octavo::index g) {
    Eigen::RowVectorXd e(32);
    for (octavo::index k = 0; k < 32; ++k) { e[k] = double{q.view()(r, g * 32 + k)} - double{l.w(r, g * 32 + k)}; }
    return (e * h.block(g * 32, g * 32, 32, 32)).dot(e);
  };
  auto const compare = [&](auto const& plain, auto const& clipped) {
    octavo::index less = 0;
    for (octavo::index r = 0; r < 40; ++r) {
      for (octavo::index g = 0; g < 3; ++g) {
        CHECK(group_error(clipped, r, g) <= group_error(plain, r, g) * (1 + 1e-9));
        less += group_error(clipped, r, g) < 0.9 * group_error(plain, r, g) ? 1 : 0;
      }
    }
    return less;
  };
  CHECK(compare(quantize_with<sym_g32>(l.w), quantize_with<sym_g32>(l.w, output_clip(h))) > 60);
  CHECK(compare(quantize_with<w4_min_g<32>>(l.w), quantize_with<w4_min_g<32>>(l.w, output_clip(h))) > 60);
}

TEST_CASE("AWQ refuses extents that differ, elements that are not finite, groups across rows") {
  Eigen::MatrixXf w = Eigen::MatrixXf::Ones(2, 3);
  Eigen::MatrixXd const h = Eigen::MatrixXd::Identity(3, 3);
  std::vector<float> mean_abs = {1, 2, 3};
  auto const two = std::span<float const>(mean_abs).first(2);
  CHECK_THROWS_WITH(awq_scales<w4>(two, h, extremes{}, {}, w),
                    Catch::Contains("the Gram matrix has features 3, W has columns 2"));
  CHECK_THROWS_WITH(awq_scales<w4>(mean_abs, h, extremes{}, {}, w, Eigen::MatrixXf(1, 4)),
                    Catch::Contains("features are 3, W has columns 4"));
  CHECK_THROWS_WITH(awq_scales<w4>(mean_abs, h, extremes{}, {.candidates = 0}, w),
                    Catch::Contains("candidates are 0"));
  CHECK_THROWS_WITH((quantize_with<scheme<symmetric<int4>, per_tensor>>(w, output_clip(h))),
                    Catch::Contains("the group ends at column 6, the Gram matrix has features 3"));
  CHECK_THROWS_WITH(output_clip(h, 11, 10), Catch::Contains("candidates are 11, the grid has 10"));
  w(1, 0) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(awq_scales<w4>(mean_abs, h, extremes{}, {}, w), Catch::Contains("in row 1, column 0"));
  mean_abs[1] = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH(awq_scales<w4>(mean_abs, h, extremes{}, {}, w), Catch::Contains("not finite is value 1, of 3"));
}
