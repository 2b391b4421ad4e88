// SPDX-License-Identifier: MIT
#include "octavo/quant/adalog.hpp"

#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

using namespace octavo;

namespace {

/// Codes that are not rne(-log2(t) 37 / q) in extended precision, over floats of every octave; those within 1e-13 of a
/// tie are left out.
template <int B>
int wrong_codes() {
  using Q = adalog<B, log_zero::extra>;
  int wrong = 0;
  for (std::uint32_t bits = 1; bits < std::bit_cast<std::uint32_t>(1.0f); bits += 700001) {
    float const t = std::bit_cast<float>(bits);
    long double const octaves = -std::log2(static_cast<long double>(t));
    for (int q = Q::lowest_base; q <= Q::highest_base; ++q) {
      long double const level = octaves * 37 / static_cast<long double>(q);
      if (std::fabs(level - std::floor(level) - 0.5L) < 1e-13L) { continue; }
      long double const expected = std::nearbyint(level);
      int const code = Q::encode(t, {1.0f, q});
      wrong += code == (expected < (1 << B) ? static_cast<int>(expected) : 1 << B) ? 0 : 1;
    }
  }
  return wrong;
}

/// The floats next to each border between codes of all bases, on either side.
int wrong_borders() {
  using Q = adalog<6, log_zero::extra>;
  int wrong = 0;
  for (int q = Q::lowest_base; q <= Q::highest_base; ++q) {
    for (int j = 0; j < 63; ++j) {
      long double const border = std::exp2(-static_cast<long double>((2 * j + 1) * q) / 74);
      if (border < 1e-37L || (2 * j + 1) * q % 74 == 0) { continue; }
      auto const near = static_cast<float>(border);
      for (float const t : {std::nextafter(near, 0.0f), near, std::nextafter(near, 1.0f)}) {
        wrong += Q::encode(t, {1.0f, q}) == j + (static_cast<long double>(t) < border ? 1 : 0) ? 0 : 1;
      }
    }
  }
  return wrong;
}

template <class Q, std::size_t N>
void check_table(int q, int const (&shifts)[N], int const (&mantissas)[N]) {
  for (std::size_t c = 0; c < N; ++c) {
    CHECK(Q::shift(static_cast<int>(c), q) == shifts[c]);
    CHECK(Q::mantissa(static_cast<int>(c), q) == mantissas[c]);
  }
}

double value(code c, adalog<4>::params p) { return static_cast<double>(adalog<4>::decode(c, p)); }

}  // namespace

TEST_CASE("AdaLog has the worked tables") {
  check_table<adalog<4>>(19, {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7},
                         {30, 21, 29, 21, 29, 20, 28, 20, 28, 19, 27, 19, 27, 19, 26, 18});
  check_table<adalog<3>>(30, {0, 0, 1, 2, 3, 4, 4, 5}, {14, 8, 9, 10, 12, 13, 8, 9});
  check_table<adalog<6>>(10, {0, 0, 0, 0, 1, 1, 1, 1, 2}, {126, 104, 87, 72, 119, 99, 82, 68, 113});
  check_table<adalog<4>>(30, {0, 0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 8, 9, 10, 11, 12},
                         {30, 17, 19, 22, 25, 29, 16, 19, 21, 24, 28, 16, 18, 21, 24, 27});
  double const values[16] = {1,       .7,      .483333, .35,     .241667, .166667, .116667, .083333,
                             .058333, .039583, .028125, .019792, .014063, .009896, .006771, .004687};
  for (std::size_t c = 0; c < 16; ++c) {
    CHECK(std::fabs(value(static_cast<code>(c), {1.0f, 19}) - values[c]) < 6e-7);
  }
}

TEST_CASE("AdaLog gives the worked codes") {
  using Q = adalog<4, log_zero::extra>;
  float const x[9] = {1.0f, 0.7f, 0.5f, 0.31f, 0.1f, 0.02f, 0.005f, 0.004f, 0.0f};
  int const codes[9] = {0, 1, 2, 3, 6, 11, 15, 16, 16};
  for (std::size_t i = 0; i < 9; ++i) { CHECK(Q::encode(x[i], {1.0f, 19}) == codes[i]); }
  CHECK(Q::decode(16, {1.0f, 19}) == 0.0f);
  CHECK(Q::encode(0.00401757f, {1.0f, 19}) == 16);  // the threshold of 0, rounded up and down
  CHECK(Q::encode(0.00401758f, {1.0f, 19}) == 15);
  CHECK(adalog<4, log_zero::last>::encode(0.005f, {1.0f, 19}) == 15);
  CHECK(adalog<4, log_zero::last>::decode(15, {1.0f, 19}) == 0.0f);
  CHECK(adalog<4>::encode(0.0f, {1.0f, 19}) == 15);
}

