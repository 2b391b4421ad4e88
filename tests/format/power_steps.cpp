// SPDX-License-Identifier: MIT
#include "octavo/format/power_steps.hpp"

#include "octavo/quant/schemes.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

/// ZeroQuant-FP's worked scales as those of a row.
template <power_rounding R>
void check_worked(std::vector<float> const& expected, std::vector<int> const& shifts) {
  using Q = symmetric<e2m1, scale_as<scheme<symmetric<power_steps<3, R>>, per_row>>>;
  std::vector<float> const scales = {.0123f, .031f, .0075f, .0201f};
  auto const shared = Q::share(scales.data(), nullptr, 4);
  for (std::size_t i = 0; i < 4; ++i) {
    auto const p = Q::settle({scales[i], 0}, shared);
    CHECK(Q::scale(p) == Approx(expected[i]).epsilon(1e-6));
    CHECK(3 - p.sub == shifts[i]);
  }
}

}  // namespace

TEST_CASE("ZeroQuant-FP's worked scales: powers of two of the largest, and of 1") {
  STATIC_REQUIRE(check_number_format<power_steps<3>>());
  check_worked<power_rounding::down>({.00775f, .031f, .003875f, .0155f}, {2, 0, 3, 1});
  check_worked<power_rounding::up>({.0155f, .031f, .00775f, .031f}, {1, 0, 2, 0});
  check_worked<power_rounding::nearest>({.0155f, .031f, .00775f, .0155f}, {1, 0, 2, 1});
  using M1 = schemes::mx<e2m1, mx_ceil>::quantizer;
  float const scales[] = {.0123f, .031f, .0075f, .0201f};
  float const powers[] = {.015625f, .03125f, .0078125f, .03125f};
  for (std::size_t i = 0; i < 4; ++i) { CHECK(M1::from_absmax(6 * scales[i]).scale == powers[i]); }
}

TEST_CASE("powers are kept, what is next to one is that one, smaller numbers are 1, larger the largest") {
  auto const check = []<class F>(std::type_identity<F>) {
    for (int c = 0; c < F::codes; ++c) {
      float const v = std::ldexp(1.0f, c);
      CHECK(F::decode(static_cast<code>(c)) == v);
      CHECK(F::encode(v) == c);
      CHECK(F::encode(v * (1 + 0x1p-22f)) == c);
      CHECK(F::encode(v * (1 - 0x1p-22f)) == c);
    }
    CHECK(F::encode(0.01f) == 0);
    CHECK(F::encode(0) == 0);
    CHECK(F::encode(-3) == 0);
    CHECK(F::encode(std::numeric_limits<float>::quiet_NaN()) == 0);
    CHECK(F::encode(std::numeric_limits<float>::infinity()) == F::codes - 1);
  };
  check(std::type_identity<power_steps<3, power_rounding::up>>{});
  check(std::type_identity<power_steps<5, power_rounding::down>>{});
  check(std::type_identity<power_steps<7, power_rounding::nearest>>{});
  CHECK(power_steps<3, power_rounding::nearest>::encode(2.82f) == 1);
  CHECK(power_steps<3, power_rounding::nearest>::encode(2.83f) == 2);
  CHECK(power_steps<3, power_rounding::up>::encode(2.01f) == 2);
  CHECK(power_steps<3, power_rounding::down>::encode(3.99f) == 1);
}
