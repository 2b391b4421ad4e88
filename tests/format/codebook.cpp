// SPDX-License-Identifier: MIT
#include "octavo/format/codebook.hpp"

#include "support/catch.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

using namespace octavo;

namespace {
struct few_book {
  static constexpr std::array<float, 4> values = {-2.0f, 0.0f, 1.0f, 5.0f};
};
using few = codebook_format<few_book>;
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