TEST_CASE("the worked product of AdaLog probabilities, in integers") {
  using Q = adalog<4, log_zero::extra>;
  float const p[5] = {.62f, .25f, .10f, .029f, .001f};
  int const v[5][2] = {{12, -7}, {-100, 33}, {5, 127}, {64, -128}, {9, 9}};
  int const expected_codes[5] = {1, 4, 6, 10, 16};
  int sums[2] = {};
  double values[2] = {};
  for (std::size_t k = 0; k < 5; ++k) {
    code const c = Q::encode(p[k], {1.0f, 19});
    CHECK(c == expected_codes[k]);
    for (std::size_t n = 0; n < 2; ++n) {
      sums[n] += c == 16 ? 0 : (Q::mantissa(c, 19) << (7 - Q::shift(c, 19))) * v[k][n];
      values[n] += static_cast<double>(Q::decode(c, {1.0f, 19})) * v[k][n];
    }
  }
  CHECK(sums[0] == -51392);
  CHECK(sums[1] == 54880);
  CHECK(std::fabs(values[0] - -13.3833333) < 2e-6);
  CHECK(std::fabs(values[1] - 14.2916667) < 2e-6);
}

TEST_CASE("AdaLog of GELU outputs is shifted, and the shift folds into a bias") {
  using Q = adalog<4, log_zero::extra, gelu_outputs>;
  Q::params const p{2.669971242547035f, 30};
  float const x[7] = {2.5f, 1.0f, 0.3f, 0.0f, -0.05f, -0.1699f, 3.1f};
  int const codes[7] = {0, 1, 3, 5, 6, 16, 0};
  double const values[7] = {2.5, 1.3430125, .3195235, -.0086605, -.0809722, -.1699712, 2.5};
  for (std::size_t i = 0; i < 7; ++i) {
    CHECK(Q::encode(x[i], p) == codes[i]);
    CHECK(std::fabs(static_cast<double>(Q::decode(Q::encode(x[i], p), p)) - values[i]) < 3e-7);
  }

  using folded = adalog<4, log_zero::extra, folded_gelu_outputs>;
  test::matrix<float> w(2, 3);
  float const weights[2][3] = {{.3f, -.1f, .2f}, {.0f, .4f, -.5f}};
  for (octavo::index o = 0; o < 2; ++o) {
    for (octavo::index i = 0; i < 3; ++i) { w(o, i) = weights[o][i]; }
  }
  std::vector<float> bias = {.5f, -.25f};
  fold_gelu_shift(w, bias);
  CHECK(std::fabs(static_cast<double>(bias[0]) - .43201150) < 3e-8);
  CHECK(std::fabs(static_cast<double>(bias[1]) - -.23300288) < 3e-8);
  float const input[3] = {1.0f, 0.0f, -.1699f};
  double const y[2] = {.86977554, -.16847857};
  for (octavo::index o = 0; o < 2; ++o) {
    double sum = static_cast<double>(bias[static_cast<std::size_t>(o)]);
    for (octavo::index i = 0; i < 3; ++i) {
      sum += static_cast<double>(w(o, i)) * static_cast<double>(folded::decode(folded::encode(input[i], p), p));
    }
    CHECK(std::fabs(sum - y[o]) < 3e-7);
  }
  std::vector<float> three(3);
  CHECK_THROWS_AS(fold_gelu_shift(w, three), std::invalid_argument);
}

TEST_CASE("AdaLog codes are exact for every base") {
  CHECK(wrong_codes<3>() == 0);
  CHECK(wrong_codes<4>() == 0);
  CHECK(wrong_codes<6>() == 0);
  CHECK(wrong_borders() == 0);
  // Ties: 2^-1, 2^-3, 2^-5 lie between codes of base 4.
  CHECK(adalog<4>::encode(0.5f, {1.0f, 74}) == 0);
  CHECK(adalog<4>::encode(0.125f, {1.0f, 74}) == 2);
  CHECK(adalog<4>::encode(0.03125f, {1.0f, 74}) == 2);
  CHECK(adalog<6>::encode(0x1p-149f, {1.0f, 137}) == 40);
}

TEST_CASE("AdaLog codes come back, and values fall") {
  int wrong = 0;
  auto const check = [&](auto quantizer, int levels) {
    using Q = decltype(quantizer);
    for (int q = Q::lowest_base; q <= Q::highest_base; ++q) {
      float above = 2;
      for (int c = 0; c < levels; ++c) {
        float const v = Q::decode(static_cast<code>(c), {1.0f, q});
        if (v < 1e-38f) { continue; }
        wrong += Q::encode(v, {1.0f, q}) == c && v < above ? 0 : 1;
        above = v;
      }
    }
  };
  check(adalog<3>{}, 8);
  check(adalog<4>{}, 16);
  check(adalog<5>{}, 32);
  check(adalog<6>{}, 64);
  CHECK(wrong == 0);
}

