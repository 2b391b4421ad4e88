// SPDX-License-Identifier: MIT
#include "octavo/quant/codebook.hpp"

#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("KVQuant's worked table of two bits: codes of its values, of numbers beyond them") {
  using Q = codebook<2>;
  Q::params const shared = {{-.866666667f, -.1875f, .108333333f, .9125f}};
  float const xs[12] = {-1, -.8f, -.3f, -.25f, -.1f, 0, .05f, .2f, .35f, .7f, .95f, 1};
  int const codes[12] = {0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3};
  for (std::size_t i = 0; i < 12; ++i) { CHECK(Q::encode(xs[i], shared) == codes[i]); }
  // A channel from -1.5 to 4.5.
  Q::params const channel = {{-1.1f, .9375f, 1.825f, 4.2375f}};
  CHECK(Q::encode(4.0f, channel) == 3);
  CHECK(Q::encode(-1.4f, channel) == 0);
  CHECK(Q::encode(6.25f, channel) == 3);
  CHECK(Q::encode(-3.0f, channel) == 0);
  CHECK(6.25f - Q::decode(3, channel) == Approx(2.0125f));
}

TEST_CASE("a tie goes to the lower value, equal values to the first, NaN to code 0") {
  using Q = codebook<3>;
  Q::params const p = {{-4, -2, -2, -2, 0, 1, 1, 1}};
  CHECK(Q::encode(-3, p) == 0);
  CHECK(Q::encode(-2.9f, p) == 1);
  CHECK(Q::encode(-1.1f, p) == 1);
  CHECK(Q::encode(-1, p) == 1);
  CHECK(Q::encode(-.9f, p) == 4);
  CHECK(Q::encode(.5f, p) == 4);
  CHECK(Q::encode(100, p) == 5);
  CHECK(Q::encode(std::numeric_limits<float>::infinity(), p) == 5);
  CHECK(Q::encode(-std::numeric_limits<float>::infinity(), p) == 0);
  CHECK(Q::encode(nan_value, p) == 0);
}

TEST_CASE("codes are those of the nearest value, for tables of all sizes") {
  test::random next(7);
  auto const check = [&]<int B>(std::integral_constant<int, B>) {
    using Q = codebook<B>;
    typename Q::params p{};
    float last = -3;
    for (float& v : p.values) { v = last += std::fabs(next.value()) * 0x1p-3f; }
    int wrong = 0;
    for (int i = 0; i < 2000; ++i) {
      float const x = next.value() * 2;
      double nearest = std::numeric_limits<double>::infinity();
      for (float const v : p.values) { nearest = std::min(nearest, std::fabs(double{v} - double{x})); }
      double const got = std::fabs(double{Q::decode(Q::encode(x, p), p)} - double{x});
      wrong += got <= nearest + 1e-7 ? 0 : 1;  // the middle is rounded to f32
    }
    CHECK(wrong == 0);
  };
  check(std::integral_constant<int, 2>{});
  check(std::integral_constant<int, 3>{});
  check(std::integral_constant<int, 5>{});
  check(std::integral_constant<int, 8>{});
}

TEST_CASE("calibrate spreads values evenly from the lowest to the highest") {
  std::vector<float> const xs = {3, -1, 0, 14};
  auto const p = codebook<4>::calibrate(xs);
  for (std::size_t c = 0; c < 16; ++c) { CHECK(p.values[c] == Approx(static_cast<double>(c) - 1).margin(1e-6)); }
  CHECK(p.values[0] == -1);
  CHECK(p.values[15] == 14);
  CHECK(codebook<2>::calibrate(std::vector<float>{}).values[3] == 0);
  float const large = std::numeric_limits<float>::max();
  for (float const v : codebook<2>::calibrate(std::vector<float>{-large, large}).values) { CHECK(std::isfinite(v)); }
  for (float const v : codebook<2>::calibrate(std::vector<float>{1, nan_value}).values) { CHECK(std::isnan(v)); }
}
