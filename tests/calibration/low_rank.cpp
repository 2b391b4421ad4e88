// SPDX-License-Identifier: MIT
#include "octavo/calibration/low_rank.hpp"

#include "octavo/calibration/quantize_with.hpp"
#include "octavo/quant/schemes.hpp"

#include "calibration/layer.hpp"
#include "support/catch.hpp"

#include <Eigen/Dense>
#include <limits>

using namespace octavo;
using namespace octavo::calibration;

namespace {

Eigen::MatrixXd product_of(low_rank const& t) {
  return t.left_matrix().cast<double>() * t.right_matrix().cast<double>();
}

}  // namespace

TEST_CASE("LoRC's worked term") {
  Eigen::MatrixXd e(2, 3);
  e << 0.1, -0.05, 0.02, 0.04, 0.02, -0.03;
  auto const t = nearest_of_rank(e, 1);
  float const left[] = {0.332036f, 0.075562f};
  float const right[] = {0.312408f, -0.130139f, 0.037720f};
  for (octavo::index i = 0; i < 2; ++i) { CHECK(t.left_matrix()(i, 0) == Approx(left[i]).epsilon(1e-5)); }
  for (octavo::index i = 0; i < 3; ++i) { CHECK(t.right_matrix()(0, i) == Approx(right[i]).epsilon(2e-5)); }
  CHECK(e.norm() == Approx(0.1256981).epsilon(1e-6));
  CHECK((e - product_of(t)).norm() == Approx(0.0485163).epsilon(1e-6));
  auto const turned = nearest_of_rank(e.transpose(), 1);
  for (octavo::index i = 0; i < 3; ++i) { CHECK(turned.left_matrix()(i, 0) == Approx(right[i]).epsilon(2e-5)); }
  auto const mirrored = nearest_of_rank(-e, 1);
  CHECK(mirrored.left_matrix() == t.left_matrix());
  CHECK(mirrored.right_matrix() == -t.right_matrix());
}

TEST_CASE("a full rank gives the matrix back, rank 0 nothing") {
  Eigen::MatrixXd const e = Eigen::MatrixXd::Random(5, 9);
  CHECK((product_of(nearest_of_rank(e, 5)) - e).norm() < 1e-6);
  CHECK((product_of(nearest_of_rank(e.transpose(), 5)) - e.transpose()).norm() < 1e-6);
  CHECK(product_of(nearest_of_rank(e, 0)).norm() == 0);
  CHECK(nearest_of_rank(Eigen::MatrixXd::Zero(3, 3), 2).left_matrix().norm() == 0);
}

TEST_CASE("with weights the term is the one with the least weighted error") {
  Eigen::MatrixXd const e = Eigen::MatrixXd::Random(6, 8);
  Eigen::VectorXd r = Eigen::VectorXd::Ones(6);
  Eigen::VectorXd c = Eigen::VectorXd::Ones(8);
  r[2] = 10;
  c[5] = 20;
  auto const error = [&](low_rank const& t) {
    return (r.asDiagonal() * (e - product_of(t)) * c.asDiagonal()).norm();
  };
  auto const weighted = nearest_of_rank(e, 2, r, c);
  CHECK(error(weighted) < 0.9 * error(nearest_of_rank(e, 2)));
  Eigen::MatrixXd const scaled = r.asDiagonal() * e * c.asDiagonal();
  CHECK(error(weighted) == Approx((scaled - product_of(nearest_of_rank(scaled, 2))).norm()).epsilon(1e-6));
}

TEST_CASE("LoRC takes back part of what 2 bits lose, more with a higher rank") {
  test::layer const l(40, 64, 1, 3);
  auto const q = quantize_with<schemes::w2_g64>(l.w);
  Eigen::MatrixXd lost(40, 64);
  for (octavo::index i = 0; i < 40 * 64; ++i) {
    lost(i / 64, i % 64) = double{l.w(i / 64, i % 64)} - double{q.view()(i / 64, i % 64)};
  }
  double const all = lost.norm();
  double const after8 = (lost - product_of(lost_of_rank(l.w, q.view(), 8))).norm();
  double const after20 = (lost - product_of(lost_of_rank(l.w, q.view(), 20))).norm();
  CHECK(after8 < 0.85 * all);
  CHECK(after20 < 0.6 * all);
}

TEST_CASE("low-rank terms refuse ranks and weights that do not fit, and elements that are not finite") {
  Eigen::MatrixXd e = Eigen::MatrixXd::Ones(2, 3);
  CHECK_THROWS_WITH(nearest_of_rank(e, 3),
                    "nearest_of_rank: the rank is 3, the smaller extent 2. Take a smaller rank.");
  CHECK_THROWS_AS(nearest_of_rank(e, -1), std::invalid_argument);
  CHECK_THROWS_WITH(nearest_of_rank(e, 1, Eigen::VectorXd::Ones(3)), Catch::Contains("rows are 3, the matrix has 2"));
  CHECK_THROWS_WITH(nearest_of_rank(e, 1, Eigen::VectorXd::Zero(2)), Catch::Contains("above 0"));
  e(0, 1) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(nearest_of_rank(e, 1), Catch::Contains("not finite"));
  Eigen::MatrixXf const w(2, 3);
  CHECK_THROWS_WITH(lost_of_rank(w, Eigen::MatrixXf(3, 3), 1),
                    Catch::Contains("W has elements 6, its replacement has 9"));
}
