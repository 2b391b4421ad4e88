// SPDX-License-Identifier: MIT
#include "octavo/quant/twin_uniform.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;

namespace {
double near(float x, double expected) { return std::fabs(static_cast<double>(x) - expected); }
}  // namespace

TEST_CASE("twin uniform codes of probabilities are the worked ones") {
  using Q = twin_uniform<4>;
  Q::params const p{1.0f, 3};
  float const x[7] = {0.0f, .02f, .08f, .124f, .13f, .44f, 1.0f};
  int const bytes[7] = {0, 1, 4, 7, 9, 11, 15};
  double const values[7] = {0, .0178571, .0714286, .125, .1428571, .4285714, 1};
  for (std::size_t i = 0; i < 7; ++i) {
    CHECK(Q::encode(x[i], p) == bytes[i]);
    CHECK(near(Q::decode(Q::encode(x[i], p), p), values[i]) < 6e-8);
  }
  CHECK(Q::encode(0.125f, p) == 9);  // the border belongs to the range above
  CHECK(Q::encode(-1.0f, p) == 0);
  CHECK(Q::encode(7.0f, p) == 15);
}

TEST_CASE("twin uniform codes of GELU outputs are the worked ones") {
  using Q = twin_uniform<6, gelu_outputs>;
  Q::params const p{1.0f, 5};
  float const x[6] = {-.1699f, -.1f, 0.0f, .3f, 1.0f, 2.5f};
  int const bytes[6] = {31, 19, 32, 34, 38, 47};
  double const values[6] = {-.16466, -.1009204, 0, .3399425, 1.0198275, 2.5495686};
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(Q::encode(x[i], p) == bytes[i]);
    CHECK(near(Q::decode(Q::encode(x[i], p), p), values[i]) < 6e-7);
  }
}

TEST_CASE("a product of twin uniform codes is two sums of integers") {
  using Q = twin_uniform<4>;
  Q::params const p{1.0f, 3};
  float const probabilities[5] = {.62f, .25f, .10f, .029f, .001f};
  int const v[5] = {12, -100, 5, 64, 9};
  int high = 0;
  int low = 0;
  double sum = 0;
  for (std::size_t k = 0; k < 5; ++k) {
    code const c = Q::encode(probabilities[k], p);
    ((c & 8) != 0 ? high : low) += (c & 7) * v[k];
    sum += static_cast<double>(Q::decode(c, p)) * v[k];
  }
  CHECK(std::fabs(sum - (high * 8 + low) / 56.0) < 1e-5);
}

TEST_CASE("calibration finds the shift of the numbers, and takes the least error") {
  std::vector<float> xs;
  for (int c = 0; c < 16; ++c) {
    if (c != 7) { xs.push_back(twin_uniform<4>::decode(static_cast<code>(c), {1.0f, 5})); }
  }
  CHECK(twin_uniform<4>::calibrate(xs).shift == 5);
  CHECK(twin_uniform<4>::calibrate(xs).scale == 1.0f);
  xs.clear();
  using G = twin_uniform<5, gelu_outputs>;
  for (int c = 0; c < 32; ++c) { xs.push_back(G::decode(static_cast<code>(c), {1.0f, 4})); }
  CHECK(G::calibrate(xs).shift == 4);
}

TEST_CASE("twin uniform values come back, but for the border, and NaN stays") {
  STATIC_REQUIRE(check_quantizer<twin_uniform<4>>());
  STATIC_REQUIRE_FALSE(linear_quantizer<twin_uniform<8, gelu_outputs>>);
  int wrong = 0;
  for (int shift = 0; shift < 8; ++shift) {
    for (int c = 0; c < 64; ++c) {
      auto const check = [&](auto quantizer) {
        using Q = decltype(quantizer);
        typename Q::params const p{1.0f, shift};
        float const v = Q::decode(static_cast<code>(c), p);
        bool const border = v == std::ldexp(1.0f, -shift) && c == 31;  // belongs to the range above
        wrong += Q::decode(Q::encode(v, p), p) == v || border ? 0 : 1;
      };
      check(twin_uniform<6>{});
      check(twin_uniform<6, gelu_outputs>{});
    }
  }
  CHECK(wrong == 0);
  for (float const bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    auto const p = twin_uniform<4>::calibrate(std::vector<float>{0.5f, bad});
    for (int c = 0; c < 16; ++c) { CHECK(std::isnan(twin_uniform<4>::decode(static_cast<code>(c), p))); }
  }
}

TEST_CASE("twin uniform codes survive any parameters") {
  for (int const shift : {std::numeric_limits<int>::min(), -1, 40, std::numeric_limits<int>::max()}) {
    CHECK(twin_uniform<4>::decode(7, {1.0f, shift}) > 0.0f);
    CHECK(twin_uniform<4, gelu_outputs>::decode(15, {1.0f, shift}) > 0.0f);
  }
}
