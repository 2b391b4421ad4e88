// SPDX-License-Identifier: MIT
#include "octavo/format/minifloat.hpp"

#include "octavo/format/table.hpp"

#include "golden/minifloat.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

/// Bits of floats of at least 0, infinity included: every upper half with a few lower ones, and what is near some of
/// them.
template <class... Tables>
std::vector<std::uint32_t> sweep(Tables const&... tables) {
  std::vector<std::uint32_t> xs;
  for (std::uint32_t i = 0; i <= 0x7f80u; ++i) {
    for (std::uint32_t const low : {0u, 1u, 0x8000u, 0xffffu}) { xs.push_back(i << 16 | low); }
  }
  auto const near = [&](auto const& table) {
    for (std::uint32_t const bits : table) {
      for (std::uint32_t const x : {bits - 2, bits - 1, bits, bits + 1}) { xs.push_back(x); }
    }
  };
  (near(tables), ...);
  std::erase_if(xs, [](std::uint32_t x) { return x > 0x7f800000u; });
  return xs;
}

template <class F, class Table>
int wrong_values(Table const& table) {
  int wrong = 0;
  for (std::size_t c = 0; c < table.size(); ++c) {
    auto const negative = static_cast<code>(c + table.size());
    wrong += test::bits_of(F::decode(static_cast<code>(c))) == table[c] ? 0 : 1;
    wrong +=
        test::bits_of(F::decode(negative)) == (table[c] == 0x7fc00000u ? table[c] : table[c] ^ 0x80000000u) ? 0 : 1;
  }
  return wrong;
}

/// `first` are the floats at which codes begin; codes beyond `last` are those of `last`.
template <class F, class Values, class First>
int wrong_codes(Values const& values, First const& first, std::ptrdiff_t last) {
  int wrong = 0;
  for (std::uint32_t const bits : sweep(values, first)) {
    auto const c = std::min(std::upper_bound(first.begin(), first.end(), bits) - first.begin() - 1, last);
    wrong += F::encode(std::bit_cast<float>(bits)) == c ? 0 : 1;
    wrong += F::encode(std::bit_cast<float>(bits | 0x80000000u)) == c + F::sign_bit ? 0 : 1;
  }
  return wrong;
}

/// Against the formula in double precision: value of each code, and for each float of a sweep the nearest value, of two
/// the one with an even mantissa; without a mantissa the larger, but 0 rather than the first.
template <class F, int E, int M>
int wrong_by_formula() {
  int wrong = 0;
  int const bias = (1 << (E - 1)) - 1;
  std::vector<double> values;
  std::vector<std::uint32_t> bits;
  for (int c = 0; c < F::sign_bit; ++c) {
    int const e = c / (1 << M);
    double const m = static_cast<double>(c % (1 << M)) / (1 << M);
    values.push_back(std::ldexp(e == 0 ? m : 1 + m, (e == 0 ? 1 : e) - bias));
    wrong += static_cast<double>(F::decode(static_cast<code>(c))) == values.back() ? 0 : 1;
    wrong += static_cast<double>(F::decode(static_cast<code>(c + F::sign_bit))) == -values.back() ? 0 : 1;
    bits.push_back(std::bit_cast<std::uint32_t>(static_cast<float>(values.back())));
    if (c > 0) {
      bits.push_back(std::bit_cast<std::uint32_t>(static_cast<float>((values.end()[-2] + values.back()) / 2)));
    }
  }
  for (std::uint32_t const x : sweep(bits)) {
    double const a = static_cast<double>(std::bit_cast<float>(x));
    std::size_t best = 0;
    for (std::size_t c = 1; c < values.size(); ++c) {
      double const now = std::fabs(a - values[c]);
      double const old = std::fabs(a - values[c - 1]);
      bool const even = M == 0 ? c > 1 : c % 2 == 0;
      best = a >= values.back() || now < old || (now == old && even) ? c : best;
    }
    wrong += F::encode(static_cast<float>(a)) == best ? 0 : 1;
    wrong += F::encode(static_cast<float>(-a)) == best + F::sign_bit ? 0 : 1;
  }
  return wrong;
}

}  // namespace

TEST_CASE("all codes of FP8, FP6 and FP4 have the values of ml_dtypes") {
  CHECK(wrong_values<e4m3>(golden::e4m3_values) == 0);
  CHECK(wrong_values<e5m2>(golden::e5m2_values) == 0);
  CHECK(wrong_values<e2m3>(golden::e2m3_values) == 0);
  CHECK(wrong_values<e3m2>(golden::e3m2_values) == 0);
  CHECK(wrong_values<e2m1>(golden::e2m1_values) == 0);
}

TEST_CASE("FP8, FP6 and FP4 encode as ml_dtypes does, and saturate") {
  CHECK(wrong_codes<e4m3>(golden::e4m3_values, golden::e4m3_first, 126) == 0);
  CHECK(wrong_codes<e5m2>(golden::e5m2_values, golden::e5m2_first, 123) == 0);
  CHECK(wrong_codes<e2m3>(golden::e2m3_values, golden::e2m3_first, 31) == 0);
  CHECK(wrong_codes<e3m2>(golden::e3m2_values, golden::e3m2_first, 31) == 0);
  CHECK(wrong_codes<e2m1>(golden::e2m1_values, golden::e2m1_first, 7) == 0);
}

