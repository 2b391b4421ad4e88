// SPDX-License-Identifier: MIT
// One group or a few; whole matrices are in kernel/pack_two_level.cpp.
#include "octavo/quant/two_level.hpp"

#include "octavo/quant/absmean.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/codes.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;
using test::worked;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();

template <class Q>
std::vector<typename Q::params> settled(std::vector<std::vector<float>> const& groups) {
  std::vector<float> scales;
  std::vector<float> drops;
  for (auto const& xs : groups) {
    auto const ends = Q::fit(xs.data(), xs.data() + xs.size());
    scales.push_back(ends.scale);
    drops.push_back(ends.drop);
  }
  auto const shared = Q::share(scales.data(), drops.data(), static_cast<octavo::index>(scales.size()));
  std::vector<typename Q::params> result;
  for (std::size_t i = 0; i < scales.size(); ++i) { result.push_back(Q::settle({scales[i], drops[i]}, shared)); }
  return result;
}

}  // namespace

TEST_CASE("the option makes a quantizer with scales of two levels, and only that option") {
  STATIC_REQUIRE(check_quantizer<q4_k::quantizer>());
  STATIC_REQUIRE(check_quantizer<nvfp4::quantizer>());
  STATIC_REQUIRE(has_quantized_scales<q6_k::quantizer>);
  STATIC_REQUIRE(has_minimum<q4_k::quantizer>);
  STATIC_REQUIRE_FALSE(has_minimum<q6_k::quantizer>);
  STATIC_REQUIRE_FALSE(has_quantized_scales<w4_g128::quantizer>);
  STATIC_REQUIRE_FALSE(has_quantized_scales<w4_min_g<32>::quantizer>);
}

TEST_CASE("a group alone has the largest scale, and decodes as super times sub") {
  using Q = q6_k::quantizer;  // signed_max: -1.2 is code -32, the scale 0.0375, its code -128
  auto const p = Q::calibrate(worked);
  CHECK(int8::decode(p.sub) == -128.0f);
  CHECK(p.super == static_cast<float>(f16(-1.2f / -32 / 128 * -1)));
  CHECK(Q::scale(p) == p.super * -128.0f);
  CHECK(Q::encode(-1.2f, p) == (-32 & 63));
  CHECK(Q::decode(5, p) == Q::scale(p) * 5);
  CHECK(p.inverse == 1.0f / Q::scale(p));
}

TEST_CASE("scales are codes of the largest, minima of the lowest") {
  using Q = q4_k::quantizer;
  auto const p = settled<Q>({{-2.0f, 1.0f}, {-0.5f, 0.25f}, {1.0f, 3.0f}, {-1.0f, -0.5f}});
  // Ranges with 0: 3, 0.75, 3, 1, so scales are those of 15; d is a sixty-third of 3 / 15 in f16, dmin of 2.
  float const d = static_cast<float>(f16(3.0f / 15 / 63));
  float const dmin = static_cast<float>(f16(2.0f / 63));
  int const subs[] = {63, 16, 63, 21};
  int const minima[] = {63, 16, 0, 32};  // -1 is 31.5 of 2 / 63, a little more of that in f16
  for (std::size_t i = 0; i < 4; ++i) {
    INFO(i);
    CHECK(p[i].super == d);
    CHECK(p[i].super_minimum == -dmin);
    CHECK(p[i].sub == subs[i]);
    CHECK(p[i].sub_minimum == minima[i]);
    CHECK(Q::scale(p[i]) == d * static_cast<float>(subs[i]));
  }
  CHECK(Q::minimum(p[2]) == 0.0f);
  CHECK(Q::encode(-2.0f, p[0]) == 0);
  CHECK(Q::encode(1.0f, p[0]) == 15);
  CHECK(Q::decode(7, p[0]) == std::fma(d * 63, 7.0f, -(dmin * 63)));
}

