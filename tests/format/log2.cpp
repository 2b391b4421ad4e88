// SPDX-License-Identifier: MIT
#include "octavo/format/log2.hpp"

#include "octavo/format/table.hpp"

#include "support/catch.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

using namespace octavo;

namespace {

/// Codes of all floats of two octaves, and of every octave above `low`, that are not the nearest in the logarithm.
template <class F>
int wrong_codes(double levels_per_octave, int levels, float low) {
  int wrong = 0;
  auto const check = [&](float x) {
    double const level = std::nearbyint(-std::log2(static_cast<double>(x)) * levels_per_octave);
    int const last = codes_in_use<F> - 1;
    wrong += F::encode(x) == (level < levels ? static_cast<int>(level) : last) ? 0 : 1;
  };
  for (std::uint32_t bits = std::bit_cast<std::uint32_t>(0.125f); bits < std::bit_cast<std::uint32_t>(0.5f); ++bits) {
    check(std::bit_cast<float>(bits));
  }
  for (std::uint32_t bits = std::bit_cast<std::uint32_t>(low); bits <= std::bit_cast<std::uint32_t>(1.0f);
       bits += 4099) {
    check(std::bit_cast<float>(bits));
  }
  return wrong;
}

template <class F>
bool codes_come_back() {
  for (int c = 0; c < codes_in_use<F>; ++c) {
    if (F::encode(F::decode(static_cast<code>(c))) != c) { return false; }
  }
  return true;
}

}  // namespace

TEST_CASE("log2 codes are nearest in the logarithm") {
  CHECK(wrong_codes<log2_format<4>>(1, 16, 0x1p-30f) == 0);
  CHECK(wrong_codes<log2_format<4, log_zero::last>>(1, 15, 0x1p-30f) == 0);
  CHECK(wrong_codes<log2_format<5, log_zero::extra>>(1, 32, 0x1p-70f) == 0);
}

TEST_CASE("log sqrt 2 codes are nearest in the logarithm") {
  CHECK(wrong_codes<log_sqrt2_format<4>>(2, 16, 0x1p-30f) == 0);
  CHECK(wrong_codes<log_sqrt2_format<6, log_zero::extra>>(2, 64, 0x1p-70f) == 0);
}

TEST_CASE("log codes decode to powers, and 0 by its policy") {
  for (int q = 0; q < 16; ++q) {
    auto const c = static_cast<code>(q);
    CHECK(log2_format<4>::decode(c) == std::ldexp(1.0f, -q));
    CHECK(log_sqrt2_format<4>::decode(c) == static_cast<float>(std::exp2(-q / 2.0)));
    using F = log_sqrt2_format<4>;
    CHECK(F::factor(q) * std::ldexp(1.0f, -F::exponent(q)) == F::decode(c));
  }
  CHECK(log2_format<4, log_zero::last>::decode(15) == 0.0f);
  CHECK(log2_format<4, log_zero::last>::decode(14) == 0x1p-14f);
  CHECK(log2_format<4, log_zero::extra>::decode(16) == 0.0f);
  CHECK(log2_format<4, log_zero::extra>::decode(31) == 0.0f);  // not in use
  STATIC_REQUIRE(log2_format<4, log_zero::extra>::bits == 5);
  STATIC_REQUIRE(codes_in_use<log2_format<4, log_zero::extra>> == 17);
  CHECK(codes_come_back<log2_format<5>>());
  CHECK(codes_come_back<log2_format<2, log_zero::last>>());
  CHECK(codes_come_back<log_sqrt2_format<6, log_zero::extra>>());
  CHECK(codes_come_back<log_sqrt2_format<3, log_zero::last>>());
}

TEST_CASE("what is 0 or less, more than 1, or no number") {
  for (float const x : {0.0f, -1.0f, -0.0f, 1e-40f, std::nanf(""), -std::numeric_limits<float>::infinity()}) {
    CHECK(log2_format<4>::encode(x) == 15);
    CHECK(log2_format<4, log_zero::extra>::encode(x) == 16);
    CHECK(log_sqrt2_format<4, log_zero::last>::encode(x) == 15);
  }
  for (float const x : {1.0f, 1.5f, 1e30f, std::numeric_limits<float>::infinity()}) {
    CHECK(log2_format<4>::encode(x) == 0);
    CHECK(log_sqrt2_format<4>::encode(x) == 0);
  }
}

TEST_CASE("log formats get the narrowest exact arithmetic") {
  STATIC_REQUIRE(lattice<log2_format<3>>.exact);
  STATIC_REQUIRE(lattice<log2_format<3>>.highest == 128);
  STATIC_REQUIRE_FALSE(lattice<log2_format<4>>.exact);
  STATIC_REQUIRE(exact_in_bf16<log2_format<4>>);
  STATIC_REQUIRE_FALSE(exact_in_bf16<log2_format<5>>);
  STATIC_REQUIRE_FALSE(exact_in_bf16<log_sqrt2_format<3>>);
}
