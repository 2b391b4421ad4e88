// SPDX-License-Identifier: MIT
#include "octavo/quant/scale.hpp"

#include "octavo/format/integer.hpp"
#include "octavo/format/minifloat.hpp"
#include "octavo/format/table.hpp"

#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <limits>

using namespace octavo;
using detail::fit_scale;

TEST_CASE("f32 scales are quotients, rounded once") {
  STATIC_REQUIRE(fit_scale<float>(1.2f, 7.0f).scale == 1.2f / 7.0f);
  STATIC_REQUIRE(fit_scale<float>(1.2f, 7.0f).inverse == 7.0f / 1.2f);
  CHECK(fit_scale<float>(0.0f, 7.0f).scale == 0.0f);
  CHECK(fit_scale<float>(0.0f, 7.0f).inverse == 0.0f);
  CHECK(fit_scale<float>(0x1p-130f, 127.0f).scale == 0.0f);  // the inverse would overflow
  CHECK(fit_scale<float>(0x1p-120f, 127.0f).scale == 0x1p-120f / 127.0f);
}

TEST_CASE("16-bit scales are rounded, kept finite, and inverted after rounding") {
  auto const h = fit_scale<f16>(1.0f, 7.0f);
  CHECK(h.scale == static_cast<float>(f16(1.0f / 7.0f)));
  CHECK(h.inverse == 1.0f / h.scale);
  CHECK(fit_scale<f16>(1e10f, 7.0f).scale == 65504.0f);
  CHECK(fit_scale<f16>(1e-9f, 7.0f).scale == 0.0f);
  CHECK(fit_scale<f16>(1e-9f, 7.0f).inverse == 0.0f);
  CHECK(fit_scale<bf16>(1.0f, 7.0f).scale == 0.142578125f);
  CHECK(fit_scale<bf16>(std::numeric_limits<float>::max(), 1.0f).scale == 0x1.fep127f);
}

TEST_CASE("e8m0 scales follow the OCP rule") {
  CHECK(fit_scale<e8m0>(5.1f, 6.0f).scale == 1.0f);
  CHECK(fit_scale<e8m0>(7.9f, 6.0f).scale == 1.0f);
  CHECK(fit_scale<e8m0>(8.0f, 6.0f).scale == 2.0f);
  CHECK(fit_scale<e8m0>(8.0f, 6.0f).inverse == 0.5f);
  CHECK(fit_scale<e8m0>(0.0f, 6.0f).scale == 0x1p-127f);
  CHECK(fit_scale<e8m0>(0.0f, 6.0f).inverse == 0.0f);
  CHECK(fit_scale<e8m0>(0x1p-149f, 6.0f).scale == 0x1p-127f);
  CHECK(fit_scale<e8m0>(std::numeric_limits<float>::max(), 0.25f).scale == 0x1p127f);
}

TEST_CASE("ue4m3 scales are nearest, saturate at 448, and are inverted after rounding") {
  CHECK(fit_scale<ue4m3>(6.0f * 438.468f, 6.0f).scale == 448.0f);  // the worked block of NVFP4
  CHECK(fit_scale<ue4m3>(6.0f * 19.0f, 6.0f).scale == 20.0f);      // a tie
  CHECK(fit_scale<ue4m3>(6.0f * 19.0f, 6.0f).inverse == 1.0f / 20.0f);
  CHECK(fit_scale<ue4m3>(1e9f, 6.0f).scale == 448.0f);
  CHECK(fit_scale<ue4m3>(6.0f * 0x1p-9f, 6.0f).scale == 0x1p-9f);
  CHECK(fit_scale<ue4m3>(6.0f * 0x1p-10f, 6.0f).scale == 0.0f);
  CHECK(fit_scale<ue4m3>(6.0f * 0x1p-10f, 6.0f).inverse == 0.0f);
  CHECK(std::isnan(fit_scale<ue4m3>(std::nanf(""), 6.0f).scale));
}

