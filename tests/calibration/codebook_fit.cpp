// SPDX-License-Identifier: MIT
#include "octavo/calibration/codebook_fit.hpp"

#include "octavo/calibration/clip_search.hpp"
#include "octavo/calibration/quantize_with.hpp"
#include "octavo/quant/schemes.hpp"

#include "calibration/layer.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"

#include <cmath>
#include <vector>

using namespace octavo;
using calibration::codebook_fit;
using calibration::quantize_with;

namespace {

/// The sum of weight[column] * error².
template <class S, class Fit>
double error(test::matrix<float> const& w, Fit const& fit, std::vector<float> const& weights) {
  auto const q = quantize_with<S>(w, fit);
  double sum = 0;
  for (octavo::index r = 0; r < w.rows(); ++r) {
    for (octavo::index c = 0; c < w.cols(); ++c) {
      sum += double{weights[static_cast<std::size_t>(c)]} * std::pow(double{q.view()(r, c)} - double{w(r, c)}, 2);
    }
  }
  return sum;
}

}  // namespace

TEST_CASE("KVQuant's worked table is that of a group whose columns are weighed so") {
  std::vector<float> const xs = {-1, -.8f, -.3f, -.25f, -.1f, 0, .05f, .2f, .35f, .7f, .95f, 1};
  std::vector<float> const ws = {9, 9, 1, 2, 4, 4, 8, 8, 8, 4, 4, 1, 1, 2};
  auto const p = codebook_fit{ws}.fit<codebook<2>>(xs, 2);
  double const expected[] = {-.866666667, -.1875, .108333333, .9125};
  for (std::size_t c = 0; c < 4; ++c) { CHECK(p.values[c] == Approx(expected[c]).epsilon(1e-6)); }
}

TEST_CASE(
    "tables by row beat nf4 and searched integers with scales of the same groups, and smaller groups beat larger") {
  test::matrix<float> const w(24, 192, 5);
  std::vector<float> const ones(192, 1.0f);
  double const rows = error<scheme<codebook<4>, per_row>>(w, codebook_fit{}, ones);
  CHECK(rows < 0.7 * error<scheme<symmetric<nf4>, per_row>>(w, calibration::omse, ones));
  CHECK(rows < 0.7 * error<scheme<symmetric<int4>, per_row>>(w, calibration::omse, ones));
  CHECK(rows < error<scheme<codebook<4>, per_tensor>>(w, codebook_fit{}, ones));
  CHECK(error<scheme<codebook<4>, per_group<64>>>(w, codebook_fit{}, ones) < rows);
  CHECK(error<scheme<codebook<3>, per_row>>(w, codebook_fit{}, ones) > rows);
  CHECK(rows < error<scheme<codebook<4>, per_row>>(w, calibration::extremes{}, ones));
}

TEST_CASE("weights of columns lessen the weighed error, per row, per group, per tensor") {
  test::matrix<float> const w(12, 100, 6);
  std::vector<float> ws;
  for (int c = 0; c < 100; ++c) { ws.push_back(static_cast<float>(1 + c * c % 97)); }
  auto const check = [&]<class S>(std::type_identity<S>) {
    CHECK(error<S>(w, codebook_fit{ws}, ws) < error<S>(w, codebook_fit{}, ws));
  };
  check(std::type_identity<scheme<codebook<3>, per_row>>{});
  check(std::type_identity<scheme<codebook<3>, per_group<40>>>{});
  check(std::type_identity<scheme<codebook<3>, per_tensor>>{});
}

TEST_CASE("codebook_fit refuses weights that are not those of the columns") {
  test::matrix<float> const w(3, 10, 7);
  std::vector<float> const few(9, 1.0f);
  CHECK_THROWS_WITH((quantize_with<scheme<codebook<2>, per_row>>(w, codebook_fit{few})),
                    "codebook_fit: the weights are 9, the values end at 10. Pass one weight for each column.");
  CHECK_THROWS_WITH((quantize_with<scheme<codebook<2>, per_tensor>>(w, codebook_fit{few})),
                    Catch::Contains("the weights are 9, the values end at 30"));
  CHECK_THROWS_AS((quantize_with<scheme<codebook<2>, per_group<8>>>(w, codebook_fit{few})), std::invalid_argument);
}