TEST_CASE("calibration finds the base of least error") {
  using Q = adalog<4>;
  test::random random(11);
  std::vector<float> xs;
  for (int i = 0; i < 300; ++i) { xs.push_back(std::exp2(-static_cast<float>(random.below(1000)) / 110.0f)); }
  auto const p = Q::calibrate(xs);
  CHECK(p.scale == *std::max_element(xs.begin(), xs.end()));
  auto const error = [&](int q) {
    double sum = 0;
    for (float const x : xs) {
      double const d =
          static_cast<double>(Q::decode(Q::encode(x, {p.scale, q}), {p.scale, q})) - static_cast<double>(x);
      sum += d * d;
    }
    return sum;
  };
  for (int q = 10; q <= 137; ++q) { CHECK(error(p.base) <= error(q) * (1 + 1e-12)); }
  // Numbers of one base are found again.
  for (int const q : {10, 23, 37, 136}) {
    std::vector<float> exact;
    for (int c = 0; c < 16; ++c) { exact.push_back(Q::decode(static_cast<code>(c), {0.75f, q})); }
    CHECK(Q::calibrate(exact).base == q);
    CHECK(Q::with_scale(exact.data(), exact.data() + 16, 1.0f).scale == 1.0f);
  }
}

TEST_CASE(
    "with four bits for rows of softmax AdaLog errs less than log sqrt 2, log2 and uniform codes, in this order") {
  constexpr std::size_t keys = 197;
  test::random random(9);
  std::vector<float> rows;
  for (int row = 0; row < 16; ++row) {
    std::vector<double> e(keys);
    double sum = 0;
    for (double& x : e) {
      double logit = -6;  // nearly normal, of deviation 2 below
      for (int i = 0; i < 12; ++i) { logit += static_cast<double>(random.bits()) * 0x1p-32; }
      x = std::exp(2 * logit);
      sum += x;
    }
    for (double const x : e) { rows.push_back(static_cast<float>(x / sum)); }
  }
  auto const error = [&](auto const& value) {
    double sum = 0;
    for (float const x : rows) {
      double const d = static_cast<double>(value(x) - x);
      sum += d * d;
    }
    return sum;
  };
  using Q = adalog<4, log_zero::extra>;
  auto const p = Q::with_scale(rows.data(), rows.data() + rows.size(), 1.0f);
  double const by_adalog = error([&](float x) { return Q::decode(Q::encode(x, p), p); });
  using root = log_sqrt2_format<4, log_zero::extra>;
  double const by_root = error([](float x) { return root::decode(root::encode(x)); });
  using two = log2_format<4, log_zero::extra>;
  double const by_two = error([](float x) { return two::decode(two::encode(x)); });
  double const by_uniform = error([](float x) { return uint4::decode(uint4::encode(15 * x)) / 15; });
  CHECK(by_adalog < by_root);
  CHECK(by_root < 0.5 * by_two);
  CHECK(by_two < 0.7 * by_uniform);
}

TEST_CASE("AdaLog of zeros and of numbers that are not finite") {
  using Q = adalog<4, log_zero::extra>;
  STATIC_REQUIRE(check_quantizer<Q>());
  STATIC_REQUIRE_FALSE(linear_quantizer<Q>);
  std::vector<float> const zeros(3, 0.0f);
  auto const p = Q::calibrate(zeros);
  CHECK(p.scale == 0.0f);
  CHECK(Q::decode(Q::encode(0.0f, p), p) == 0.0f);
  for (float const bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    auto const broken = Q::calibrate(std::vector<float>{0.5f, bad});
    for (int c = 0; c < 17; ++c) { CHECK(std::isnan(Q::decode(static_cast<code>(c), broken))); }
  }
  CHECK(Q::encode(std::nanf(""), {1.0f, 37}) == 16);
  CHECK(Q::encode(5.0f, {1.0f, 37}) == 0);
}

TEST_CASE("AdaLog has a name for each law of decoding, and survives any parameters") {
  CHECK(std::string(adalog<4>::name) == "adalog");
  CHECK(std::string(adalog<4, log_zero::last>::name) == "adalog_last_zero");
  CHECK(std::string(adalog<4, log_zero::extra, gelu_outputs>::name) == "adalog_gelu_extra_zero");
  CHECK(std::string(adalog<4, log_zero::none, folded_gelu_outputs>::name) == adalog<4>::name);
  for (int const q : {std::numeric_limits<int>::min(), -1, 0, 1000, std::numeric_limits<int>::max()}) {
    CHECK(adalog<6>::decode(63, {1.0f, q}) >= 0.0f);
  }
}
