// SPDX-License-Identifier: MIT
// Codes of weights by borders: those of sulq, what their planes mean, the same on every instruction set.
#include "octavo/kernel/probability_borders.hpp"

#include "octavo/kernel/code_values.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

double value_of(kernel::border_levels const& l, std::size_t code) {
  return (l.planes[0][code] + static_cast<double>(l.ratio) * l.planes[1][code]) / static_cast<double>(l.unit);
}

/// What 64 scores become: bytes of both planes, and the sum.
struct written {
  std::vector<int> first, second;
  double sum = 0;
};
template <class A>
written write(kernel::border_levels const& levels, std::vector<float> scores, float factor = 1, float largest = 0,
              bool watch = false) {
  using writer = typename kernel::code_values<A, float, kernel::border_levels>::writer;
  scores.resize(64, -infinity);
  std::vector<typename writer::weight> to(static_cast<std::size_t>(writer::plane_stride + 64));
  writer const w{.levels = levels};
  written result;
  result.sum = static_cast<double>(
      w.template write<64>(scores.data(), 64, kernel::first_blocks{1}, factor, largest, watch, to.data()));
  int sums[2] = {};
  for (std::size_t i = 0; i < 64; ++i) {
    result.first.push_back(to[i] + writer::less);
    result.second.push_back(to[static_cast<std::size_t>(writer::plane_stride) + i] + writer::less);
    sums[0] += result.first.back();
    sums[1] += result.second.back();
  }
  CHECK(w.sums[0] == sums[0]);
  CHECK(w.sums[1] == sums[1]);
  if (result.sum == result.sum) { CHECK(result.sum == sums[0] + sums[1] / 256.0); }
  return result;
}

/// Codes by the formula in double precision, of weights 2^x.
int code_of(double x, sulq_params const& p) {
  double const level = -std::log2(std::exp2(x) + static_cast<double>(p.eta)) / static_cast<double>(p.step);
  return static_cast<int>(std::fmin(std::fmax(std::nearbyint(level) + p.zero_point, 0.0), 15.0));
}

}  // namespace

TEST_CASE("worked numbers of SULQ as planes of bytes") {
  auto const p = sulq<4>::from_range(0.0f, 1.0f, 0.005f);
  auto const levels = kernel::shifted_levels<4>(p);
  double const weights[5] = {.62, .25, .10, .029, .001};
  std::size_t const codes[5] = {1, 4, 6, 10, 14};
  int const values[5] = {12, -100, 5, 64, 9};
  std::vector<float> scores;
  for (double const w : weights) { scores.push_back(static_cast<float>(std::log2(w))); }
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    auto const got = write<A>(levels, scores);
    int first = 0;
    int second = 0;
    for (std::size_t i = 0; i < 64; ++i) {
      CHECK(got.first[i] == (i < 5 ? int{levels.planes[0][codes[i]]} : 0));
      CHECK(got.second[i] == (i < 5 ? int{levels.planes[1][codes[i]]} : 0));
      first += i < 5 ? got.first[i] * values[i] : 0;
      second += i < 5 ? got.second[i] * values[i] : 0;
    }
    double const out = (first + static_cast<double>(levels.ratio) * second) / static_cast<double>(levels.unit);
    CHECK(std::abs(out - -16.2546875) < 190 * 7.6e-6);  // 190 is the sum of |v|
    CHECK(std::abs(got.sum / static_cast<double>(levels.unit) - (0.5 + 0.25 + 0.125 + 1 / 32.0 + 1 / 128.0 - 0.025)) <
          5 * 7.6e-6);
  });
}

