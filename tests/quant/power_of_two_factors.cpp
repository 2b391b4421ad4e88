// SPDX-License-Identifier: MIT
#include "octavo/quant/power_of_two_factors.hpp"

#include "support/catch.hpp"
#include "support/matrix.hpp"

#include <cmath>

using namespace octavo;

namespace {

test::matrix<float> worked() {  // two channels of four tokens
  float const x[4][2] = {{-1.0f, .2f}, {.9f, -.15f}, {.4f, 8.0f}, {-.3f, -6.0f}};
  test::matrix<float> m(2, 4);
  for (octavo::index t = 0; t < 4; ++t) {
    for (octavo::index c = 0; c < 2; ++c) { m(c, t) = x[t][c]; }
  }
  return m;
}

}  // namespace

TEST_CASE("the worked example of power-of-two factors") {
  auto const m = worked();
  auto const q = power_of_two_factors<>::calibrate(m);
  CHECK(std::fabs(static_cast<double>(q.tensor.scale) - .00686275) < 5e-9);
  CHECK(q.tensor.zero_point == 109);
  REQUIRE(q.shift.size() == 2);
  CHECK(q.shift[0] == 1);
  CHECK(q.shift[1] == 3);
  int const codes[4][2] = {{36, 113}, {175, 106}, {138, 255}, {87, 0}};
  for (octavo::index t = 0; t < 4; ++t) {
    for (octavo::index c = 0; c < 2; ++c) { CHECK(q.encode(m(c, t), c) == codes[t][c]); }
  }
}

TEST_CASE("each channel has the factor of least error") {
  auto const m = worked();
  auto const q = power_of_two_factors<>::calibrate(m);
  double const errors[2][4] = {{.063492887, 4.6136e-5, 3.15263e-4, .0014994}, {76.5556, 56.2383, 24.9847, .00109285}};
  for (octavo::index c = 0; c < 2; ++c) {
    for (int alpha = 0; alpha < 4; ++alpha) {
      auto other = q;
      other.shift[c] = static_cast<std::uint8_t>(alpha);
      double sum = 0;
      for (octavo::index t = 0; t < 4; ++t) {
        double const d =
            static_cast<double>(other.decode(other.encode(m(c, t), c), c)) - static_cast<double>(m(c, t));
        sum += d * d;
      }
      CHECK(std::fabs(sum - errors[c][alpha]) < 1e-3 * errors[c][alpha]);
    }
  }
}

TEST_CASE("a channel decodes to shifted integers times one step") {
  auto const m = worked();
  auto const q = power_of_two_factors<>::calibrate(m);
  for (octavo::index c = 0; c < 2; ++c) {
    for (int u = 0; u < 256; ++u) {
      int const h = (u - q.tensor.zero_point) << q.shift[c];
      CHECK(q.decode(static_cast<code>(u), c) == q.tensor.scale * static_cast<float>(h));
    }
  }
}

TEST_CASE("factors of nothing, and of numbers that are not finite") {
  test::matrix<float> zeros(3, 2);
  for (octavo::index i = 0; i < 6; ++i) { zeros.data()[i] = 0.0f; }
  auto const q = power_of_two_factors<>::calibrate(zeros);
  CHECK(q.decode(q.encode(0.0f, 2), 2) == 0.0f);
  CHECK(power_of_two_factors<>::calibrate(tokens_view<float const>()).shift.size() == 0);
  zeros(1, 1) = std::nanf("");
  auto const broken = power_of_two_factors<>::calibrate(zeros);
  CHECK(std::isnan(broken.decode(5, 0)));
}
