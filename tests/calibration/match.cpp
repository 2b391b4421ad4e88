// SPDX-License-Identifier: MIT
#include "octavo/calibration/match.hpp"

#include "support/catch.hpp"

#include <Eigen/Core>
#include <limits>

using namespace octavo::calibration;

TEST_CASE("the worked outputs: gains, offsets and errors by moments and by least squares") {
  Eigen::MatrixXf x(3, 4);
  x << 1, 0.2f, -0.7f, 0.4f, 0.5f, -1, 0.3f, 0.9f, -0.3f, 0.8f, 1.1f, 0.2f;
  Eigen::MatrixXf const xq = (x.array() * 10).round().min(7).max(-7).matrix() / 10;
  Eigen::RowVector3f const w(0.62f, -0.35f, 0.18f);
  Eigen::RowVector3f const wq(0.6f, -0.4f, 0.2f);
  Eigen::MatrixXf const y = w * x;
  Eigen::MatrixXf const q = wq * xq;
  auto const check = [&](gain_rule rule, double gain, double offset, double error) {
    auto const m = match_outputs(y, q, rule);
    CHECK(m.gain[0] == Approx(gain).epsilon(1e-6));
    CHECK(m.offset[0] == Approx(offset).epsilon(1e-5));
    Eigen::MatrixXd const left = (y - ((m.gain[0] * q).array() + m.offset[0]).matrix()).cast<double>();
    CHECK(left.squaredNorm() / 4 == Approx(error).epsilon(1e-5));
  };
  check(gain_rule::moments, 1.10041753, 0.07671869, 0.00850339);
  check(gain_rule::least_squares, 1.06642841, 0.07926787, 0.00837207);
}

TEST_CASE("each row has its own match, one that does not vary only an offset") {
  Eigen::MatrixXf y(2, 3);
  Eigen::MatrixXf q(2, 3);
  y << 1, 2, 3, 10, 20, 30;
  q << 4, 4, 4, -1, -2, -3;
  auto const m = match_outputs(y, q, gain_rule::least_squares);
  CHECK(m.gain[0] == 1.0f);
  CHECK(m.offset[0] == -2.0f);
  CHECK(m.gain[1] == -10.0f);
  CHECK(m.offset[1] == 0.0f);
  CHECK(match_outputs(y, q, gain_rule::moments).gain[1] == 10.0f);
}

TEST_CASE("match_outputs refuses extents that differ, no tokens, elements that are not finite") {
  Eigen::MatrixXf y = Eigen::MatrixXf::Ones(2, 3);
  CHECK_THROWS_WITH(match_outputs(y, Eigen::MatrixXf(Eigen::MatrixXf::Zero(2, 4)), gain_rule::moments),
                    Catch::Contains("Y has tokens 3, the quantized output has 4"));
  CHECK_THROWS_WITH(match_outputs(y, Eigen::MatrixXf(Eigen::MatrixXf::Zero(3, 3)), gain_rule::moments),
                    Catch::Contains("Y has rows 2, the quantized output has 3"));
  CHECK_THROWS_WITH(match_outputs(Eigen::MatrixXf(2, 0), Eigen::MatrixXf(2, 0), gain_rule::moments),
                    Catch::Contains("tokens are 0"));
  y(1, 2) = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH(match_outputs(y, y, gain_rule::moments), Catch::Contains("in row 1, column 2"));
}
