// SPDX-License-Identifier: MIT
#include "octavo/format/table.hpp"

#include "octavo/format/codebook.hpp"
#include "octavo/format/integer.hpp"
#include "octavo/format/minifloat.hpp"

#include "support/catch.hpp"

using namespace octavo;

namespace {

template <class F>
constexpr bool lattice_is(float step, int lowest, int highest) {
  constexpr auto l = lattice<F>;
  return l.exact && l.step == step && l.lowest == lowest && l.highest == highest;
}

struct tenths {
  static constexpr int bits = 2;
  static constexpr float decode(code c) { return 0.1f * static_cast<float>(c & 3); }
  static constexpr code encode(float x) {
    return static_cast<code>(x < 0.05f ? 0 : x < 0.15f ? 1 : x < 0.25f ? 2 : 3);
  }
};
struct tiny {
  static constexpr int bits = 1;
  static constexpr float decode(code c) { return (c & 1) != 0 ? 0x1p-20f : 0.0f; }
  static constexpr code encode(float x) { return x > 0x1p-21f ? 1 : 0; }
};

}  // namespace

TEST_CASE("tables and extremes are derived from decode") {
  STATIC_REQUIRE(code_count<int4> == 16);
  STATIC_REQUIRE(value_table<int4>[15] == -1.0f);
  STATIC_REQUIRE(value_table<e2m1>[7] == 6.0f);
  STATIC_REQUIRE(largest_value<int8> == 127.0f);
  STATIC_REQUIRE(lowest_value<int8> == -128.0f);
  STATIC_REQUIRE(largest_value<e4m3> == 448.0f);
  STATIC_REQUIRE(lowest_value<e4m3> == -448.0f);
  STATIC_REQUIRE(largest_value<e5m2> == 57344.0f);  // infinity does not count
  STATIC_REQUIRE(largest_value<uint4> == 15.0f);
  STATIC_REQUIRE(lowest_value<uint4> == 0.0f);
  STATIC_REQUIRE(largest_value<ternary> == 1.0f);  // a code that is not in use does not count
  STATIC_REQUIRE(lowest_value<ternary> == -1.0f);
  STATIC_REQUIRE(zero_code<ternary> == 1);
  STATIC_REQUIRE(zero_code<int8> == 0);
  STATIC_REQUIRE(zero_code<nf4> == 7);
}

TEST_CASE("integer lattices: what an integer dot product can hold") {
  STATIC_REQUIRE(lattice_is<int8>(1.0f, -128, 127));
  STATIC_REQUIRE(lattice_is<uint8>(1.0f, 0, 255));
  STATIC_REQUIRE(lattice_is<int4>(1.0f, -8, 7));
  STATIC_REQUIRE(lattice_is<int2>(1.0f, -2, 1));
  STATIC_REQUIRE(lattice_is<e2m1>(0.5f, -12, 12));
  STATIC_REQUIRE(lattice_is<e2m3>(0.125f, -60, 60));
  STATIC_REQUIRE(lattice_is<e1m2>(0.5f, -7, 7));
  STATIC_REQUIRE(lattice_is<e3m0>(0.25f, -64, 64));
  STATIC_REQUIRE(lattice_is<iq4_nl>(1.0f, -127, 113));
  STATIC_REQUIRE(top_step<e2m1> == 2.0f);
  STATIC_REQUIRE(top_step<e4m3> == 32.0f);
  STATIC_REQUIRE(top_step<ternary> == 1.0f);
  STATIC_REQUIRE(lattice_is<int6>(1.0f, -32, 31));
  STATIC_REQUIRE(lattice_is<ternary>(1.0f, -1, 2));
  STATIC_REQUIRE(lattice_is<fixed<8, 6>>(0x1p-6f, -128, 127));
  STATIC_REQUIRE_FALSE(lattice<e3m4>.exact);
  STATIC_REQUIRE_FALSE(lattice<e2m5>.exact);
  STATIC_REQUIRE_FALSE(lattice<e4m3>.exact);
  STATIC_REQUIRE_FALSE(lattice<e5m2>.exact);
  STATIC_REQUIRE_FALSE(lattice<e3m2>.exact);  // -448 ... 448 in sixteenths
  STATIC_REQUIRE_FALSE(lattice<nf4>.exact);
  STATIC_REQUIRE_FALSE(lattice<tenths>.exact);
}

TEST_CASE("what is exact in bf16 dot products") {
  STATIC_REQUIRE(exact_in_bf16<int8>);
  STATIC_REQUIRE(exact_in_bf16<e4m3>);
  STATIC_REQUIRE(exact_in_bf16<e5m2>);
  STATIC_REQUIRE(exact_in_bf16<e2m1>);
  STATIC_REQUIRE(exact_in_bf16<e3m2>);
  STATIC_REQUIRE(exact_in_bf16<e3m4>);
  STATIC_REQUIRE(exact_in_bf16<e2m5>);
  STATIC_REQUIRE_FALSE(exact_in_bf16<nf4>);
  STATIC_REQUIRE_FALSE(exact_in_bf16<tenths>);
  STATIC_REQUIRE_FALSE(exact_in_bf16<tiny>);  // a bf16 number, but below 2^-19
}

TEST_CASE("codes that are consecutive integers after a flip") {
  STATIC_REQUIRE(consecutive_flip<uint4> == 0);
  STATIC_REQUIRE(consecutive_flip<uint8> == 0);
  STATIC_REQUIRE(consecutive_flip<int8> == 128);
  STATIC_REQUIRE(consecutive_flip<int4> == 8);
  STATIC_REQUIRE(consecutive_flip<int2> == 2);
  STATIC_REQUIRE(consecutive_flip<int5> == 16);
  STATIC_REQUIRE(consecutive_flip<int3> == 4);
  STATIC_REQUIRE(consecutive_flip<ternary> == 0);
  STATIC_REQUIRE(consecutive_flip<fixed<8, 6>> == 128);
  STATIC_REQUIRE(consecutive_flip<e1m2> == -1);
  STATIC_REQUIRE(consecutive_flip<e2m1> == -1);
  STATIC_REQUIRE(consecutive_flip<e4m3> == -1);
}
TEST_CASE("what vectors encode as integers: whatever clang 14 knows of NaN, by both compilers") {
  STATIC_REQUIRE(encodes_as_integers<int8>);
  STATIC_REQUIRE(encodes_as_integers<octavo::uint<4>>);
  STATIC_REQUIRE(encodes_as_integers<fixed<8, 6>>);
  STATIC_REQUIRE_FALSE(encodes_as_integers<e2m1>);
}