namespace {

/// Biased exponent of the scale by rule R.
template <class R>
int exponent(float extent, float steps, float top_step = 1.0f) {
  return e8m0(fit_scale<e8m0, R>(extent, steps, top_step).scale).bits;
}

/// Powers of two by the formulas, in double precision. `mantissa`: bits of the format below its leading one.
template <class F>
int wrong_exponents(int mantissa) {
  auto const steps = largest_value<F>;
  int wrong = 0;
  test::random random(7);
  for (int i = 0; i < 20000; ++i) {
    float extent = std::ldexp(1.0f + static_cast<float>(random.below(1 << 23)) * 0x1p-23f,
                              static_cast<int>(random.below(40)) - 20);
    if (i % 2 == 0) {  // the borders and what is next to them
      extent = std::ldexp(static_cast<float>((2 << mantissa) + random.below(2 << mantissa)) - 0.5f,
                          static_cast<int>(random.below(9)));
      extent = i % 8 == 0 ? std::nextafter(extent, 0.0f) : i % 8 == 2 ? std::nextafter(extent, 1e30f) : extent;
    }
    int e = 0;
    double const m = std::frexp(static_cast<double>(extent), &e);
    double const rounded = std::ldexp(std::nearbyint(std::ldexp(m, mantissa + 1)), e - mantissa - 1);
    double const q = static_cast<double>(extent / steps);
    wrong += exponent<mx_floor>(extent, steps) == 127 + std::ilogb(extent) - std::ilogb(steps) ? 0 : 1;
    wrong += exponent<mx_even>(extent, steps, top_step<F>) == 127 + std::ilogb(rounded) - std::ilogb(steps) ? 0 : 1;
    wrong += exponent<mx_ceil>(extent, steps) == 127 + static_cast<int>(std::ceil(std::log2(q))) ? 0 : 1;
    wrong += exponent<mx_nearest>(extent, steps) == 127 + static_cast<int>(std::nearbyint(std::log2(q))) ? 0 : 1;
  }
  return wrong;
}

}  // namespace

TEST_CASE("powers of two by other rules give the worked numbers") {
  CHECK(exponent<mx_ceil>(7.0f, 6.0f) == 128);
  CHECK(exponent<mx_ceil>(6.01f, 6.0f) == 128);
  CHECK(exponent<mx_ceil>(6.0f, 6.0f) == 127);
  CHECK(exponent<mx_ceil>(3.0f, 6.0f) == 126);
  CHECK(exponent<mx_floor>(7.0f, 6.0f) == 127);
  CHECK(exponent<mx_even>(7.0f, 6.0f, 2.0f) == 128);  // rounds to 8
  CHECK(exponent<mx_even>(std::nextafter(7.0f, 0.0f), 6.0f, 2.0f) == 127);
  CHECK(exponent<mx_nearest>(6.0f * 1.42f, 6.0f) == 128);
  CHECK(exponent<mx_nearest>(6.0f * 1.41f, 6.0f) == 127);
}

TEST_CASE("powers of two follow the formulas of their rules") {
  CHECK(wrong_exponents<e2m1>(1) == 0);
  CHECK(wrong_exponents<e2m3>(3) == 0);
  CHECK(wrong_exponents<e3m2>(2) == 0);
  CHECK(wrong_exponents<e4m3>(3) == 0);
  CHECK(wrong_exponents<e5m2>(2) == 0);
  CHECK(wrong_exponents<fixed<8, 6>>(6) == 0);
}

TEST_CASE("every rule stays within e8m0, and gives zeros the smallest scale") {
  constexpr float max = std::numeric_limits<float>::max();
  for (float const steps : {6.0f, 0.25f, 448.0f}) {
    CHECK(exponent<mx_ceil>(0.0f, steps) == 0);
    CHECK(exponent<mx_ceil>(0x1p-149f, steps) == 0);
    CHECK(exponent<mx_even>(0x1p-149f, steps) == 0);
    CHECK(exponent<mx_nearest>(0x1p-149f, steps) == 0);
  }
  CHECK(exponent<mx_ceil>(max, 0.25f) == 254);
  CHECK(exponent<mx_even>(max, 0.25f, 0.125f) == 254);
  CHECK(exponent<mx_nearest>(max, 0.25f) == 254);
  CHECK(exponent<mx_even>(max, 6.0f, 2.0f) == 253);
  CHECK(exponent<mx_even>(std::nanf(""), 6.0f, 2.0f) == 255);
}

TEST_CASE("an extent that is not finite gives scale NaN") {
  for (float const x : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    CHECK(std::isnan(fit_scale<float>(x, 7.0f).scale));
    CHECK(std::isnan(fit_scale<f16>(x, 7.0f).scale));
    CHECK(std::isnan(fit_scale<bf16>(x, 7.0f).scale));
    CHECK(std::isnan(fit_scale<e8m0>(x, 7.0f).scale));
    CHECK(fit_scale<float>(x, 7.0f).inverse == 0.0f);
  }
}

TEST_CASE("options are found wherever they stand") {
  STATIC_REQUIRE(std::is_same_v<detail::scale_option<>::type, float>);
  STATIC_REQUIRE(std::is_same_v<detail::scale_option<full, scale_as<f16>>::type, f16>);
  STATIC_REQUIRE(std::is_same_v<detail::scale_option<scale_as<e8m0>, full>::type, e8m0>);
  STATIC_REQUIRE(std::is_same_v<detail::scale_option<scale_as<e8m0, mx_even>, full>::rule, mx_even>);
  STATIC_REQUIRE(std::is_same_v<detail::scale_option<full>::rule, mx_floor>);
  STATIC_REQUIRE(detail::has_full<scale_as<f16>, full>);
  STATIC_REQUIRE_FALSE(detail::has_full<scale_as<f16>, narrow>);
}
