// SPDX-License-Identifier: MIT
#include "octavo/calibration/minifloat_search.hpp"

#include "octavo/format/minifloat.hpp"

#include "calibration/layer.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;
using namespace octavo::calibration;

namespace {

template <class F>
double coded(double x, double scale) {
  // The nearest value by looking at all: of two, that of the even code.
  double best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (int c = 0; c < 16; ++c) {
    double const v = double{F::decode(static_cast<code>(c))} * scale;
    double const e = std::fabs(v - x);
    if (e < least || (e == least && c % 2 == 0)) {
      least = e;
      best = v;
    }
  }
  return best;
}

/// ‖W X - Ŵ X̂‖² of a choice, from its numbers alone.
template <class WF, class XF>
double error_of(test::layer const& l, minifloat_choice const& c) {
  Eigen::MatrixXd w(l.w.rows(), l.w.cols());
  Eigen::MatrixXd x(l.x.rows(), l.x.cols());
  for (Eigen::Index r = 0; r < w.rows(); ++r) {
    for (Eigen::Index k = 0; k < w.cols(); ++k) {
      w(r, k) = coded<WF>(double{l.w(r, k)}, double{c.row_scales[static_cast<std::size_t>(r)]});
    }
  }
  for (Eigen::Index k = 0; k < x.rows(); ++k) {
    double const shift = std::exp2(c.shifts[static_cast<std::size_t>(k)]);
    for (Eigen::Index t = 0; t < x.cols(); ++t) {
      x(k, t) = coded<XF>(double{l.x(k, t)} * shift, double{c.activation_scale}) / shift;
    }
  }
  return (l.w.cast<double>() * l.x.cast<double>() - w * x).squaredNorm();
}

minifloat_options with(int points, int rounds, bool shifts) {
  minifloat_options o;
  o.points = points;
  o.rounds = rounds;
  o.shifts_channels = shifts;
  return o;
}

}  // namespace

TEST_CASE("the error is that of the numbers it gives, and it only falls") {
  test::layer const l(12, 32, 40, 3, true);
  std::vector<double> errors;
  auto options = with(100, 3, true);
  options.progress = [&errors](int round, double error) {
    CHECK(round == static_cast<int>(errors.size()) + 1);
    errors.push_back(error);
  };
  auto const found = minifloat_search<e2m1>(l.w, l.x, options);
  REQUIRE(errors.size() == 3);
  CHECK(errors[1] <= errors[0]);
  CHECK(errors[2] <= errors[1]);
  CHECK(found.error == errors[2]);
  CHECK(error_of<e2m1, e2m1>(l, found) == Approx(found.error).epsilon(1e-4));
}

TEST_CASE("searched biases beat those of absmax, shifts of channels beat none, three formats beat one") {
  test::layer const l(12, 32, 40, 3, true);
  double const plain = minifloat_search<e2m1>(l.w, l.x, with(0, 1, false)).error;
  double const searched = minifloat_search<e2m1>(l.w, l.x, with(100, 3, false)).error;
  double const shifted = minifloat_search<e2m1>(l.w, l.x, with(100, 3, true)).error;
  CHECK(searched < plain);
  CHECK(shifted < 0.7 * searched);  // an outlier of 32 times the others in every 16th channel
  auto const all = minifloat_search<e3m0, e2m1, e1m2>(l.w, l.x, with(100, 3, true));
  CHECK(all.error <= shifted);
  CHECK(minifloat_search<e3m0>(l.w, l.x, with(100, 3, true)).error >= all.error);
  CHECK(minifloat_search<e1m2>(l.w, l.x, with(100, 3, true)).error >= all.error);
}

TEST_CASE("with absmax alone the scales are those of symmetric") {
  test::layer const l(5, 16, 8, 4);
  auto const found = minifloat_search<e2m1>(l.w, l.x, with(0, 1, false));
  for (Eigen::Index r = 0; r < 5; ++r) {
    CHECK(found.row_scales[static_cast<std::size_t>(r)] ==
          Approx(double{l.w.row(r).cwiseAbs().maxCoeff()} / 6).epsilon(1e-6));
  }
  CHECK(found.activation_scale == Approx(double{l.x.cwiseAbs().maxCoeff()} / 6).epsilon(1e-6));
  CHECK(found.shifts == std::vector<int>(16, 0));
}

TEST_CASE("minifloat_search refuses no tokens, other features, NaN") {
  test::layer l(3, 8, 4, 5);
  CHECK_THROWS_AS(minifloat_search<e2m1>(l.w, Eigen::MatrixXf(8, 0)), std::invalid_argument);
  CHECK_THROWS_AS(minifloat_search<e2m1>(l.w, Eigen::MatrixXf(7, 4)), std::invalid_argument);
  l.w(1, 2) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(minifloat_search<e2m1>(l.w, l.x), std::invalid_argument);
}
