// SPDX-License-Identifier: MIT
// Codes of weights and their planes: worked numbers, what they mean for every base, the same on every instruction set.
#include "octavo/kernel/probability_planes.hpp"

#include "octavo/kernel/code_values.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

double value_of(kernel::weight_levels const& l, std::size_t code) {
  return (l.planes[0][code] + static_cast<double>(l.ratio) * l.planes[1][code]) / static_cast<double>(l.unit);
}

/// Planes of these weights, relative to 1, as 16 of them and the sum at the end.
template <class A>
std::vector<double> planes_of(kernel::weight_levels const& levels, std::vector<double> const& weights) {
  using writer = typename kernel::code_values<A, float, kernel::weight_levels>::writer;
  std::vector<float> scores(64, -std::numeric_limits<float>::infinity());
  for (std::size_t i = 0; i < weights.size(); ++i) { scores[i] = static_cast<float>(std::log2(weights[i])); }
  std::vector<typename writer::weight> to(static_cast<std::size_t>(writer::plane_stride + 64));
  writer const w{.levels = levels};
  float const sum = w.template write<64>(scores.data(), 64, kernel::first_blocks{1}, 1.0f, 0.0f, true, to.data());
  std::vector<double> planes;
  for (std::size_t i = 0; i < 64; ++i) {
    planes.push_back(to[i] + writer::less);
    planes.push_back(to[static_cast<std::size_t>(writer::plane_stride) + i] + writer::less);
  }
  planes.push_back(static_cast<double>(sum));
  return planes;
}

}  // namespace

TEST_CASE("worked numbers of AdaLog and log sqrt 2: exact integers, zeros, sums") {
  auto const adalog_levels = kernel::weight_quantizer<adalog<4, log_zero::extra>>::levels(19);
  auto const sqrt_levels = kernel::weight_quantizer<symmetric<log_sqrt2_format<4, log_zero::extra>>>::levels(0);
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    auto const p = planes_of<A>(adalog_levels, {.62, .25, .10, .029, .001, 1, .004});
    double const expected[7] = {2688, 928, 448, 108, 0, 3840, 0};  // of 30 * 128
    double all = 0;
    for (std::size_t i = 0; i < 64; ++i) {
      CHECK(16 * p[2 * i] + p[2 * i + 1] == (i < 7 ? expected[i] : 0));
      all += i < 7 ? expected[i] : 0;
    }
    CHECK(p[128] == all / 16);
    auto const clamped = planes_of<A>(kernel::weight_quantizer<adalog<4>>::levels(19), {1, .001});
    CHECK(16 * clamped[2] + clamped[3] == 18);  // the last level; what is not seen is 0
    CHECK(clamped[128] == 240 + 18.0 / 16);
    auto const s = planes_of<A>(sqrt_levels, {.5, .3, .1, .06, .04});
    double const values[5] = {11, -40, 90, -128, 127};
    double even = 0;
    double odd = 0;
    for (std::size_t i = 0; i < 5; ++i) {
      even += s[2 * i] * values[i];
      odd += s[2 * i + 1] * values[i];
    }
    CHECK(even == -320);  // of 128
    CHECK(odd == -104);
    CHECK(std::abs((even + static_cast<double>(sqrt_levels.ratio) * odd) / 128 + 3.0745243) < 1e-6);
  });
}

TEST_CASE("planes mean what codes mean: exactly for log2 and bases up to 19, else within 7.6e-6") {
  auto const two = kernel::weight_quantizer<symmetric<log2_format<4>>>::levels(0);
  CHECK(two.unit == 128);
  CHECK(two.top == 15);
  for (std::size_t c = 0; c < 16; ++c) { CHECK(value_of(two, c) == std::exp2(-static_cast<double>(c))); }
  CHECK(kernel::weight_quantizer<symmetric<log2_format<4, log_zero::last>>>::levels(0).planes[1][15] == 0);
  CHECK(kernel::weight_quantizer<symmetric<log2_format<4, log_zero::last>>>::levels(0).top == 15);
  CHECK(kernel::weight_quantizer<symmetric<log2_format<3, log_zero::extra>>>::levels(0).top == 8);
  for (int q = 10; q <= 137; ++q) {
    auto const l = kernel::weight_quantizer<adalog<4>>::levels(q);
    double worst = 0;
    for (int c = 0; c < 16; ++c) {
      double const exact = adalog<4>::mantissa(c, q) / 30.0 * std::exp2(-adalog<4>::shift(c, q));
      worst = std::fmax(worst, std::abs(value_of(l, static_cast<std::size_t>(c)) - exact));
    }
    INFO(q);
    CHECK(worst < (q <= 19 ? 1e-15 : 7.63e-6));
    CHECK(static_cast<double>(l.per_octave) == static_cast<double>(37.0f / static_cast<float>(q)));
  }
}

TEST_CASE("codes of logarithms are the nearest, NaN gives NaN") {
  auto const levels = kernel::weight_quantizer<adalog<4>>::levels(23);
  float scores[64];
  for (int i = 0; i < 64; ++i) { scores[i] = -0.173f * static_cast<float>(i); }
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    using writer = typename kernel::code_values<A, float, kernel::weight_levels>::writer;
    std::vector<typename writer::weight> to(static_cast<std::size_t>(writer::plane_stride + 64));
    writer const w{.levels = levels};
    (void)w.template write<64>(scores, 64, kernel::first_blocks{1}, 2.0f, 0.0f, false, to.data());
    int wrong = 0;
    for (std::size_t i = 0; i < 64; ++i) {
      auto const code =
          static_cast<std::size_t>(std::fmin(std::nearbyint(-2 * static_cast<double>(scores[i]) * 37 / 23), 15));
      wrong += to[i] + writer::less == levels.planes[0][code] ? 0 : 1;
      wrong +=
          to[static_cast<std::size_t>(writer::plane_stride) + i] + writer::less == levels.planes[1][code] ? 0 : 1;
    }
    CHECK(wrong == 0);
    float const before = scores[9];
    scores[9] = std::nanf("");
    CHECK(std::isnan(w.template write<64>(scores, 64, kernel::first_blocks{1}, 2.0f, 0.0f, true, to.data())));
    scores[9] = before;
  });
}
