// SPDX-License-Identifier: MIT
#include "octavo/format/concept.hpp"

#include "octavo/format/codebook.hpp"
#include "octavo/format/integer.hpp"
#include "octavo/format/minifloat.hpp"

#include "support/catch.hpp"

using namespace octavo;

namespace {

struct ternary {
  static constexpr int bits = 2;
  static constexpr float decode(code c) { return static_cast<float>(c & 3) - 1.0f; }
  static constexpr code encode(float x) {
    return static_cast<code>(x < -0.5f ? 0 : x <= 0.5f ? 1 : x < 1.5f ? 2 : 3);
  }
};
struct no_encode {
  static constexpr int bits = 2;
  static constexpr float decode(code) { return 0; }
};
struct nine_bits {
  static constexpr int bits = 9;
  static constexpr float decode(code) { return 0; }
  static constexpr code encode(float) { return 0; }
};
struct double_values {
  static constexpr int bits = 2;
  static constexpr double decode(code) { return 0; }
  static constexpr code encode(float) { return 0; }
};

}  // namespace

TEST_CASE("number formats of the library and of a user satisfy the concept") {
  STATIC_REQUIRE(check_number_format<int8>());
  STATIC_REQUIRE(check_number_format<octavo::uint<1>>());
  STATIC_REQUIRE(check_number_format<e4m3>());
  STATIC_REQUIRE(check_number_format<e5m2>());
  STATIC_REQUIRE(check_number_format<e2m1>());
  STATIC_REQUIRE(check_number_format<nf4>());
  STATIC_REQUIRE(check_number_format<ternary>());
}

TEST_CASE("types that lack a member, have too many bits, or decode to double do not") {
  STATIC_REQUIRE_FALSE(number_format<no_encode>);
  STATIC_REQUIRE_FALSE(number_format<nine_bits>);
  STATIC_REQUIRE_FALSE(number_format<double_values>);
  STATIC_REQUIRE_FALSE(number_format<int>);
}
