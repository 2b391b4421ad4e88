// SPDX-License-Identifier: MIT
#include "octavo/format/minifloat.hpp"

#include "golden/minifloat.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <cstddef>
#include <limits>

using namespace octavo;

namespace {

template <class F, class Table>
int wrong_values(Table const& table) {
  int wrong = 0;
  for (std::size_t c = 0; c < table.size(); ++c) {
    wrong += test::bits_of(F::decode(static_cast<code>(c))) == table[c] ? 0 : 1;
  }
  return wrong;
}

template <class F>
std::uint64_t sweep() {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (std::uint32_t i = 0; i < 0x10000u; ++i) {
    for (std::uint32_t const low : {0u, 1u, 0x8000u, 0xffffu}) {
      float const x = std::bit_cast<float>(i << 16 | low);
      if (!std::isnan(x)) { hash = (hash ^ F::encode(x)) * 0x100000001b3u; }
    }
  }
  return hash;
}

template <class F, class Table>
int wrong_sixteenths(Table const& table) {
  int wrong = 0;
  for (std::size_t i = 0; i < table.size(); ++i) {
    float const x = (static_cast<float>(i) - 200.0f) / 16.0f;
    wrong += F::encode(x) == table[i] ? 0 : 1;
  }
  return wrong;
}

}  // namespace

TEST_CASE("all codes of e4m3, e5m2 and e2m1 have the values of ml_dtypes") {
  CHECK(wrong_values<e4m3>(golden::e4m3_values) == 0);
  CHECK(wrong_values<e5m2>(golden::e5m2_values) == 0);
  CHECK(wrong_values<e2m1>(golden::e2m1_values) == 0);
}

TEST_CASE("e4m3, e5m2 and e2m1 encode as ml_dtypes does after saturating") {
  CHECK(wrong_sixteenths<e4m3>(golden::e4m3_sixteenths) == 0);
  CHECK(wrong_sixteenths<e5m2>(golden::e5m2_sixteenths) == 0);
  CHECK(wrong_sixteenths<e2m1>(golden::e2m1_sixteenths) == 0);
  CHECK(sweep<e4m3>() == golden::e4m3_sweep);
  CHECK(sweep<e5m2>() == golden::e5m2_sweep);
  CHECK(sweep<e2m1>() == golden::e2m1_sweep);
}

TEST_CASE("encodings of a table that was worked by hand") {
  using e2m3 = minifloat<2, 3, specials::none>;
  using e3m2 = minifloat<3, 2, specials::none>;
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
  CHECK(e4m3::encode(-1e-30f) == 0x80);
  CHECK(e4m3::encode(464.0f) == 0x7e);
}