TEST_CASE("minima of either sign where their codes have one") {
  using Q = affine_min<uint4, scale_as<scheme<signed_max<int8, scale_as<f16>>, per_group<4>>>>;
  auto const p = settled<Q>({{-1.0f, 1.0f}, {1.0f, 3.0f}});
  CHECK(Q::minimum(p[0]) == -1.0f);
  CHECK(Q::minimum(p[1]) == 127.0f / 128);  // 128 is no code
  CHECK(Q::encode(3.0f, p[1]) == 15);
}

TEST_CASE("full divides by the stored scale") {
  using Q = symmetric<int4, full, shared_scale<symmetric<uint8>, 2>>;
  auto const p = settled<Q>({{1.5f, -0.75f}, {15.0f, 1.0f}});
  CHECK(p[1].super == 15.0f / 7.5f / 255);
  CHECK(p[1].inverse == Q::scale(p[1]));
  CHECK(Q::encode(15.0f, p[1]) == 7);
  CHECK(Q::encode(-0.75f, p[0]) == ((-4) & 15));  // -3.75
  CHECK(settled<Q>({{0.0f}, {1.0f}})[0].inverse == inf);
  CHECK(Q::encode(1.0f, settled<Q>({{0.0f}, {1.0f}})[0]) == 0);
}

TEST_CASE("zeros, tiny and huge groups, and groups without numbers") {
  using Q = nvfp4::quantizer;
  auto const zeros = settled<Q>({{0.0f, 0.0f}, {-0.0f}});
  CHECK(Q::scale(zeros[0]) == 0.0f);
  CHECK(Q::encode(1.0f, zeros[0]) == 0);
  auto const tiny = settled<Q>({{1e-40f}, {1e-42f}});
  for (auto const& p : tiny) {
    CHECK(p.inverse == 0.0f);
    CHECK(Q::scale(p) == 0.0f);
  }
  auto const huge = settled<Q>({{std::numeric_limits<float>::max()}, {1.0f}});
  CHECK(std::isfinite(Q::scale(huge[0])));
  CHECK(Q::scale(huge[1]) == 0.0f);
  for (float const bad : {inf, -inf, std::nanf("")}) {
    for (auto const& p : settled<Q>({{1.0f, bad}, {1.0f}})) { CHECK(std::isnan(Q::scale(p))); }
    for (auto const& p : settled<q4_k::quantizer>({{1.0f, bad}, {1.0f}})) {
      CHECK(std::isnan(q4_k::quantizer::scale(p)));
    }
    for (auto const& p : settled<q6_k::quantizer>({{1.0f}, {bad}})) { CHECK(std::isnan(q6_k::quantizer::scale(p))); }
  }
  CHECK(std::isnan(Q::scale(Q::calibrate(std::vector<float>{inf}))));
}

TEST_CASE("LQ-LoRA's worked blocks: scales above an offset") {
  // As published, the offset is a float and what codes multiply is a float's share of a bf16; here both are of one
  // type.
  std::vector<std::vector<float>> const blocks = {{.3f, -.7f, .05f, .42f}, {-1.1f, .9f, .2f, -.33f}};
  int const codes[] = {5, 0, 3, 6, 0, 7, 4, 2};
  double const published[] = {.236541, -.7, 0, .393832, -1.100391, 1.100391, .177086, -.238941};
  auto const check = [&]<class Q>(std::type_identity<Q>, double bound) {
    auto const p = settled<Q>(blocks);
    CHECK(p[0].sub == 0);
    CHECK(p[1].sub == 255);
    for (std::size_t i = 0; i < 8; ++i) {
      auto const& group = p[i / 4];
      CHECK(Q::encode(blocks[i / 4][i % 4], group) == codes[i]);
      CHECK(Q::decode(static_cast<code>(codes[i]), group) == Approx(published[i]).epsilon(bound));
    }
  };
  check(std::type_identity<symmetric<nf3, shared_scale<affine_min<uint8>, 2>>>{}, 4e-4);  // .4 is .400390625 in bf16
  check(std::type_identity<symmetric<nf3, shared_scale<affine_min<uint8, scale_as<bf16>>, 2>>>{}, 4e-3);
}

