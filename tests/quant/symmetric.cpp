// SPDX-License-Identifier: MIT
#include "octavo/quant/symmetric.hpp"

#include "octavo/format/codebook.hpp"
#include "octavo/format/integer.hpp"
#include "octavo/format/log2.hpp"
#include "octavo/format/minifloat.hpp"

#include "support/catch.hpp"
#include "support/codes.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;
using test::codes;
using test::values_of_codes;
using test::worked;

namespace {

template <class Q>
float scale(std::vector<float> const& xs) {
  return Q::scale(Q::calibrate(xs));
}

}  // namespace

TEST_CASE("narrow and full scales give the worked numbers") {
  CHECK(scale<symmetric<int8>>(worked) == 0.00944881886f);
  CHECK(values_of_codes<symmetric<int8>>(worked) == std::vector<float>{95, -33, 2, -127, 58, 81, -8, 42});
  // Exact arithmetic has ties in full: -1.2, -0.08 and 0.4 are -127.5, -8.5 and 42.5 steps of int8. Codes are those of
  // f32 products with the inverse, as NumPy computes them.
  CHECK(scale<symmetric<int8, full>>(worked) == 0.00941176526f);
  CHECK(values_of_codes<symmetric<int8, full>>(worked) == std::vector<float>{96, -33, 2, -128, 58, 82, -8, 42});
  CHECK(scale<symmetric<int4>>(worked) == 0.171428576f);
  CHECK(values_of_codes<symmetric<int4>>(worked) == std::vector<float>{5, -2, 0, -7, 3, 4, 0, 2});
  CHECK(scale<symmetric<int4, full>>(worked) == 0.160000011f);
  CHECK(values_of_codes<symmetric<int4, full>>(worked) == std::vector<float>{6, -2, 0, -8, 3, 5, 0, 2});
}

TEST_CASE("full reaches the lowest code where the arithmetic is exact") {
  CHECK(values_of_codes<symmetric<int4, full>>({-7.5f, 7.5f, 2.5f, -3.5f}) == std::vector<float>{-8, 7, 2, -4});
  CHECK(values_of_codes<symmetric<int2, full>>({-3.0f, 3.0f, 1.5f}) == std::vector<float>{-2, 1, 1});
}

TEST_CASE("nf4 gives the worked codes and values") {
  using Q = symmetric<nf4>;
  CHECK(codes<Q>(worked) == std::vector<int>{14, 4, 7, 0, 12, 13, 6, 11});
  double const expected[8] = {.867548, -.34133, 0, -1.2, .528852, .67514, -.10926, .405498};
  auto const p = Q::calibrate(worked);
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK(std::fabs(static_cast<double>(Q::decode(Q::encode(worked[i], p), p)) - expected[i]) < 1e-6);
  }
}

TEST_CASE("MXFP4 gives the worked exponent and codes") {
  using Q = symmetric<e2m1, scale_as<e8m0>>;
  std::vector<float> const x = {0.3f, -1.7f, 2.9f, -0.06f, 5.1f, 0.9f, -3.3f, 0.0f};
  CHECK(e8m0(scale<Q>(x)).bits == 127);
  CHECK(codes<Q>(x) == std::vector<int>{0x1, 0xb, 0x5, 0x8, 0x7, 0x2, 0xd, 0x0});
  CHECK(values_of_codes<Q>(x) == std::vector<float>{.5f, -1.5f, 3, -0.0f, 6, 1, -3, 0});
}

TEST_CASE("MXFP8 gives the worked exponents and codes") {
  std::vector<float> const x = {0.3f, -1.7f, 2.9f, -0.06f, 5.1f, 0.9f, -3.3f, 0.0f};
  using Q4 = symmetric<e4m3, scale_as<e8m0>>;
  CHECK(e8m0(scale<Q4>(x)).bits == 121);
  CHECK(codes<Q4>(x) == std::vector<int>{0x5a, 0xee, 0x74, 0xc7, 0x7a, 0x66, 0xf5, 0x00});
  using Q5 = symmetric<e5m2, scale_as<e8m0>>;
  CHECK(e8m0(scale<Q5>(x)).bits == 114);
  CHECK(codes<Q5>(x) == std::vector<int>{0x69, 0xf3, 0x76, 0xe0, 0x79, 0x6f, 0xf7, 0x00});
}

