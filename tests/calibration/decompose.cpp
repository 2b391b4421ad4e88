// SPDX-License-Identifier: MIT
#include "octavo/calibration/decompose.hpp"

#include "octavo/quant/schemes.hpp"

#include "calibration/layer.hpp"
#include "support/catch.hpp"

#include <Eigen/Dense>
#include <limits>
#include <vector>

using namespace octavo;
using namespace octavo::calibration;

namespace {

using nf2_rows = scheme<symmetric<nf2>, per_group<4>>;

Eigen::MatrixXf worked() {
  Eigen::MatrixXf a(4, 4);
  a << -37, 0, 37, -23, 14, -46, -9, 28, -32, 5, 42, -18, 19, -41, -4, 33;
  return a / 48;
}

template <class S>
Eigen::MatrixXd sum_of(decomposition<S> const& d) {
  Eigen::MatrixXd m = d.term.left_matrix().template cast<double>() * d.term.right_matrix().template cast<double>();
  for (octavo::index r = 0; r < m.rows(); ++r) {
    for (octavo::index c = 0; c < m.cols(); ++c) { m(r, c) += double{d.base.view()(r, c)}; }
  }
  return m;
}

}  // namespace

TEST_CASE("LQ-LoRA's worked trace: the fourth round is best, the fifth ends it") {
  auto const a = worked();
  octavo::index told = 0;
  auto const d =
      decompose<nf2_rows>(a, 1, extremes{}, {.progress = [&](octavo::index done, octavo::index) { told = done; }});
  double const errors[] = {0.428603, 0.285411, 0.224021, 0.222668, 0.223004};
  REQUIRE(d.errors.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) { CHECK(d.errors[i] == Approx(errors[i]).epsilon(5e-6)); }
  CHECK(told == 5);
  CHECK((a.cast<double>() - sum_of(d)).norm() == Approx(errors[3]).epsilon(5e-6));
  CHECK(decompose<nf2_rows>(a, 0).errors[0] == Approx(0.655509).epsilon(5e-6));
}

TEST_CASE("weighted by Fisher information the weights that matter are nearer") {
  test::layer const l(24, 64, 1, 3);
  Eigen::MatrixXf fisher = Eigen::MatrixXf::Constant(24, 64, 0.01f);
  fisher.leftCols(8).setConstant(4);
  fisher.row(3).setConstant(4);
  auto const plain = decompose<schemes::w2_g64>(l.w, 6);
  auto const weighted = decompose<schemes::w2_g64>(l.w, 6, extremes{}, {.fisher = matrix_view(fisher)});
  auto const error = [&](auto const& d) {
    return (l.w.cast<double>() - sum_of(d)).cwiseProduct(fisher.cast<double>().cwiseSqrt()).norm();
  };
  CHECK(error(weighted) < 0.8 * error(plain));
  CHECK(*std::min_element(weighted.errors.begin(), weighted.errors.end()) == Approx(error(weighted)).epsilon(1e-5));
}

TEST_CASE("decompose refuses what it cannot weigh") {
  Eigen::MatrixXf w = worked();
  Eigen::MatrixXf fisher = Eigen::MatrixXf::Ones(3, 4);
  CHECK_THROWS_WITH(decompose<nf2_rows>(w, 1, extremes{}, {.fisher = matrix_view(fisher)}),
                    Catch::Contains("the Fisher matrix has elements 12, W has 16"));
  fisher = Eigen::MatrixXf::Zero(4, 4);
  CHECK_THROWS_WITH(decompose<nf2_rows>(w, 1, extremes{}, {.fisher = matrix_view(fisher)}),
                    Catch::Contains("not all 0"));
  fisher(0, 0) = -1;
  CHECK_THROWS_AS(decompose<nf2_rows>(w, 1, extremes{}, {.fisher = matrix_view(fisher)}), std::invalid_argument);
  CHECK_THROWS_WITH(decompose<nf2_rows>(w, 5), Catch::Contains("the rank is 5, the smaller extent 4"));
  w(2, 3) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(decompose<nf2_rows>(w, 1), Catch::Contains("in row 2, column 3"));
}
