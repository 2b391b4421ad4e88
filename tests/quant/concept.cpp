// SPDX-License-Identifier: MIT
#include "octavo/quant/concept.hpp"

#include "octavo/format/integer.hpp"
#include "octavo/quant/affine.hpp"
#include "octavo/quant/symmetric.hpp"

#include "support/catch.hpp"
#include "support/user_quantizer.hpp"

#include <vector>

using namespace octavo;

namespace {

struct no_calibrate {
  using format = int4;
  struct params {
    float s;
  };
  static code encode(float x, params p) { return int4::encode(x / p.s); }
  static float decode(code c, params p) { return p.s * int4::decode(c); }
};
struct owning_params {
  using format = int4;
  struct params {
    std::vector<float> table;
  };
  static params calibrate(std::span<float const>) { return {}; }
  static code encode(float, params const&) { return 0; }
  static float decode(code, params const&) { return 0; }
};

}  // namespace

TEST_CASE("quantizers of the library and of a user satisfy the concepts") {
  STATIC_REQUIRE(check_quantizer<symmetric<int4>>());
  STATIC_REQUIRE(check_quantizer<affine<uint4>>());
  STATIC_REQUIRE(check_quantizer<test::powers_of_two>());
  STATIC_REQUIRE(check_quantizer<test::coarse_int8>());
  STATIC_REQUIRE(linear_quantizer<test::coarse_int8>);
  STATIC_REQUIRE_FALSE(linear_quantizer<test::powers_of_two>);
  STATIC_REQUIRE(has_zero_point<affine<uint4>>);
  STATIC_REQUIRE_FALSE(has_zero_point<test::coarse_int8>);
}

TEST_CASE("types that lack a member, or own memory in their params, do not") {
  STATIC_REQUIRE_FALSE(quantizer<no_calibrate>);
  STATIC_REQUIRE_FALSE(quantizer<owning_params>);
  STATIC_REQUIRE_FALSE(quantizer<int4>);
}

TEST_CASE("scales are stored as float unless the quantizer says otherwise") {
  STATIC_REQUIRE(std::is_same_v<detail::scale_type_of<test::coarse_int8>::type, float>);
  STATIC_REQUIRE(std::is_same_v<detail::scale_type_of<symmetric<int4, scale_as<bf16>>>::type, bf16>);
}
