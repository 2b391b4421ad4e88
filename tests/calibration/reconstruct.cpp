// SPDX-License-Identifier: MIT
#include "octavo/calibration/reconstruct.hpp"

#include "octavo/calibration/quantize_with.hpp"
#include "octavo/quant/schemes.hpp"

#include "calibration/layer.hpp"
#include "support/catch.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

using namespace octavo;
using namespace octavo::calibration;
using namespace octavo::schemes;
using test::gram_of;

namespace {

/// Error of the output after `iterations`, over that of the same ranges without any.
template <class S>
double left(int iterations) {
  test::layer const l(20, 64, 200, 12);
  auto const g = gram_of(l.x);
  double const start = output_error(l.w, reconstruct<S>(l.w, g, {.iterations = 0}).view(), g);
  CHECK(start == Approx(output_error(l.w, quantize_with<S>(l.w, omse).view(), g)).epsilon(1e-12));
  return output_error(l.w, reconstruct<S>(l.w, g, {.iterations = iterations, .weight_rate = 0.02}).view(), g) / start;
}

}  // namespace

TEST_CASE("AdaQuant's worked loss and gradients") {
  using S = scheme<symmetric<sint<3>>, per_row>;
  Eigen::MatrixXd w(1, 3);
  w << 0.62, -0.35, 0.18;
  Eigen::MatrixXd x(3, 4);
  x << 1, 0.2, -0.7, 0.4, 0.5, -1, 0.3, 0.9, -0.3, 0.8, 1.1, 0.2;
  Eigen::MatrixXd const xq = (x.array() * 10).round().min(7).max(-7).matrix() / 10;
  Eigen::MatrixXd const y = w * x;
  Eigen::MatrixXd const g = xq * xq.transpose() / 4;
  Eigen::MatrixXd const h = y * xq.transpose() / 4;
  // Ranges on a grid of 31: of the first two, 0.62 and 0.6, the second has the lesser error: scale 0.2.
  detail::reconstruction<S> const now(w, {.candidates = 2, .grid = 31, .exponent = 2});
  REQUIRE(double{now.params_at(0, 0).scale} == Approx(0.2));
  int const codes[] = {3, -2, 1};
  for (int i = 0; i < 3; ++i) { CHECK(sint<3>::decode(now.code_at(0, i)) == static_cast<float>(codes[i])); }
  Eigen::MatrixXd const q = now.decoded();
  CHECK((q * g - 2 * h).cwiseProduct(q).sum() + y.squaredNorm() / 4 == Approx(0.01597175).epsilon(1e-6));
  Eigen::MatrixXd const d = 2 * (q * g - h);
  double const expected[] = {-0.0618, -0.02845, -0.0102};
  for (int i = 0; i < 3; ++i) { CHECK(now.latent_gradient(d)(0, i) == Approx(expected[i]).epsilon(1e-6)); }
  CHECK(now.factor_gradient(d)(0, 0) == Approx(0.2 * 0.0122725).epsilon(1e-6));
}

TEST_CASE("beyond the extremes weights stand still, and the range follows what they decode to") {
  using S = scheme<symmetric<sint<3>>, per_row>;
  Eigen::MatrixXd w(1, 3);
  w << 1, 0.25, -0.55;
  detail::reconstruction<S> const now(w, {.candidates = 1});
  detail::reconstruction<S> moved(w, {.candidates = 1});
  moved.move(Eigen::ArrayXXd::Zero(1, 3), Eigen::ArrayXXd::Constant(1, 1, 0.5));
  Eigen::MatrixXd d(1, 3);
  d << 3, 5, 7;
  CHECK(now.latent_gradient(d)(0, 0) == 3);
  CHECK(moved.latent_gradient(d)(0, 0) == 0);
  CHECK(moved.latent_gradient(d)(0, 1) == 5);
  CHECK(double{moved.params_at(0, 0).scale} == Approx(1.0 / 6));
  CHECK(moved.latent_gradient(d)(0, 2) == 7);
  // 1 decodes to 1/2; 1/4 lies between 1/6 and 1/3 and rounds to the even code, 2; -0.55 is within half a step of -1/2.
  double const expected = (3 * 0.5 + 5 * (1.0 / 3 - 0.25) + 7 * (-0.5 + 0.55)) / 0.5;
  CHECK(moved.factor_gradient(d)(0, 0) == Approx(expected).epsilon(1e-6));
}

TEST_CASE("Adam's steps, by hand") {
  detail::adam a(1, 1);
  CHECK(a.step(Eigen::ArrayXXd::Constant(1, 1, 4))(0, 0) == Approx(1));
  // first = (0.36 - 0.2) / 0.19, second = (0.015984 + 0.004) / 0.001999
  CHECK(a.step(Eigen::ArrayXXd::Constant(1, 1, -2))(0, 0) == Approx(0.84210526 / 3.16180137).epsilon(1e-6));
}

TEST_CASE("descent leaves less than half of the error, for any scheme of rows or groups") {
  CHECK(left<w4>(200) < 0.5);
  CHECK(left<w4_g32>(200) < 0.5);
  CHECK(left<w4_affine_g<32>>(200) < 0.5);
  CHECK(left<w4_min_g<32>>(200) < 0.5);
  CHECK(left<nf4_g64>(200) < 0.5);
}

