// SPDX-License-Identifier: MIT
#include "octavo/format/integer.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <cstddef>
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
  CHECK(mistakes<int6>(-32, 31) == 0);
  CHECK(mistakes<int5>(-16, 15) == 0);
  CHECK(mistakes<int4>(-8, 7) == 0);
  CHECK(mistakes<int3>(-4, 3) == 0);
  CHECK(mistakes<int2>(-2, 1) == 0);
}

TEST_CASE("unsigned integers decode, round to nearest even and saturate") {
  CHECK(mistakes<uint8>(0, 255) == 0);
  CHECK(mistakes<uint6>(0, 63) == 0);
  CHECK(mistakes<uint5>(0, 31) == 0);
  CHECK(mistakes<uint4>(0, 15) == 0);
  CHECK(mistakes<uint3>(0, 7) == 0);
  CHECK(mistakes<uint2>(0, 3) == 0);
  CHECK(mistakes<octavo::uint<1>>(0, 1) == 0);
}

TEST_CASE("bits above those of the format are ignored") {
  STATIC_REQUIRE(int4::decode(0xf7) == 7.0f);
  STATIC_REQUIRE(int4::decode(0x08) == -8.0f);
  STATIC_REQUIRE(uint4::decode(0x3f) == 15.0f);
  STATIC_REQUIRE(int4::encode(-1.0f) == 0x0f);
}

TEST_CASE("ternary has three codes, and rounds ties to 0") {
  constexpr float inf = std::numeric_limits<float>::infinity();
  STATIC_REQUIRE(codes_in_use<ternary> == 3);
  for (int v = -1; v <= 1; ++v) {
    CHECK(ternary::encode(static_cast<float>(v)) == v + 1);
    CHECK(ternary::decode(static_cast<code>(v + 1)) == static_cast<float>(v));
  }
  CHECK(ternary::decode(3) == 2.0f);  // not in use: the next integer, as kernels unpack it
  for (float const x : {0.5f, -0.5f, 0.0f, -0.0f, 0.49f}) { CHECK(ternary::encode(x) == 1); }
  for (float const x : {0.50001f, 2.0f, 1e30f, inf}) { CHECK(ternary::encode(x) == 2); }
  for (float const x : {-0.50001f, -2.0f, -inf, std::nanf("")}) { CHECK(ternary::encode(x) == 0); }
}

TEST_CASE("fixed point counts parts of a power of two") {
  using mx = fixed<8, 6>;  // the worked example of MXINT8, whose scale there is 4
  float const x[8] = {0.3f, -1.7f, 2.9f, -0.06f, 5.1f, 0.9f, -3.3f, 0.0f};
  int const k[8] = {5, -27, 46, -1, 82, 14, -53, 0};
  for (std::size_t i = 0; i < 8; ++i) {
    code const c = mx::encode(x[i] / 4.0f);
    CHECK(int8::decode(c) == static_cast<float>(k[i]));
    CHECK(mx::decode(c) == static_cast<float>(k[i]) / 64.0f);
  }
  CHECK(mx::decode(mx::encode(100.0f)) == 127.0f / 64.0f);
  CHECK(mx::decode(mx::encode(-100.0f)) == -2.0f);
  CHECK(mx::decode(mx::encode(std::nanf(""))) == -2.0f);
  CHECK(fixed<4, 3>::decode(7) == 0.875f);
}