TEST_CASE("SpQR's worked scale and zero, and its worked group") {
  using Q = spqr<3>::quantizer;
  Q::params p{};
  p.super = 0x1p-9f;  // s = a (w - o) with w = 5, o = 2
  p.offset = -2 * 0x1p-9f;
  p.sub = 5;
  p.super_minimum = -.5f;  // z = .5 (w - o) with w = 3, o = 1
  p.minimum_offset = .5f;
  p.sub_minimum = 3;
  CHECK(Q::scale(p) == .005859375f);
  CHECK(Q::minimum(p) == -.005859375f);
  CHECK(Q::decode(7, p) == 6 * .005859375f);

  std::vector<float> const xs = {.11f, .05f, .2f, .085f};
  auto const ends = Q::fit(xs.data(), xs.data() + 4);
  CHECK(ends.scale == Approx(.0214285714));
  CHECK(ends.drop == Approx(-2.33333));
  auto const alone = Q::calibrate(xs);
  double const values[] = {.1142857, .05, .2, .0928571};
  int const codes[] = {3, 0, 7, 2};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(Q::encode(xs[i], alone) == codes[i]);
    CHECK(Q::decode(static_cast<code>(codes[i]), alone) == Approx(values[i]).epsilon(1e-3));  // offsets are f16
  }
}

TEST_CASE("groups of equal values keep them, by the range to 0") {
  using Q = affine_min<uint3, real_zero, scale_as<scheme<affine_min<uint8>, per_group<4>>>>;
  std::vector<std::vector<float>> const groups = {{.5f, .5f}, {-.25f}, {0, 0}, {1, 2}};
  auto const p = settled<Q>(groups);
  for (std::size_t g = 0; g < 4; ++g) {
    for (float const x : groups[g]) { CHECK(Q::decode(Q::encode(x, p[g]), p[g]) == Approx(x).margin(.02)); }
  }
}

TEST_CASE("scales of scales by the mean compile, too") {
  using Q = symmetric<int4, scale_as<scheme<absmean<uint4, scale_as<bf16>>, per_row>>>;
  auto const p = settled<Q>({{7.0f}, {14.0f}, {21.0f}});  // the mean of 1, 2, 3 is 2: codes 0 (a tie), 1, 2 (a tie)
  CHECK(p[0].sub == 0);
  CHECK(p[1].sub == 1);
  CHECK(p[2].sub == 2);
}

TEST_CASE("NVFP4 by NVIDIA's recipe: the numbers of its description") {
  using Q = nvfp4::quantizer;
  // x = ((37 i + 11) mod 97 - 48) / 16.
  std::vector<std::vector<float>> blocks(2);
  for (int i = 0; i < 32; ++i) {
    blocks[static_cast<std::size_t>(i / 16)].push_back(static_cast<float>((37 * i + 11) % 97 - 48) / 16);
  }
  auto const p = settled<Q>(blocks);
  std::vector<int> const codes[] = {{0xe, 0x0, 0x6, 0xd, 0x4, 0xf, 0xa, 0x6, 0xe, 0x1, 0x7, 0xc, 0x4, 0xf, 0x9, 0x6},
                                    {0xd, 0x3, 0x7, 0xb, 0x5, 0xe, 0x0, 0x6, 0xd, 0x4, 0xf, 0xa, 0x6, 0xe, 0x2, 0x7}};
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(test::bits_of(p[i].super) == 0x3a8f3cf4u);
    CHECK(p[i].sub == 0x7e);
    std::vector<int> found;
    for (float const x : blocks[i]) { found.push_back(Q::encode(x, p[i])); }
    CHECK(found == codes[i]);
  }
}
