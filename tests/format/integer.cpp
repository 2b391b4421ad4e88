// SPDX-License-Identifier: MIT
#include "octavo/format/integer.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <limits>

using namespace octavo;

namespace {

/// Codes that decode wrongly, and values that encode wrongly, of integers from `lowest` to `highest`.
template <class F>
int mistakes(int lowest, int highest) {
  int wrong = 0;
  for (int v = lowest; v <= highest; ++v) {
    auto const c = static_cast<code>(v & ((1 << F::bits) - 1));
    wrong += F::decode(c) == static_cast<float>(v) ? 0 : 1;
    wrong += F::encode(static_cast<float>(v)) == c ? 0 : 1;
  }
  for (int i = -40 * 256; i <= 40 * 256; ++i) {
    float const x = static_cast<float>(i) / 32.0f;
    float expected = std::nearbyint(x);
    expected = expected < static_cast<float>(lowest) ? static_cast<float>(lowest) : expected;
    expected = expected > static_cast<float>(highest) ? static_cast<float>(highest) : expected;
    wrong += F::decode(F::encode(x)) == expected ? 0 : 1;
  }
  constexpr float inf = std::numeric_limits<float>::infinity();
  wrong += F::decode(F::encode(inf)) == static_cast<float>(highest) ? 0 : 1;
  wrong += F::decode(F::encode(-inf)) == static_cast<float>(lowest) ? 0 : 1;
  wrong += F::decode(F::encode(3e38f)) == static_cast<float>(highest) ? 0 : 1;
  wrong += F::decode(F::encode(std::nanf(""))) == static_cast<float>(lowest) ? 0 : 1;
  return wrong;
}

}  // namespace

TEST_CASE("two's complement integers decode, round to nearest even and saturate") {
  CHECK(mistakes<int8>(-128, 127) == 0);
  CHECK(mistakes<sint<6>>(-32, 31) == 0);
  CHECK(mistakes<int4>(-8, 7) == 0);
  CHECK(mistakes<sint<3>>(-4, 3) == 0);
  CHECK(mistakes<int2>(-2, 1) == 0);
}

TEST_CASE("unsigned integers decode, round to nearest even and saturate") {
  CHECK(mistakes<uint8>(0, 255) == 0);
  CHECK(mistakes<uint4>(0, 15) == 0);
  CHECK(mistakes<octavo::uint<3>>(0, 7) == 0);
  CHECK(mistakes<uint2>(0, 3) == 0);
  CHECK(mistakes<octavo::uint<1>>(0, 1) == 0);
}

TEST_CASE("bits above those of the format are ignored") {
  STATIC_REQUIRE(int4::decode(0xf7) == 7.0f);
  STATIC_REQUIRE(int4::decode(0x08) == -8.0f);
  STATIC_REQUIRE(uint4::decode(0x3f) == 15.0f);
  STATIC_REQUIRE(int4::encode(-1.0f) == 0x0f);
}
