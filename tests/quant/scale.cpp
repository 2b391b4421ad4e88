// SPDX-License-Identifier: MIT
#include "octavo/quant/scale.hpp"

#include "support/catch.hpp"

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
  STATIC_REQUIRE(detail::has_full<scale_as<f16>, full>);
  STATIC_REQUIRE_FALSE(detail::has_full<scale_as<f16>, narrow>);
}