TEST_CASE("MXFP6 gives the worked exponents, codes and values") {
  std::vector<float> const x = {0.3f, -1.7f, 2.9f, -0.06f, 5.1f, 0.9f, -3.3f, 0.0f};
  using Q6 = symmetric<e2m3, scale_as<e8m0>>;
  CHECK(e8m0(scale<Q6>(x)).bits == 127);
  CHECK(codes<Q6>(x) == std::vector<int>{0x02, 0x2e, 0x14, 0x20, 0x1a, 0x07, 0x35, 0x00});
  CHECK(values_of_codes<Q6>(x) == std::vector<float>{.25f, -1.75f, 3, -0.0f, 5, .875f, -3.25f, 0});
  using Q3 = symmetric<e3m2, scale_as<e8m0>>;
  CHECK(e8m0(scale<Q3>(x)).bits == 125);
  CHECK(codes<Q3>(x) == std::vector<int>{0x0d, 0x37, 0x1a, 0x24, 0x1d, 0x13, 0x3b, 0x00});
}

TEST_CASE("MXINT8 gives the worked exponent and integers, and never its lowest code") {
  std::vector<float> const x = {0.3f, -1.7f, 2.9f, -0.06f, 5.1f, 0.9f, -3.3f, 0.0f};
  using Q = symmetric<fixed<8, 6>, scale_as<e8m0>>;
  CHECK(e8m0(scale<Q>(x)).bits == 129);
  std::vector<int> integers;
  for (int const c : codes<Q>(x)) { integers.push_back(c < 128 ? c : c - 256); }
  CHECK(integers == std::vector<int>{5, -27, 46, -1, 82, 14, -53, 0});
  CHECK(codes<Q>({-7.9999f, 1.0f, 7.9999f}) == std::vector<int>{0x81, 0x10, 0x7f});
}

TEST_CASE("with the ceiling nothing of MXFP4 saturates, but the floor cuts off") {
  using up = symmetric<e2m1, scale_as<e8m0, mx_ceil>>;
  CHECK(values_of_codes<up>({7.0f, -1.0f}) == std::vector<float>{4.0f, -0.5f});  // 3.5 is a tie, of scale 2
  CHECK(values_of_codes<symmetric<e2m1, scale_as<e8m0>>>({7.0f, -1.0f}) == std::vector<float>{6.0f, -1.0f});
}

TEST_CASE("int3 of a narrow and a full scale") {
  CHECK(values_of_codes<symmetric<int3>>({3.0f, -3.0f, 1.4f, 0.6f}) == std::vector<float>{3, -3, 1, 1});
  CHECK(values_of_codes<symmetric<int3, full>>({3.5f, -3.5f, 1.4f}) == std::vector<float>{3, -4, 1});
}

TEST_CASE("ternary codes of absmax") {
  using Q = symmetric<ternary>;
  CHECK(scale<Q>(worked) == 1.2f);
  CHECK(values_of_codes<Q>(worked) == std::vector<float>{1, 0, 0, -1, 0, 1, 0, 0});
  CHECK(values_of_codes<Q>({0.0f, -0.0f}) == std::vector<float>{0, 0});
}

TEST_CASE("log sqrt 2 of RepQ-ViT gives the worked codes and values") {
  using F = log_sqrt2_format<4, log_zero::extra>;
  using Q = symmetric<F>;
  auto const p = Q::from_absmax(0.9f);
  float const x[8] = {.95f, .64f, .45f, .3f, .1f, .01f, .0042f, .004f};
  int const expected[8] = {0, 1, 2, 3, 6, 13, 15, 16};
  double const values[8] = {.9, .6363961, .45, .3181981, .1125, .0099437, .0049718, 0};
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK(Q::encode(x[i], p) == expected[i]);
    CHECK(std::fabs(static_cast<double>(Q::decode(Q::encode(x[i], p), p)) - values[i]) < 1e-7);
  }
  CHECK(Q::encode(.00418080f, p) == 16);  // the threshold of 0 is .00418081
  CHECK(Q::encode(.00418082f, p) == 15);
}