TEST_CASE("borders of SULQ are where codes change, and planes mean what codes mean") {
  double const borders[15] = {.832967,  .58341,   .408175, .285127,  .198724,   .138052,   .0954496,  .0655346,
                              .0445285, .0297784, .019421, .0121481, .00704121, .00345519, .000937138};
  auto const worked = kernel::shifted_levels<4>(sulq<4>::from_range(0.0f, 1.0f, 0.005f));
  for (std::size_t c = 0; c < 15; ++c) {
    CHECK(std::abs(std::exp2(static_cast<double>(worked.steps[3][c])) - borders[c]) < 1e-6);
  }
  for (float const eta : sulq<4>::etas) {
    for (float const high : {1.0f, 0.8f}) {
      auto const p = sulq<4>::from_range(0.0f, high, eta);
      auto const l = kernel::shifted_levels<4>(p);
      INFO(eta);
      double largest = 0;
      double worst = 0;
      int in_use = 0;
      for (int c = code_of(0, p); c < 16; ++c) {
        double const exact = std::exp2(-sulq<4>::exponent(static_cast<code>(c), p)) - static_cast<double>(eta);
        largest = std::fmax(largest, exact);
        worst = std::fmax(worst, std::abs(value_of(l, static_cast<std::size_t>(c)) - std::fmax(exact, 0)));
        ++in_use;
      }
      CHECK(in_use > 10);
      CHECK(worst < 7.64e-6 * largest);
    }
  }
  auto const three = kernel::shifted_levels<3>(sulq<3>::from_range(1.08e-8f, 0.868f, 1e-6f));
  int const exponents[8] = {0, 3, 6, 8, 11, 14, 17, 20};
  for (std::size_t c = 0; c < 8; ++c) {
    CHECK(std::abs(value_of(three, c) - std::fmax(std::exp2(-exponents[c]) - 1e-6, 0)) < 7.64e-6);
  }
}

TEST_CASE("codes of SULQ by borders are those of the formula") {
  test::random next(71);
  for (float const eta : {1e-5f, 0.001f, 0.04f, 0.5f}) {
    auto const p = sulq<4>::from_range(0.0f, 1.0f, eta);
    auto const levels = kernel::shifted_levels<4>(p);
    // Weights are 2^(2 score - 3).
    std::vector<float> scores = {1.5f, -1e30f};
    for (int i = 0; i < 58; ++i) { scores.push_back(1.5f - 0.01f * static_cast<float>(next.below(1200))); }
    test::for_every_arch([&](auto arch) {
      using A = typename decltype(arch)::type;
      INFO(arch_name<A>);
      auto const got = write<A>(levels, scores, 2.0f, 3.0f);
      int wrong = 0;
      for (std::size_t i = 0; i < 64; ++i) {
        bool const seen = i < scores.size();
        double const x = seen ? 2 * static_cast<double>(scores[i]) - 3 : 0;
        auto const code = static_cast<std::size_t>(code_of(x, p));
        wrong += got.first[i] == (seen ? int{levels.planes[0][code]} : 0) ? 0 : 1;
        wrong += got.second[i] == (seen ? int{levels.planes[1][code]} : 0) ? 0 : 1;
      }
      CHECK(wrong == 0);
    });
  }
}

TEST_CASE("weights by borders: nothing seen, NaN, scores that are too large, parameters that are odd") {
  auto const levels = kernel::shifted_levels<4>(sulq<4>::from_range(0.0f, 1.0f, 0.01f));
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    std::vector<int> const zeros(64, 0);
    auto const blind = write<A>(levels, {}, 1.0f, -infinity);
    CHECK(blind.sum == 0);
    CHECK(blind.first == zeros);
    CHECK(blind.second == zeros);
    for (auto const& refused : {write<A>(levels, {0, std::nanf("")}, 1, 0, true), write<A>(levels, {1}, 1, infinity),
                                write<A>(levels, {1}, infinity, 1), write<A>(levels, {1}, std::nanf(""), 1)}) {
      CHECK(std::isnan(refused.sum));
      CHECK(refused.first == zeros);
      CHECK(refused.second == zeros);
    }
  });
  for (int const zero : {std::numeric_limits<int>::min(), -20, 0, 20, std::numeric_limits<int>::max()}) {
    for (float const step : {1e-30f, 0.3f, 1e30f}) {
      for (float const eta : {0.0f, 0.01f, 1e30f}) {
        auto const l = kernel::shifted_levels<4>({eta, step, zero});
        CHECK(l.unit >= 0);
        CHECK(l.unit < infinity);
        for (auto const& each : l.steps) {
          for (std::size_t c = 1; c < 16; ++c) { CHECK(each[c] <= each[c - 1]); }
        }
      }
    }
  }
}
