// SPDX-License-Identifier: MIT
#include "octavo/quant/reparameterize.hpp"

#include "octavo/format/integer.hpp"

#include "support/catch.hpp"
#include "support/matrix.hpp"
#include "support/random.hpp"

#include <cmath>
#include <stdexcept>
#include <vector>

using namespace octavo;

namespace {

void check_near(std::vector<float> const& got, std::vector<double> const& expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(std::fabs(static_cast<double>(got[i]) - expected[i]) < 6e-8 * std::fmax(1.0, std::fabs(expected[i])));
  }
}
test::matrix<float> worked_weights() {
  float const w[2][3] = {{.5f, -1.0f, .25f}, {1.0f, 2.0f, -.5f}};
  test::matrix<float> m(2, 3);
  for (octavo::index o = 0; o < 2; ++o) {
    for (octavo::index i = 0; i < 3; ++i) { m(o, i) = w[o][i]; }
  }
  return m;
}
int affine_code(double x, double scale, int zero) {
  return static_cast<int>(std::fmin(std::fmax(std::nearbyint(x / scale) + zero, 0.0), 15.0));
}

std::vector<float> const scales = {.02f, .01f, .06f};
std::vector<int> const zeros = {7, 10, 6};

}  // namespace

TEST_CASE("the worked example of RepQ-ViT's norm") {
  channel_reparameterization const r(scales, zeros);
  CHECK(std::fabs(static_cast<double>(r.scale) - .03) < 1e-9);
  CHECK(r.zero_point == 8);
  std::vector<float> gamma = {.1f, .05f, .2f};
  std::vector<float> beta = {.02f, -.02f, .05f};
  r.norm(gamma, beta);
  check_near(gamma, {.15, .15, .1});
  check_near(beta, {0, 0, -.035});
  auto w = worked_weights();
  std::vector<float> bias = {.1f, -.3f};
  r.layer(w, bias);
  check_near({w(0, 0), w(0, 1), w(0, 2), w(1, 0), w(1, 1), w(1, 2)},
             {.3333333333, -.3333333333, .5, .6666666667, .6666666667, -1});
  check_near(bias, {.16, -.38});
}

TEST_CASE("outputs and codes are those of before") {
  std::vector<float> gamma = {.1f, .05f, .2f};
  std::vector<float> beta = {.02f, -.02f, .05f};
  auto const old_gamma = gamma;
  auto const old_beta = beta;
  auto w = worked_weights();
  auto const old_w = worked_weights();
  std::vector<float> bias = {.1f, -.3f};
  auto const old_bias = bias;
  channel_reparameterization const r(scales, zeros);
  r.norm(gamma, beta);
  r.layer(w, bias);
  test::random random(17);
  int other_codes = 0;
  for (int trial = 0; trial < 1000; ++trial) {
    double y[2] = {static_cast<double>(bias[0]), static_cast<double>(bias[1])};
    double old_y[2] = {static_cast<double>(old_bias[0]), static_cast<double>(old_bias[1])};
    for (std::size_t i = 0; i < 3; ++i) {
      auto const n = static_cast<double>(random.value());
      double const old_x = n * static_cast<double>(old_gamma[i]) + static_cast<double>(old_beta[i]);
      double const x = n * static_cast<double>(gamma[i]) + static_cast<double>(beta[i]);
      double const level = old_x / static_cast<double>(scales[i]);
      if (std::fabs(level - std::floor(level) - 0.5) > 1e-4) {  // a tie may fall to either side
        other_codes += affine_code(x, static_cast<double>(r.scale), r.zero_point) ==
                               affine_code(old_x, static_cast<double>(scales[i]), zeros[i])
                           ? 0
                           : 1;
      }
      for (octavo::index o = 0; o < 2; ++o) {
        y[o] += static_cast<double>(w(o, static_cast<octavo::index>(i))) * x;
        old_y[o] += static_cast<double>(old_w(o, static_cast<octavo::index>(i))) * old_x;
      }
    }
    CHECK(std::fabs(y[0] - old_y[0]) + std::fabs(y[1] - old_y[1]) < 1e-6);
  }
  CHECK(other_codes == 0);
}

TEST_CASE("extents that differ, and scales that are not positive, are refused") {
  std::vector<float> two = {1.0f, 1.0f};
  CHECK_THROWS_AS(channel_reparameterization(two, zeros), std::invalid_argument);
  CHECK_THROWS_AS(channel_reparameterization(std::vector<float>{1.0f, 0.0f, 1.0f}, zeros), std::invalid_argument);
  CHECK_THROWS_AS(channel_reparameterization(std::vector<float>{1.0f, std::nanf(""), 1.0f}, zeros),
                  std::invalid_argument);
  channel_reparameterization const r(scales, zeros);
  std::vector<float> three(3, 1.0f);
  CHECK_THROWS_AS(r.norm(two, three), std::invalid_argument);
  CHECK_THROWS_AS(r.norm(three, two), std::invalid_argument);
  auto w = worked_weights();
  CHECK_THROWS_AS(r.layer(w, three), std::invalid_argument);
  test::matrix<float> square(2, 2);
  CHECK_THROWS_AS(r.layer(square, two), std::invalid_argument);
}
