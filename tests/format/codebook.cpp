// SPDX-License-Identifier: MIT
#include "octavo/format/codebook.hpp"

#include "support/catch.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

using namespace octavo;

namespace {
struct few_book {
  static constexpr std::array<float, 4> values = {-2.0f, 0.0f, 1.0f, 5.0f};
};
using few = codebook_format<few_book>;
struct unsorted_book {
  static constexpr std::array<float, 4> values = {5.0f, -2.0f, 1.0f, -2.0f};
};
using unsorted = codebook_format<unsorted_book>;

/// Values that differ from the expected ones by more than half a unit of the tenth digit, and codes that do not come
/// back.
template <class F, std::size_t N>
int mistakes(double const (&values)[N]) {
  int wrong = N == (std::size_t{1} << F::bits) ? 0 : 1;
  for (std::size_t c = 0; c < N; ++c) {
    float const v = F::decode(static_cast<code>(c));
    wrong += std::fabs(static_cast<double>(v) - values[c]) < 4e-8 ? 0 : 1;  // and f32 rounds
    wrong += F::encode(v) == c ? 0 : 1;
  }
  return wrong;
}
}  // namespace

TEST_CASE("nf4 holds the published bits") {
  constexpr std::uint32_t bits[16] = {0xbf800000, 0xbf3239b1, 0xbf066b30, 0xbeca32a0, 0xbe91a24d, 0xbe3d353f,
                                      0xbdba7871, 0x00000000, 0x3da2faff, 0x3e24cae3, 0x3e7c04dd, 0x3ead033a,
                                      0x3ee1a4b8, 0x3f1007ab, 0x3f3913b3, 0x3f800000};
  for (unsigned c = 0; c < 16; ++c) {
    CHECK(std::bit_cast<std::uint32_t>(nf4::decode(static_cast<code>(c))) == bits[c]);
    CHECK(nf4::encode(std::bit_cast<float>(bits[c])) == c);
  }
}

TEST_CASE("nf4 changes codes at the published thresholds") {
  constexpr double thresholds[15] = {-.848096400, -.610632926, -.459995270, -.339679435, -.234607406,
                                     -.137911733, -.045525018, .039790150,  .120255250,  .203521252,
                                     .292013772,  .389312536,  .501663417,  .642786920,  .861478418};
  for (unsigned i = 0; i < 15; ++i) {
    CHECK(nf4::encode(static_cast<float>(thresholds[i] - 1e-7)) == i);
    CHECK(nf4::encode(static_cast<float>(thresholds[i] + 1e-7)) == i + 1);
  }
}

TEST_CASE("nf3, nf2, af4 and iq4_nl hold the published values") {
  double const as_nf3[8] = {-1, -.4786291601, -.2171418178, 0, .1609301727, .3379151935, .5626169701, 1};
  double const as_nf2[4] = {-1, 0, .3379151935, 1};
  double const as_af4[16] = {-1,        -.69441008, -.51243739, -.3736951, -.25607552, -.14982478, -.04934812, 0,
                             .04273164, .12934483,  .21961274,  .31675666, .42563882,  .55496234,  .72424863,  1};
  CHECK(mistakes<nf3>(as_nf3) == 0);
  CHECK(mistakes<nf2>(as_nf2) == 0);
  CHECK(mistakes<af4>(as_af4) == 0);
  double const as_iq4_nl[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  CHECK(mistakes<iq4_nl>(as_iq4_nl) == 0);
}

TEST_CASE("the fp4 of bitsandbytes has its own order, and never gives -0") {
  double const twelfths[8] = {0, .0625, 8, 12, 4, 6, 2, 3};
  for (std::size_t c = 0; c < 8; ++c) {
    auto const v = static_cast<float>(twelfths[c] / 12);
    CHECK(bnb_fp4::decode(static_cast<code>(c)) == v);
    CHECK(bnb_fp4::decode(static_cast<code>(c + 8)) == -v);
    CHECK(bnb_fp4::encode(v) == c);
    if (c > 0) { CHECK(bnb_fp4::encode(-v) == c + 8); }
  }
  CHECK(std::signbit(bnb_fp4::decode(8)));
  CHECK(bnb_fp4::encode(-0.0f) == 0);
  CHECK(bnb_fp4::encode(-0.002f) == 0);
  // Its thresholds, in the middle between neighbours.
  double const borders[7] = {.00260417, .0859375, .20833333, .29166667, .4166667, .583333, .8333333};
  int const below[7] = {0, 1, 6, 7, 4, 5, 2};
  int const above[7] = {1, 6, 7, 4, 5, 2, 3};
  for (std::size_t i = 0; i < 7; ++i) {
    CHECK(bnb_fp4::encode(static_cast<float>(borders[i] - 1e-6)) == below[i]);
    CHECK(bnb_fp4::encode(static_cast<float>(borders[i] + 1e-6)) == above[i]);
  }
}

TEST_CASE("a codebook may have any order, and of equal values the first is given") {
  STATIC_REQUIRE(unsorted::decode(0) == 5.0f);
  STATIC_REQUIRE(unsorted::decode(3) == -2.0f);
  STATIC_REQUIRE(unsorted::encode(-3.0f) == 1);
  STATIC_REQUIRE(unsorted::encode(-0.5f) == 1);  // a tie
  STATIC_REQUIRE(unsorted::encode(-0.49f) == 2);
  STATIC_REQUIRE(unsorted::encode(3.0f) == 2);
  STATIC_REQUIRE(unsorted::encode(3.1f) == 0);
  CHECK(unsorted::encode(std::nanf("")) == 1);
}

TEST_CASE("codebooks take a tie to the lower code, saturate, and give NaN a code") {
  STATIC_REQUIRE(few::bits == 2);
  STATIC_REQUIRE(few::encode(-1.0f) == 0);
  STATIC_REQUIRE(few::encode(0.5f) == 1);
  STATIC_REQUIRE(few::encode(3.0f) == 2);
  STATIC_REQUIRE(few::encode(3.0001f) == 3);
  STATIC_REQUIRE(few::encode(100.0f) == 3);
  STATIC_REQUIRE(few::encode(-100.0f) == 0);
  STATIC_REQUIRE(few::decode(7) == 5.0f);  // higher bits are ignored
  CHECK(few::encode(std::nanf("")) == 0);
  CHECK(few::encode(std::numeric_limits<float>::infinity()) == 3);
}
