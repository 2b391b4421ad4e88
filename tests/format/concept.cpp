// SPDX-License-Identifier: MIT
#include "octavo/format/concept.hpp"

#include "octavo/format/codebook.hpp"
#include "octavo/format/integer.hpp"
#include "octavo/format/log2.hpp"
#include "octavo/format/minifloat.hpp"

#include "support/catch.hpp"

using namespace octavo;

namespace {

struct shifted {
  static constexpr int bits = 2;
  static constexpr float decode(code c) { return static_cast<float>(c & 3) - 1.0f; }
  static constexpr code encode(float x) {
    return static_cast<code>(x < -0.5f ? 0 : x <= 0.5f ? 1 : x < 1.5f ? 2 : 3);
  }
};
/// Three codes of four: what the last one decodes to does not come back, and need not.
struct three {
  static constexpr int bits = 2;
  static constexpr int codes = 3;
  static constexpr float decode(code c) { return static_cast<float>(c & 3); }
  static constexpr code encode(float x) { return static_cast<code>(x < 0.5f ? 0 : x <= 1.5f ? 1 : 2); }
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
  STATIC_REQUIRE(check_number_format<shifted>());
  STATIC_REQUIRE(check_number_format<three>());
  STATIC_REQUIRE(codes_in_use<shifted> == 4);
  STATIC_REQUIRE(codes_in_use<three> == 3);
}

TEST_CASE("every format that has a name is a number format") {
  STATIC_REQUIRE(check_number_format<int6>() && check_number_format<int5>() && check_number_format<int3>());
  STATIC_REQUIRE(check_number_format<uint6>() && check_number_format<uint5>() && check_number_format<uint3>());
  STATIC_REQUIRE(check_number_format<ternary>() && check_number_format<fixed<8, 6>>() &&
                 check_number_format<fixed<4, 0>>());
  STATIC_REQUIRE(check_number_format<e3m4>() && check_number_format<e2m5>() && check_number_format<e3m2>() &&
                 check_number_format<e2m3>() && check_number_format<e3m0>() && check_number_format<e1m2>());
  STATIC_REQUIRE(check_number_format<minifloat<4, 3, specials::nan, overflow::special>>());
  STATIC_REQUIRE(check_number_format<nf3>() && check_number_format<nf2>() && check_number_format<af4>() &&
                 check_number_format<bnb_fp4>());
  STATIC_REQUIRE(check_number_format<log2_format<5>>() && check_number_format<log2_format<4, log_zero::extra>>() &&
                 check_number_format<log_sqrt2_format<6, log_zero::last>>());
}

TEST_CASE("types that lack a member, have too many bits, or decode to double do not") {
  STATIC_REQUIRE_FALSE(number_format<no_encode>);
  STATIC_REQUIRE_FALSE(number_format<nine_bits>);
  STATIC_REQUIRE_FALSE(number_format<double_values>);
  STATIC_REQUIRE_FALSE(number_format<int>);
}
