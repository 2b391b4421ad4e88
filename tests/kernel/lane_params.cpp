// SPDX-License-Identifier: MIT
#include "octavo/kernel/lane_params.hpp"

#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/user_quantizer.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

/// Sixteen groups of 24 values: of many sizes, zeros of both signs, one sign only, two farthest, no numbers.
std::vector<std::vector<float>> groups() {
  constexpr float inf = std::numeric_limits<float>::infinity();
  std::vector<std::vector<float>> all;
  test::random next(41);
  for (float const size : {1.0f, 1e-3f, 1e30f, 1e-38f, 1e-42f, 3e5f}) {
    all.emplace_back();
    for (int i = 0; i < 24; ++i) { all.back().push_back(next.value() * size); }
  }
  for (float const begin : {0.0f, -0.0f}) { all.emplace_back(24, begin); }
  all.emplace_back(24, 0.0f)[23] = -0.0f;
  all.emplace_back(24, -0.0f)[23] = 0.0f;
  for (float const first : {3.0f, -3.0f}) {
    all.push_back(all[0]);
    all.back()[7] = first;
    all.back()[9] = -first;
  }
  all.emplace_back();
  for (int i = 0; i < 24; ++i) { all.back().push_back(2.0f + std::fabs(next.value())); }
  for (float const bad : {inf, -inf, std::nanf("")}) {
    all.push_back(all[0]);
    all.back()[23] = bad;
  }
  return all;
}

/// Params of groups in lanes, and the codes by them, that are not those of the scalar quantizer.
template <class Q>
int wrong_lanes() {
  static_assert(kernel::tracks_lanes<Q>);
  using F = typename Q::format;
  constexpr int flip = consecutive_flip < F >> 0 ? consecutive_flip<F> : 0;
  auto const all = groups();
  int wrong = all.size() == 16 ? 0 : 1;
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    constexpr auto L = static_cast<std::size_t>(simd::lanes<A>);
    for (std::size_t first = 0; first < 16; first += L) {
      auto const values = [&](std::size_t k) {
        float v[L];
        for (std::size_t i = 0; i < L; ++i) { v[i] = all[first + i][k]; }
        return simd::load_floats<A>(v);
      };
      kernel::range_tracker<A, Q> range;
      for (std::size_t k = 0; k < 24; ++k) { range.add(values(k)); }
      auto const lanes = range.lanes();
      float scale[L];
      float inverse[L];
      float minimum[L];
      std::int32_t zero[L];
      lanes.scale.store_unaligned(scale);
      lanes.inverse.store_unaligned(inverse);
      lanes.minimum.store_unaligned(minimum);
      lanes.zero.store_unaligned(zero);
      for (std::size_t i = 0; i < L; ++i) {
        auto const p = Q::calibrate(all[first + i]);
        wrong += test::same_bits(scale[i], Q::scale(p)) && test::same_bits(inverse[i], p.inverse) ? 0 : 1;
        wrong += test::same_bits(minimum[i], kernel::minimum_of<Q>(p)) && zero[i] == kernel::zero_of<Q>(p) ? 0 : 1;
      }
      for (std::size_t k = 0; k < 24; ++k) {
        std::int32_t numbers[L];
        kernel::encode_lanes<A, Q>(values(k), lanes).store_unaligned(numbers);
        for (std::size_t i = 0; i < L; ++i) {
          auto const& group = all[first + i];
          int const c = (numbers[i] - kernel::number_offset<F>)^flip;
          wrong += c == Q::encode(group[k], Q::calibrate(group)) ? 0 : 1;
        }
      }
    }
  });
  return wrong;
}

}  // namespace

TEST_CASE("parameters and codes in lanes are those of the scalar quantizer, to the bit") {
  CHECK(wrong_lanes<symmetric<int4>>() == 0);
  CHECK(wrong_lanes<symmetric<int8, full, scale_as<f16>>>() == 0);
  CHECK(wrong_lanes<symmetric<octavo::uint<4>, scale_as<bf16>>>() == 0);
  CHECK(wrong_lanes<symmetric<ternary>>() == 0);
  CHECK(wrong_lanes<symmetric<fixed<8, 6>, scale_as<e8m0, mx_ceil>>>() == 0);
  CHECK(wrong_lanes<symmetric<e2m1, scale_as<ue4m3>>>() == 0);
  CHECK(wrong_lanes<symmetric<e4m3, scale_as<e8m0>>>() == 0);
  CHECK(wrong_lanes<symmetric<nf4, scale_as<f16>>>() == 0);
  CHECK(wrong_lanes<symmetric<octavo::iq4_nl, full>>() == 0);
  CHECK(wrong_lanes<symmetric<log2_format<4>>>() == 0);
  CHECK(wrong_lanes<affine<uint4>>() == 0);
  CHECK(wrong_lanes<affine<int8, scale_as<f16>>>() == 0);
  CHECK(wrong_lanes<affine<ternary, scale_as<e8m0>>>() == 0);
  CHECK(wrong_lanes<affine_min<uint4>>() == 0);
  CHECK(wrong_lanes<affine_min<uint5, scale_as<f16>>>() == 0);
  CHECK(wrong_lanes<affine_min<uint8, scale_as<bf16>>>() == 0);
  CHECK(wrong_lanes<signed_max<int3, scale_as<f16>>>() == 0);
  CHECK(wrong_lanes<signed_max<e2m1>>() == 0);
}

TEST_CASE("which quantizers have vector code") {
  STATIC_REQUIRE(kernel::vector_quantizer<absmean<ternary>>);
  STATIC_REQUIRE(kernel::vector_quantizer<symmetric<e5m2>>);
  STATIC_REQUIRE_FALSE(kernel::vector_quantizer<test::coarse_int8>);
  STATIC_REQUIRE_FALSE(kernel::vector_quantizer<test::powers_of_two>);
  STATIC_REQUIRE(kernel::integer_quantizer<symmetric<int8>>);
  STATIC_REQUIRE_FALSE(kernel::integer_quantizer<symmetric<fixed<8, 6>>>);
  STATIC_REQUIRE_FALSE(kernel::integer_quantizer<symmetric<e2m1>>);
}