TEST_CASE("descent leaves as little where scales are quantized with those of the same row") {
  using q4_of_8 =
      scheme<affine_min<uint4, scale_as<scheme<symmetric<uint6, scale_as<f16>>, per_group<4>>>>, per_group<8>>;
  using nf4_of_row = scheme<symmetric<nf4, scale_as<scheme<symmetric<uint8>, per_row>>>, per_group<16>>;
  using q6 = scheme<signed_max<int6>, per_group<16>>;
  using q6_of_16 =
      scheme<signed_max<int6, scale_as<scheme<signed_max<int8, scale_as<f16>>, per_group<3>>>>, per_group<16>>;
  CHECK(left<q4_of_8>(200) < 0.5);
  CHECK(left<nf4_of_row>(200) < 0.5);
  CHECK(left<q6_of_16>(200) < 1.05 * left<q6>(200));
}

TEST_CASE("descent leaves as little where rows share a range or what scales are quantized with") {
  using w4_tensor = scheme<symmetric<int4>, per_tensor>;
  using w3_tensor = scheme<affine<uint3>, per_tensor>;
  CHECK(left<w4_tensor>(200) < 0.6);  // measured: 0.557, 0.493, 0.623, 0.623
  CHECK(left<w3_tensor>(200) < 0.55);
  CHECK(left<nvfp4>(200) < 0.67);
  CHECK(left<spqr<3>>(200) < 0.67);
}

// At such a rate the loss goes up and down.
TEST_CASE("of more iterations no less is kept, of rows together or alone") {
  test::layer const l(70, 48, 200, 15);
  auto const g = gram_of(l.x);
  auto const check = [&](auto type) {
    using S = typename decltype(type)::type;
    double before = std::numeric_limits<double>::infinity();
    for (int const n : {0, 1, 2, 5, 9, 14, 20}) {
      auto const q = reconstruct<S>(l.w, g, {.iterations = n, .weight_rate = 0.3, .range_rate = 0.02});
      double const error = output_error(l.w, q.view(), g);
      CHECK(error <= before * (1 + 1e-9));
      before = error;
    }
  };
  check(std::type_identity<scheme<symmetric<int4>, per_tensor>>{});
  check(std::type_identity<nvfp4>{});
  check(std::type_identity<spqr<3>>{});
  check(std::type_identity<w4>{});
}

TEST_CASE("descent of a tensor moves the one range that all rows share") {
  using S = scheme<symmetric<int4>, per_tensor>;
  test::layer const l(70, 24, 200, 16);
  auto const g = gram_of(l.x);
  auto const start = quantize_with<S>(l.w, omse);
  auto const q = reconstruct<S>(l.w, g, {.iterations = 60, .weight_rate = 0.02, .range_rate = 0.01});
  auto const step = [](auto const& m) {  // every value is a multiple of one number
    double least = std::numeric_limits<double>::infinity();
    for (octavo::index i = 0; i < 70 * 24; ++i) {
      double const v = std::abs(double{m.view()(i % 70, i / 70)});
      if (v > 0 && v < least) { least = v; }
    }
    for (octavo::index i = 0; i < 70 * 24; ++i) {
      double const steps = double{m.view()(i % 70, i / 70)} / least;
      if (std::abs(steps - std::round(steps)) > 1e-5) { return 0.0; }
    }
    return least;
  };
  CHECK(step(start) > 0);
  CHECK(step(q) > 0);
  CHECK(step(q) != step(start));
}

TEST_CASE("a target beside W X: the layer makes up for activations that lost bits before it") {
  test::layer const l(10, 40, 300, 13);
  Eigen::MatrixXf const xq = (l.x.array() * 2).round().matrix() / 2;
  Eigen::MatrixXd const y = (l.w * l.x).cast<double>();
  auto const g = gram_of(xq);
  Eigen::MatrixXd const h = y * xq.cast<double>().transpose() / 300;
  auto const error = [&](auto const& q) {
    Eigen::MatrixXd m(10, 40);
    for (octavo::index i = 0; i < 400; ++i) { m(i % 10, i / 10) = double{q.view()(i % 10, i / 10)}; }
    return (m * xq.cast<double>() - y).squaredNorm();
  };
  reconstruct_options const options{.iterations = 200, .weight_rate = 0.02};
  CHECK(error(reconstruct_to<w8>(l.w, g, h, options)) < 0.9 * error(reconstruct<w8>(l.w, g, options)));
}

TEST_CASE("reconstruct tells its progress, takes empty matrices, refuses what does not fit") {
  test::layer const l(66, 8, 40, 14);
  auto const g = gram_of(l.x);
  std::vector<octavo::index> told;
  (void)reconstruct<w4>(
      l.w, g, {.iterations = 1, .progress = [&](octavo::index done, octavo::index) { told.push_back(done); }});
  CHECK(told == std::vector<octavo::index>{64, 66});
  CHECK(reconstruct<w4>(Eigen::MatrixXf(0, 8), g).size_bytes() == 0);
  CHECK_THROWS_WITH(reconstruct<w4>(l.w, Eigen::MatrixXd::Identity(9, 9)),
                    Catch::Contains("the Gram matrix has features 9, W has columns 8"));
  CHECK_THROWS_WITH(reconstruct_to<w4>(l.w, g, Eigen::MatrixXd(66, 9)),
                    Catch::Contains("the target has elements 594, W has 528"));
  CHECK_THROWS_WITH(
      reconstruct_to<w4>(l.w, g, Eigen::MatrixXd::Constant(66, 8, std::numeric_limits<double>::quiet_NaN())),
      Catch::Contains("the target is not finite"));
  Eigen::MatrixXf w = l.w;
  w(5, 6) = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH(reconstruct<w4>(w, g), Catch::Contains("in row 5, column 6"));
}
