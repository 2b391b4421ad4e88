// SPDX-License-Identifier: MIT
#include "octavo/format/cast.hpp"

#include "octavo/format/integer.hpp"
#include "octavo/format/minifloat.hpp"

#include "support/catch.hpp"

using namespace octavo;

namespace {

/// The cast as a shift of the code's fields, where no target is subnormal.
template <int Bias, int Mantissa>
int by_fields(int c, int n) {
  int const e = c >> 1 & 3;
  int const m = c & 1;
  int const sign = c >> 3 << 7;
  if (e == 0) { return sign | (m == 0 ? 0 : (Bias - 1 + n) << Mantissa); }
  return sign | (e + Bias - 1 + n) << Mantissa | m << (Mantissa - 1);
}

template <int N>
void check_fields() {
  for (int c = 0; c < 16; ++c) {
    INFO("code " << c << ", 2^" << N);
    CHECK(int{cast<e4m3, e2m1, N>(static_cast<code>(c))} == by_fields<7, 3>(c, N));
    CHECK(int{cast<e5m2, e2m1, N>(static_cast<code>(c))} == by_fields<15, 2>(c, N));
  }
}

}  // namespace

TEST_CASE("ZeroQuant-FP's casts of FP4 to FP8 are the published codes") {
  int const as_e4m3[] = {0x00, 0x30, 0x38, 0x3c, 0x40, 0x44, 0x48, 0x4c};
  int const as_e5m2[] = {0x00, 0x38, 0x3c, 0x3e, 0x40, 0x42, 0x44, 0x46};
  for (std::size_t c = 0; c < 8; ++c) {
    CHECK(int{cast<e4m3, e2m1>(static_cast<code>(c))} == as_e4m3[c]);
    CHECK(int{cast<e5m2, e2m1>(static_cast<code>(c))} == as_e5m2[c]);
    CHECK(int{cast<e4m3, e2m1>(static_cast<code>(c + 8))} == (as_e4m3[c] | 0x80));
  }
}

TEST_CASE("a power of two is a shift of the fields of a code") {
  check_fields<-5>();
  check_fields<-1>();
  check_fields<3>();
  check_fields<6>();
}

TEST_CASE("casts are exact from 2^-8 to 2^6, and between formats of which one holds the other") {
  for (int n = -20; n <= 20; ++n) {
    INFO("2^" << n);
    CHECK(casts_exactly<e4m3, e2m1>(n) == (n >= -8 && n <= 6));
  }
  STATIC_REQUIRE(casts_exactly<e5m2, e2m1>(0));
  STATIC_REQUIRE(casts_exactly<e4m3, e3m2>(0));
  STATIC_REQUIRE(casts_exactly<int8, int4>(3));
  STATIC_REQUIRE_FALSE(casts_exactly<int8, int4>(5));
  STATIC_REQUIRE_FALSE(casts_exactly<e2m1, e4m3>(0));
  STATIC_REQUIRE_FALSE(casts_exactly<e4m3, e5m2>(0));
  STATIC_REQUIRE_FALSE(casts_exactly<int8, e2m1>(1));  // -0
  CHECK(int{cast<int8, int4, 3>(0xf)} == 0xf8);
}
