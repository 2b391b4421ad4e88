// SPDX-License-Identifier: MIT
#include "octavo/core/scalar.hpp"

#include "golden/minifloat.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

struct ieee_format {
  int exponent_bits;
  int mantissa_bits;
  [[nodiscard]] int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  [[nodiscard]] int top() const { return (1 << exponent_bits) - 1; }
};
constexpr ieee_format bf16_format{8, 7};
constexpr ieee_format f16_format{5, 10};

/// The value of 16 bits by the formula of IEEE 754.
double plain_decode(ieee_format f, unsigned bits) {
  int const e = static_cast<int>(bits >> f.mantissa_bits) & f.top();
  int const m = static_cast<int>(bits) & ((1 << f.mantissa_bits) - 1);
  double value = 0;
  if (e == f.top()) {
    value = m == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  } else if (e == 0) {
    value = std::ldexp(m, 1 - f.bias() - f.mantissa_bits);
  } else {
    value = std::ldexp((1 << f.mantissa_bits) + m, e - f.bias() - f.mantissa_bits);
  }
  return (bits & 0x8000u) != 0 ? -value : value;
}

/// Bits of x rounded to nearest even, by exact arithmetic in double. Pre: not NaN.
unsigned plain_encode(ieee_format f, float x) {
  unsigned const sign = std::signbit(x) ? 0x8000u : 0u;
  double const a = std::fabs(static_cast<double>(x));
  auto const infinity = static_cast<unsigned>(f.top()) << f.mantissa_bits;
  if (a == 0) { return sign; }
  if (std::isinf(a)) { return sign | infinity; }
  int e = std::ilogb(a);
  if (e < 1 - f.bias()) { e = 1 - f.bias(); }
  // In units of the last place; a carry walks into the exponent by itself.
  auto const units = static_cast<unsigned>(std::nearbyint(std::ldexp(a, f.mantissa_bits - e)));
  unsigned const bits = (static_cast<unsigned>(e - (1 - f.bias())) << f.mantissa_bits) + units;
  return sign | (bits < infinity ? bits : infinity);
}

/// Floats around everything that could go wrong: each code, each midpoint, and their neighbours; then random bits.
std::vector<float> interesting_floats(ieee_format f) {
  std::vector<float> xs;
  for (unsigned c = 0; c < 0x10000u; ++c) {
    auto const a = plain_decode(f, c);
    if (!std::isfinite(a)) { continue; }
    auto const b = plain_decode(f, c + 1 == 0x8000u || c + 1 == 0x10000u ? c : c + 1);
    auto const value = static_cast<float>(a);
    auto const middle = static_cast<float>(std::isfinite(b) ? (a + b) / 2 : a);
    for (float const x : {value, middle}) {
      xs.push_back(x);
      xs.push_back(std::nextafter(x, std::numeric_limits<float>::infinity()));
      xs.push_back(std::nextafter(x, -std::numeric_limits<float>::infinity()));
    }
  }
  test::random next(3);
  for (int i = 0; i < 500000; ++i) {
    float const x = std::bit_cast<float>(next.bits());
    if (!std::isnan(x)) { xs.push_back(x); }
  }
  for (float const x : {65504.0f, 65519.0f, 65520.0f, 65536.0f, std::numeric_limits<float>::max(),
                        std::numeric_limits<float>::infinity(), std::numeric_limits<float>::denorm_min()}) {
    xs.push_back(x);
    xs.push_back(-x);
  }
  return xs;
}

}  // namespace

