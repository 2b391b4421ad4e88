// SPDX-License-Identifier: MIT
#include "octavo/calibration/clip_search.hpp"

#include "octavo/quant/schemes.hpp"

#include "calibration/sine.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/user_quantizer.hpp"

#include <limits>
#include <vector>

using namespace octavo;
using namespace octavo::calibration;

TEST_CASE("the clip search finds the worked scales and errors") {
  auto const xs = test::sine();
  auto const a = omse.fit<affine<uint4>>(xs);
  CHECK(a.scale == Approx(2.01782850).epsilon(1e-7));
  CHECK(a.zero_point == 3);
  CHECK(test::mean_square<affine<uint4>>(xs, a) == Approx(0.36900665).epsilon(1e-6));
  auto const s = omse.fit<symmetric<int4>>(xs);
  CHECK(s.scale == Approx(0.92 * 25 / 7).epsilon(1e-7));
  CHECK(test::mean_square<symmetric<int4>>(xs, s) == Approx(0.95247122).epsilon(1e-6));
  CHECK(clip_search{}.fit<symmetric<int4>>(xs).scale == Approx(0.93 * 25 / 7).epsilon(1e-7));
}

TEST_CASE("the clip search of compressed-tensors' int4: scale, codes, error") {
  using Q = symmetric<int4, full>;
  std::vector<float> const w = {0.9f, -0.31f, 0.02f, -1.2f, 0.55f, 0.77f, -0.08f, 0.4f};
  for (auto const& search : {clip_search{}, patient}) {
    auto const p = search.fit<Q>(w);
    CHECK(p.scale == Approx(0.1472).epsilon(1e-6));
    CHECK(search.error<Q>(w, p) == Approx(0.00302248).epsilon(1e-5));
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
      auto const q = static_cast<int>(int4::decode(Q::encode(w[i], p)));
      word |= static_cast<std::uint32_t>(q + 8) << 4 * i;
    }
    CHECK(word == 0xb7dc086eu);
  }
}

TEST_CASE("patience ends the search in front of a better range that comes late") {
  // |x| errors of a group with one far outlier: worse at first, better once the many small values gain.
  std::vector<float> xs(4000, 0.34f);
  xs.push_back(2);
  auto const all = omse.fit<symmetric<int2>>(xs);
  auto const some = clip_search{90, 100, 2.0, 5}.fit<symmetric<int2>>(xs);
  CHECK(all.scale < 0.5f);
  CHECK(some.scale > 1.9f);
}

namespace {

template <class Q>
void never_worse() {
  test::random next(11);
  for (int group = 0; group < 20; ++group) {
    std::vector<float> xs;
    for (int i = 0; i < 48; ++i) { xs.push_back(next.value()); }
    double const plain = test::mean_square<Q>(xs, Q::calibrate(xs));
    double const searched = test::mean_square<Q>(xs, omse.fit<Q>(xs));
    CHECK(searched <= plain);
  }
}

}  // namespace

TEST_CASE("no quantizer gets worse by the search, linear or not, the user's included") {
  never_worse<symmetric<int4>>();
  never_worse<symmetric<int8, full, scale_as<f16>>>();
  never_worse<symmetric<e2m1, scale_as<e8m0>>>();
  never_worse<symmetric<nf4, scale_as<bf16>>>();
  never_worse<affine<uint4>>();
  never_worse<affine_min<uint4, scale_as<f16>>>();
  never_worse<test::powers_of_two>();
  never_worse<test::coarse_int8>();
}

TEST_CASE("groups of zeros and of one value have params, bad values and grids are errors") {
  std::vector<float> const zeros(5);
  CHECK(clip_search{}.fit<symmetric<int4>>(zeros).scale == 0.0f);
  std::vector<float> const one = {-3};
  CHECK(clip_search{}.fit<symmetric<int4>>(one).scale == 3.0f / 7);
  std::vector<float> const bad = {1, std::numeric_limits<float>::infinity()};
  CHECK_THROWS_WITH(clip_search{}.fit<symmetric<int4>>(bad), Catch::Contains("not finite is value 1, of 2"));
  CHECK_THROWS_AS(clip_search{}.fit<symmetric<int4>>({}), std::invalid_argument);
  clip_search too_far;
  too_far.candidates = 101;
  CHECK_THROWS_WITH(
      too_far.fit<symmetric<int4>>(one),
      "clip_search: candidates are 101, the grid has 100. Try at least one, and no more than the grid has.");
}