TEST_CASE("without saturation FP8 encodes as ml_dtypes does") {
  using e4m3_cast = minifloat<4, 3, specials::nan, overflow::special>;
  using e5m2_cast = minifloat<5, 2, specials::ieee, overflow::special>;
  CHECK(wrong_codes<e4m3_cast>(golden::e4m3_values, golden::e4m3_first, 127) == 0);
  CHECK(wrong_codes<e5m2_cast>(golden::e5m2_values, golden::e5m2_first, 124) == 0);
  CHECK(std::isnan(e4m3_cast::decode(e4m3_cast::encode(464.1f))));
  CHECK(e4m3_cast::encode(464.0f) == 0x7e);
  CHECK(e5m2_cast::decode(e5m2_cast::encode(-61440.0f)) == -std::numeric_limits<float>::infinity());
}

TEST_CASE("formats without an oracle follow the formula") {
  CHECK(wrong_by_formula<e3m4, 3, 4>() == 0);
  CHECK(wrong_by_formula<e2m5, 2, 5>() == 0);
  CHECK(wrong_by_formula<e3m0, 3, 0>() == 0);
  CHECK(wrong_by_formula<e1m2, 1, 2>() == 0);
  CHECK(wrong_by_formula<e2m3, 2, 3>() == 0);  // which has one: a test of the test
  CHECK(wrong_by_formula<minifloat<4, 3, specials::none>, 4, 3>() == 0);
}

TEST_CASE("FP4 in the units of LLM-FP4") {
  float const as_e2m1[8] = {0, 1, 2, 3, 4, 6, 8, 12};
  float const as_e1m2[8] = {0, .5f, 1, 1.5f, 2, 2.5f, 3, 3.5f};
  float const as_e3m0[8] = {0, 2, 4, 8, 16, 32, 64, 128};
  for (std::size_t c = 0; c < 8; ++c) {
    CHECK(2.0f * e2m1::decode(static_cast<code>(c)) == as_e2m1[c]);
    CHECK(1.0f * e1m2::decode(static_cast<code>(c)) == as_e1m2[c]);
    CHECK(8.0f * e3m0::decode(static_cast<code>(c)) == as_e3m0[c]);
  }
}

TEST_CASE("encodings of a table that was worked by hand") {
  struct line {
    float x;
    int as_e4m3, as_e5m2, as_e2m1, as_e2m3, as_e3m2;
  };
  for (line const& l :
       {line{0.1f, 0x1d, 0x2e, 0x0, 0x01, 0x02}, line{0.3f, 0x2a, 0x35, 0x1, 0x02, 0x05},
        line{1.0625f, 0x38, 0x3c, 0x2, 0x08, 0x0c}, line{1.1875f, 0x3a, 0x3d, 0x2, 0x0a, 0x0d},
        line{3.14159f, 0x45, 0x42, 0x5, 0x15, 0x12}, line{17.0f, 0x58, 0x4c, 0x7, 0x1f, 0x1c},
        line{19.0f, 0x5a, 0x4d, 0x7, 0x1f, 0x1d}, line{470.0f, 0x7e, 0x5f, 0x7, 0x1f, 0x1f},
        line{0.02f, 0x0a, 0x25, 0x0, 0x00, 0x00}, line{0x1p-10f, 0x00, 0x14, 0x0, 0x00, 0x00},
        line{1.5f * 0x1p-10f, 0x01, 0x16, 0x0, 0x00, 0x00}, line{3.0f * 0x1p-10f, 0x02, 0x1a, 0x0, 0x00, 0x00},
        line{-2.5f, 0xc2, 0xc1, 0xc, 0x32, 0x31}}) {
    INFO(l.x);
    CHECK(e4m3::encode(l.x) == l.as_e4m3);
    CHECK(e5m2::encode(l.x) == l.as_e5m2);
    CHECK(e2m1::encode(l.x) == l.as_e2m1);
    CHECK(e2m3::encode(l.x) == l.as_e2m3);
    CHECK(e3m2::encode(l.x) == l.as_e3m2);
  }
}

TEST_CASE("NaN, infinity and negative zero") {
  constexpr float inf = std::numeric_limits<float>::infinity();
  CHECK(e4m3::encode(inf) == 0x7e);
  CHECK(e4m3::encode(-inf) == 0xfe);
  CHECK(e5m2::encode(inf) == 0x7b);
  CHECK(e2m1::encode(-inf) == 0xf);
  CHECK(std::isnan(e4m3::decode(e4m3::encode(std::nanf("")))));
  CHECK(std::isnan(e5m2::decode(e5m2::encode(std::nanf("")))));
  CHECK(e2m1::encode(std::nanf("")) == 0);
  CHECK(e2m1::encode(-0.0f) == 0x8);
  CHECK(e3m2::encode(-0.0f) == 0x20);
  CHECK(e4m3::encode(-1e-30f) == 0x80);
  CHECK(e4m3::encode(464.0f) == 0x7e);
}