TEST_CASE("log sqrt 2 as two sums of powers of two gives the worked product") {
  using F = log_sqrt2_format<4>;
  float const probabilities[5] = {.5f, .3f, .1f, .06f, .04f};
  int const v[5] = {11, -40, 90, -128, 127};
  int const expected[5] = {2, 3, 7, 8, 9};
  int even = 0;
  int odd = 0;
  double sum = 0;
  for (std::size_t k = 0; k < 5; ++k) {
    code const c = F::encode(probabilities[k]);
    CHECK(c == expected[k]);
    (F::factor(c) == 1.0f ? even : odd) += (256 >> F::exponent(c)) * v[k];
    sum += static_cast<double>(F::decode(c)) * v[k];
  }
  CHECK(even == -640);
  CHECK(odd == -104);
  CHECK(std::fabs((even + std::sqrt(2.0) * odd) / 256 - -3.0745243) < 1e-7);
  CHECK(std::fabs(sum - -3.0745243) < 1e-5);
}

TEST_CASE("a stored scale is the rounded one, and codes are made with it") {
  CHECK(scale<symmetric<int4, scale_as<f16>>>(worked) == static_cast<float>(f16(1.2f / 7.0f)));
  CHECK(scale<symmetric<int4, scale_as<bf16>>>(worked) == static_cast<float>(bf16(1.2f / 7.0f)));
  // 1 / 7 as bf16 is 0.142578125: 0.5 / 0.142578125 is 3.507, while 0.5 * 7 is the tie 3.5.
  CHECK(values_of_codes<symmetric<int4, scale_as<bf16>>>({1.0f, 0.5f, 0.0711f}) == std::vector<float>{7, 4, 0});
  CHECK(values_of_codes<symmetric<int4, scale_as<bf16>>>({1.0f, 0.0715f}) == std::vector<float>{7, 1});
}

TEST_CASE("groups of zeros and of tiny numbers get scale 0 and codes 0") {
  std::vector<float> const zeros(5, 0.0f);
  std::vector<float> const tiny = {0x1p-149f, -0x1p-140f, 0.0f};
  CHECK(scale<symmetric<int8>>(zeros) == 0.0f);
  CHECK(values_of_codes<symmetric<int8>>(zeros) == std::vector<float>(5, 0.0f));
  CHECK(scale<symmetric<int8>>(tiny) == 0.0f);
  CHECK(values_of_codes<symmetric<int8>>(tiny) == std::vector<float>(3, 0.0f));
  CHECK(scale<symmetric<int4, scale_as<f16>>>({1e-9f}) == 0.0f);
  CHECK(values_of_codes<symmetric<int4, scale_as<f16>>>({1e-9f}) == std::vector<float>{0.0f});
  CHECK(scale<symmetric<int8>>({}) == 0.0f);
}

TEST_CASE("NaN or infinity in a group makes its scale NaN") {
  constexpr float inf = std::numeric_limits<float>::infinity();
  CHECK(std::isnan(scale<symmetric<int8>>({1.0f, std::nanf(""), 2.0f})));
  CHECK(std::isnan(scale<symmetric<int4, scale_as<f16>>>({1.0f, -inf})));
  CHECK(std::isnan(scale<symmetric<int4, scale_as<bf16>>>({inf})));
  CHECK(std::isnan(scale<symmetric<e2m1, scale_as<e8m0>>>({std::nanf("")})));
}

TEST_CASE("the quantizer is linear") {
  STATIC_REQUIRE(linear_quantizer<symmetric<int4>>);
  STATIC_REQUIRE_FALSE(has_zero_point<symmetric<int4>>);
  STATIC_REQUIRE(symmetric<int4>::largest == 7.0f);
  STATIC_REQUIRE(symmetric<int4, full>::largest == 7.5f);
  STATIC_REQUIRE(symmetric<int4, full>::limit == 8.0f);
}
