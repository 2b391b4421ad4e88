// SPDX-License-Identifier: MIT
#include "octavo/quant/sulq.hpp"

#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

template <class Q>
std::vector<int> exponents(typename Q::params p) {
  std::vector<int> e;
  for (int c = 0; c <= Q::format::highest; ++c) { e.push_back(Q::exponent(static_cast<code>(c), p)); }
  return e;
}
double near(float x, double expected) { return std::fabs(static_cast<double>(x) - expected); }

}  // namespace

TEST_CASE("SULQ of three bits gives the worked numbers") {
  using Q = sulq<3>;
  auto const p = Q::from_range(1.08e-8f, 0.868f, 1e-6f);
  CHECK(near(p.step, 2.81597709) < 3e-7);
  CHECK(p.zero_point == 0);
  CHECK(exponents<Q>(p) == std::vector<int>{0, 3, 6, 8, 11, 14, 17, 20});
  float const x[7] = {2.38e-5f, 0.868f, 0.0f, 0.001f, 0.05f, 0.2f, 0.5f};
  int const codes[7] = {5, 0, 7, 4, 2, 1, 0};
  double const values[7] = {6.00352e-5, .999999, -4.63257e-8, 4.8728125e-4, .015624, .124999, .999999};
  for (std::size_t i = 0; i < 7; ++i) {
    CHECK(Q::encode(x[i], p) == codes[i]);
    CHECK(near(Q::decode(Q::encode(x[i], p), p), values[i]) < 1e-6 * std::fabs(values[i]));
  }
}

TEST_CASE("SULQ of four bits gives the worked borders and the worked product") {
  using Q = sulq<4>;
  auto const p = Q::from_range(0.0f, 1.0f, 0.005f);
  CHECK(near(p.step, .51007011) < 6e-8);
  CHECK(p.zero_point == 0);
  CHECK(exponents<Q>(p) == std::vector<int>{0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8});
  double const borders[15] = {.832967,  .58341,   .408175, .285127,  .198724,   .138052,   .0954496,  .0655346,
                              .0445285, .0297784, .019421, .0121481, .00704121, .00345519, .000937138};
  for (int c = 0; c < 15; ++c) {
    CHECK(Q::encode(static_cast<float>(borders[c] * (1 + 1e-5)), p) == c);
    CHECK(Q::encode(static_cast<float>(borders[c] * (1 - 1e-5)), p) == c + 1);
  }
  float const probabilities[5] = {.62f, .25f, .10f, .029f, .001f};
  int const v[5] = {12, -100, 5, 64, 9};
  int const codes[5] = {1, 4, 6, 10, 14};
  int acc = 0;
  int column_sum = 0;
  double sum = 0;
  for (std::size_t k = 0; k < 5; ++k) {
    code const c = Q::encode(probabilities[k], p);
    CHECK(c == codes[k]);
    acc += (256 >> Q::exponent(c, p)) * v[k];
    column_sum += v[k];
    sum += static_cast<double>(Q::decode(c, p)) * v[k];
  }
  CHECK(acc == -4174);
  CHECK(acc / 256.0 - .005 * column_sum == -16.2546875);
  CHECK(std::fabs(sum - -16.2546875) < 1e-6);
}

TEST_CASE("SULQ codes are those of the formula in double precision") {
  test::random random(21);
  int wrong = 0;
  for (int i = 0; i < 20000; ++i) {
    auto const low = static_cast<float>(random.below(1000)) * 1e-6f;
    auto const high = low + static_cast<float>(random.below(1000) + 1) * 1e-3f;
    auto const p = sulq<4>::from_range(low, high, sulq<4>::etas[random.below(14)]);
    float const x = low + (high - low) * static_cast<float>(random.below(1001)) / 1000.0f;
    double const s = static_cast<double>(p.step);
    double const level = -std::log2(static_cast<double>(x) + static_cast<double>(p.eta)) / s;
    if (std::fabs(level - std::floor(level) - 0.5) < 1e-9) { continue; }
    double const c = std::fmin(std::fmax(std::nearbyint(level) + p.zero_point, 0.0), 15.0);
    code const got = sulq<4>::encode(x, p);
    wrong += got == static_cast<int>(c) ? 0 : 1;
    double const value = std::exp2(-std::nearbyint(s * (c - p.zero_point))) - static_cast<double>(p.eta);
    wrong += near(sulq<4>::decode(got, p), value) < 1e-7 ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("calibration takes the shift of least error") {
  using Q = sulq<3>;
  std::vector<float> const xs = {.62f, .25f, .10f, .029f, .001f, 0.0f, .0005f, .33f};
  auto const best = Q::calibrate(xs);
  auto const error = [&](Q::params p) {
    double sum = 0;
    for (float const x : xs) {
      double const d = near(Q::decode(Q::encode(x, p), p), static_cast<double>(x));
      sum += d * d;
    }
    return sum;
  };
  for (float const eta : Q::etas) { CHECK(error(best) <= error(Q::from_range(0.0f, .62f, eta)) * (1 + 1e-12)); }
}

TEST_CASE("SULQ of equal numbers, of zeros, and of numbers that are not finite") {
  using Q = sulq<4>;
  STATIC_REQUIRE(check_quantizer<Q>());
  STATIC_REQUIRE_FALSE(linear_quantizer<Q>);
  auto const value = [](Q::params p, float x) { return Q::decode(Q::encode(x, p), p); };
  CHECK(near(value(Q::calibrate(std::vector<float>(4, 0.0f)), 0.0f), 0) < 1e-6);
  CHECK(near(value(Q::calibrate(std::vector<float>(4, 0.25f)), 0.25f), 0.25) < 1e-5);
  CHECK(near(value(Q::calibrate(std::vector<float>(4, -1e-3f)), 0.0f), 0) < 2e-3);
  for (float const bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    auto const p = Q::calibrate(std::vector<float>{0.5f, bad});
    for (int c = 0; c < 16; ++c) { CHECK(std::isnan(Q::decode(static_cast<code>(c), p))); }
    CHECK(Q::encode(bad, Q::from_range(0.0f, 1.0f, 0.01f)) < 16);
  }
}

TEST_CASE("SULQ survives any parameters") {
  for (int const zero : {std::numeric_limits<int>::min(), 0, std::numeric_limits<int>::max()}) {
    for (float const step : {0.0f, -3.0f, 1e30f, std::nanf("")}) {
      CHECK(sulq<4>::decode(15, {0.01f, step, zero}) > -0.02f);
      CHECK(sulq<4>::encode(0.3f, {0.01f, step, zero}) < 16);
    }
  }
}
