// SPDX-License-Identifier: MIT
#include "octavo/calibration/bias.hpp"

#include "octavo/calibration/inputs.hpp"
#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "calibration/layer.hpp"
#include "support/catch.hpp"

#include <Eigen/Dense>
#include <limits>
#include <vector>

using namespace octavo;
using namespace octavo::calibration;

TEST_CASE("the worked bias correction") {
  Eigen::MatrixXf w(2, 3);
  w << 0.31f, -0.47f, 0.12f, 0.9f, 0.2f, -0.66f;
  auto const q = quantize<schemes::w4>(w);
  std::vector<float> const mean = {0.5f, 1, -2};
  auto const b = bias_correction(w, q.view(), mean);
  REQUIRE(b.size() == 2);
  CHECK(b[0] == Approx(0.01571429).epsilon(1e-5));
  CHECK(b[1] == Approx(-0.02285714).epsilon(1e-5));
}

TEST_CASE("after the correction the mean output is that of the weights") {
  test::layer l(30, 64, 100, 4);
  l.x.array() += 0.5f;
  auto const q = quantize<schemes::w2_g64>(l.w);
  inputs seen(64);
  seen.add(l.x);
  auto const b = bias_correction(l.w, q.view(), seen.mean());
  Eigen::MatrixXf back(30, 64);
  for (octavo::index r = 0; r < 30; ++r) {
    for (octavo::index c = 0; c < 64; ++c) { back(r, c) = q.view()(r, c); }
  }
  Eigen::VectorXd const off = ((back - l.w).cast<double>() * l.x.cast<double>()).rowwise().mean();
  CHECK(off.cwiseAbs().maxCoeff() > 0.1);
  for (octavo::index r = 0; r < 30; ++r) { CHECK(std::fabs(off[r] + double{b[static_cast<std::size_t>(r)]}) < 1e-5); }
}

TEST_CASE("bias correction refuses extents that differ and elements that are not finite") {
  Eigen::MatrixXf w = Eigen::MatrixXf::Ones(2, 3);
  std::vector<float> const mean = {1, 2, 3};
  CHECK_THROWS_WITH(bias_correction(w, w, std::span<float const>(mean).first(2)),
                    "bias_correction: means are 2, W has columns 3. There is one for each column.");
  CHECK_THROWS_WITH(bias_correction(w, Eigen::MatrixXf(3, 3), mean), Catch::Contains("rows 3, W has 2"));
  CHECK_THROWS_WITH(bias_correction(w, Eigen::MatrixXf(2, 4), mean), Catch::Contains("columns 4, W has columns 3"));
  w(0, 2) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(bias_correction(w, w, mean), Catch::Contains("in row 0, column 2"));
}
