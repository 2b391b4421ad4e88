// SPDX-License-Identifier: MIT
#include "octavo/format/fixed_point.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <limits>

using namespace octavo;

TEST_CASE("AdaPT's worked codes: ties to even, saturating, fractions longer than the word and negative ones") {
  struct {
    fixed_point type;
    float x;
    float value;
  } const cases[] = {{{8, 4}, .03125f, 0},
                     {{8, 4}, .09375f, .125f},
                     {{8, 4}, .1f, .125f},
                     {{8, 4}, -.2f, -.1875f},
                     {{8, 4}, 7.97f, 7.9375f},
                     {{8, 4}, -9, -8},
                     {{4, 6}, .1f, .09375f},
                     {{4, 6}, -.2f, -.125f},
                     {{8, -2}, 7.97f, 8},
                     {{16, 0}, 40000, 32767},
                     {{16, 15}, -2, -1},
                     {{2, 0}, 1.5f, 1},
                     {{16, 60}, 1e-16f, 115 * 0x1p-60f},
                     {{16, -60}, 1e20f, 87 * 0x1p60f}};
  for (auto const& c : cases) {
    INFO("<" << c.type.word_length << ", " << c.type.fraction_length << "> " << c.x);
    CHECK(c.type.decode(c.type.encode(c.x)) == c.value);
  }
}

TEST_CASE("every code of 16 bits, and the middles between them") {
  fixed_point const type{16, 9};
  int wrong = 0;
  for (int c = -32768; c <= 32767; ++c) {
    float const v = std::ldexp(static_cast<float>(c), -9);
    auto const code = static_cast<std::int16_t>(c);
    wrong += type.decode(code) == v && type.encode(v) == code ? 0 : 1;
    auto const even = static_cast<std::int16_t>(c % 2 == 0 ? c : c + 1);
    if (c < 32766) { wrong += type.encode(std::ldexp(static_cast<float>(c) + .5f, -9)) == even ? 0 : 1; }
  }
  CHECK(wrong == 0);
  CHECK(type.encode(std::numeric_limits<float>::infinity()) == 32767);
  CHECK(type.encode(-std::numeric_limits<float>::infinity()) == -32768);
  CHECK(type.encode(std::numeric_limits<float>::quiet_NaN()) == -32768);
}

TEST_CASE("words of 2 to 16 bits") {
  CHECK_NOTHROW(fixed_point{2, 60}.check("here"));
  CHECK_THROWS_WITH((fixed_point{17, 0}.check("here")), Catch::Contains("here: the word has bits 17"));
  CHECK_THROWS_WITH((fixed_point{1, 0}.check("here")), Catch::Contains("the word has bits 1,"));
  CHECK_THROWS_WITH((fixed_point{8, 61}.check("here")), Catch::Contains("the fraction has bits 61"));
}
