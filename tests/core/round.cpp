// SPDX-License-Identifier: MIT
#include "octavo/core/round.hpp"

#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <limits>

using namespace octavo;

TEST_CASE("round_even rounds ties to even") {
  STATIC_REQUIRE(detail::round_even(0.5f) == 0.0f);
  STATIC_REQUIRE(detail::round_even(1.5f) == 2.0f);
  STATIC_REQUIRE(detail::round_even(2.5f) == 2.0f);
  STATIC_REQUIRE(detail::round_even(-2.5f) == -2.0f);
  STATIC_REQUIRE(detail::round_even(-3.5f) == -4.0f);
  int wrong = 0;
  for (int i = -2000000; i <= 2000000; ++i) {
    float const tie = static_cast<float>(i) * 0.5f;
    for (float const x : {tie, std::nextafter(tie, 1e9f), std::nextafter(tie, -1e9f)}) {
      wrong += detail::round_even(x) == std::nearbyint(x) ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("round_even equals nearbyint around the powers of two where fractions end") {
  int wrong = 0;
  for (float const sign : {1.0f, -1.0f}) {
    for (float const power : {0x1p20f, 0x1p21f, 0x1p22f, 0x1p23f, 0x1p24f, 0x1p30f}) {
      float x = power;
      for (int i = 0; i < 1000; ++i) { x = std::nextafter(x, 0.0f); }
      for (int i = 0; i < 2000; ++i, x = std::nextafter(x, 1e30f)) {
        wrong += detail::round_even(sign * x) == std::nearbyint(sign * x) ? 0 : 1;
      }
    }
  }
  CHECK(wrong == 0);
  CHECK(detail::round_even(std::numeric_limits<float>::infinity()) == std::numeric_limits<float>::infinity());
  CHECK(detail::round_even(std::numeric_limits<float>::denorm_min()) == 0.0f);
}

TEST_CASE("round_even equals nearbyint for random bits") {
  test::random next(1);
  int wrong = 0;
  for (int i = 0; i < 1000000; ++i) {
    float const x = std::bit_cast<float>(next.bits());
    if (!std::isnan(x)) { wrong += detail::round_even(x) == std::nearbyint(x) ? 0 : 1; }
  }
  CHECK(wrong == 0);
}

TEST_CASE("clamp takes NaN to the low end") {
  STATIC_REQUIRE(detail::clamp(5.0f, -1.0f, 3.0f) == 3.0f);
  STATIC_REQUIRE(detail::clamp(-5.0f, -1.0f, 3.0f) == -1.0f);
  STATIC_REQUIRE(detail::clamp(2.0f, -1.0f, 3.0f) == 2.0f);
  CHECK(detail::clamp(std::numeric_limits<float>::quiet_NaN(), -1.0f, 3.0f) == -1.0f);
}

TEST_CASE("is_finite, floor_log2 and power_of_two agree with the standard library") {
  test::random next(2);
  int wrong = 0;
  for (int i = 0; i < 300000; ++i) {
    float const x = std::bit_cast<float>(next.bits());
    wrong += detail::is_finite(x) == std::isfinite(x) ? 0 : 1;
    if (std::isfinite(x) && x != 0) { wrong += detail::floor_log2(x) == std::ilogb(x) ? 0 : 1; }
  }
  for (std::uint32_t u = 1; u < 1u << 23; u += 997) {  // denormals
    float const x = std::bit_cast<float>(u);
    wrong += detail::floor_log2(x) == std::ilogb(x) ? 0 : 1;
  }
  for (int e = -149; e <= 127; ++e) { wrong += detail::power_of_two(e) == std::ldexp(1.0f, e) ? 0 : 1; }
  CHECK(wrong == 0);
  CHECK_FALSE(detail::is_finite(std::numeric_limits<float>::infinity()));
  CHECK_FALSE(detail::is_finite(std::numeric_limits<float>::quiet_NaN()));
  CHECK(detail::is_finite(std::numeric_limits<float>::max()));
}

TEST_CASE("opaque keeps a product out of a following sum") {
  // (1 + 2^-12)^2 - (1 + 2^-11): 0 when the product is rounded first, 2^-24 when the two are fused.
  float const volatile a = 1 + 0x1p-12f;
  float const volatile c = -(1 + 0x1p-11f);
  float const x = a;
  float const y = detail::opaque(x * x) + c;
  CHECK(y == 0.0f);
}