TEST_CASE("all codes of bf16 and f16 decode by the formula") {
  int wrong = 0;
  for (unsigned c = 0; c < 0x10000u; ++c) {
    auto const code = static_cast<std::uint16_t>(c);
    wrong += test::same_bits(detail::from_bf16_bits(code), static_cast<float>(plain_decode(bf16_format, c))) ? 0 : 1;
    wrong += test::same_bits(detail::from_f16_bits(code), static_cast<float>(plain_decode(f16_format, c))) ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("bf16 rounds to nearest even") {
  int wrong = 0;
  for (float const x : interesting_floats(bf16_format)) {
    wrong += detail::to_bf16_bits(x) == plain_encode(bf16_format, x) ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("f16 rounds to nearest even, keeps subnormals, and overflows to infinity") {
  int wrong = 0;
  for (float const x : interesting_floats(f16_format)) {
    wrong += detail::to_f16_bits(x) == plain_encode(f16_format, x) ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("bf16 and f16 edges") {
  STATIC_REQUIRE(bf16(1.00390625f).bits == 0x3f80);  // a tie
  STATIC_REQUIRE(bf16(1.01171875f).bits == 0x3f82);
  STATIC_REQUIRE(bf16(3.3895314e38f).bits == 0x7f7f);
  STATIC_REQUIRE(f16(65519.99609375f).bits == 0x7bff);
  STATIC_REQUIRE(f16(65520.0f).bits == 0x7c00);
  STATIC_REQUIRE(f16(0x1p-25f).bits == 0x0000);
  STATIC_REQUIRE(f16(3e-8f).bits == 0x0001);
  STATIC_REQUIRE(f16(-0.0f).bits == 0x8000);
  STATIC_REQUIRE(float(f16(0.5f)) == 0.5f);
}

TEST_CASE("NaN stays NaN, whatever its payload") {
  int wrong = 0;
  for (std::uint32_t payload = 1; payload < 1u << 23; payload = payload * 3 + 1) {
    for (std::uint32_t const sign : {0u, 0x80000000u}) {
      float const x = std::bit_cast<float>(sign | 0x7f800000u | payload);
      wrong += std::isnan(static_cast<float>(bf16(x))) && std::isnan(static_cast<float>(f16(x))) ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("e8m0 decodes to powers of two and encodes by the exponent") {
  for (unsigned c = 0; c < 255; ++c) {
    e8m0 s;
    s.bits = static_cast<std::uint8_t>(c);
    CHECK(static_cast<double>(static_cast<float>(s)) == std::ldexp(1.0, static_cast<int>(c) - 127));
    CHECK(e8m0(static_cast<float>(s)).bits == c);
    if (c > 0) { CHECK(e8m0(std::nextafter(static_cast<float>(s), 0.0f)).bits == c - 1); }
  }
  e8m0 nan;
  nan.bits = 0xff;
  CHECK(std::isnan(static_cast<float>(nan)));
  CHECK(e8m0(std::numeric_limits<float>::quiet_NaN()).bits == 0xff);
  CHECK(e8m0(std::numeric_limits<float>::infinity()).bits == 0xff);
  CHECK(e8m0(0.0f).bits == 0);
  CHECK(e8m0(-3.0f).bits == 0);
  CHECK(e8m0(0x1p-140f).bits == 0);
  CHECK(e8m0(1.0f).bits == 127);
  CHECK(e8m0(7.9f).bits == 129);
}

TEST_CASE("ue4m3 is the half of e4m3 that is not negative, and saturates") {
  int wrong = 0;
  for (std::size_t c = 0; c < 128; ++c) {
    ue4m3 s;
    s.bits = static_cast<std::uint8_t>(c);
    wrong += test::bits_of(static_cast<float>(s)) == golden::e4m3_values[c] ? 0 : 1;
    if (c == 0 || c > 126) { continue; }
    float const first = std::bit_cast<float>(golden::e4m3_first[c]);
    wrong += ue4m3(first).bits == c && ue4m3(std::nextafter(first, 0.0f)).bits == c - 1 ? 0 : 1;
  }
  CHECK(wrong == 0);
  CHECK(ue4m3(438.468f).bits == 0x7e);
  CHECK(ue4m3(1e30f).bits == 0x7e);
  CHECK(ue4m3(std::numeric_limits<float>::max()).bits == 0x7e);
  CHECK(ue4m3(0.0f).bits == 0);
  CHECK(ue4m3(-1.0f).bits == 0);
  CHECK(ue4m3(0x1p-149f).bits == 0);
  CHECK(ue4m3(std::numeric_limits<float>::infinity()).bits == 0x7f);
  CHECK(ue4m3(std::nanf("")).bits == 0x7f);
}

TEST_CASE("byte_integer holds 256 integers from its lowest on") {
  int wrong = 0;
  for (int i = 0; i < 256; ++i) {
    wrong += static_cast<float>(byte_integer<0>(static_cast<float>(i))) == static_cast<float>(i) ? 0 : 1;
    byte_integer<-128> const s(static_cast<float>(i - 128));
    wrong += s.bits == i && static_cast<float>(s) == static_cast<float>(i - 128) ? 0 : 1;
  }
  CHECK(wrong == 0);
}
