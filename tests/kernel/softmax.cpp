// SPDX-License-Identifier: MIT
#include "octavo/kernel/softmax.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <cstring>
#include <vector>

using namespace octavo;

namespace {

constexpr float log2e = 1.44269504f;

/// Merges (m', l', acc') of one row into (m, l, acc) of another.
template <class A>
void merge(float& m, float& l, float* acc, float m2, float l2, float const* acc2) {
  float ms[16] = {m}, ls[16] = {l}, ms2[16] = {m2}, ls2[16] = {l2}, keep[16], take[16];
  kernel::merge_rows<A>({ms, ls}, {ms2, ls2}, 1, keep, take);
  kernel::merge_accumulators<A>(acc, acc2, 16, keep[0], take[0]);
  m = ms[0];
  l = ls[0];
}

}  // namespace

TEST_CASE("leaves merge as the worked numbers say") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    float m = 3 * log2e;
    float l = 1.13533528f;
    float acc[16] = {.13533528f, 1};
    float const other[16] = {-.83583f, 1.16417f};
    merge<A>(m, l, acc, .5f * log2e, 1.082085f, other);
    CHECK(m == 3 * log2e);
    CHECK(std::abs(l - 1.22415823f) < 1e-6f);
    CHECK(std::abs(acc[0] - .06672618f) < 1e-6f);
    CHECK(std::abs(acc[1] - 1.09556089f) < 1e-6f);
    float const nothing[16] = {};
    merge<A>(m, l, acc, 2 * log2e, 1, nothing);  // a sink
    CHECK(std::abs(l - 1.59203767f) < 1e-6f);
  });
}

TEST_CASE("(-infinity, 0) is neutral, NaN stays") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    float m = kernel::minus_infinity;
    float l = 0;
    float acc[16] = {};
    float const other[16] = {3, -4};
    merge<A>(m, l, acc, kernel::minus_infinity, 0, acc);
    CHECK(m == kernel::minus_infinity);
    CHECK(l == 0);
    merge<A>(m, l, acc, -5000, 1.5f, other);
    CHECK(m == -5000);
    CHECK(l == 1.5f);
    CHECK(acc[1] == -4);
    float const none[16] = {};
    merge<A>(m, l, acc, kernel::minus_infinity, 0, none);
    CHECK(l == 1.5f);
    CHECK(acc[0] == 3);
    merge<A>(m, l, acc, kernel::minus_infinity, std::nanf(""), none);
    CHECK(std::isnan(l));
  });
}

TEST_CASE("weights are powers of two relative to the largest score, their sum by 16 lanes") {
  test::random next(6);
  constexpr octavo::index blocks = 3;
  constexpr octavo::index stride = 80;
  std::vector<float> scores(blocks * stride, 1e30f);  // what is between the blocks is not read
  for (octavo::index b = 0; b < blocks; ++b) {
    for (octavo::index j = 0; j < 64; ++j) { scores[static_cast<std::size_t>(b * stride + j)] = next.value() * 20; }
  }
  scores[5] = kernel::minus_infinity;
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    std::vector<float> weights(blocks * 64);
    float const most = kernel::largest_score<A, 64>(scores.data(), stride, kernel::first_blocks{blocks});
    auto const r = kernel::softmax<A, kernel::float_writer<A>, 64>(
        scores.data(), stride, kernel::first_blocks{blocks}, 1.0f, most, true, weights.data());
    float largest = kernel::minus_infinity;
    for (octavo::index i = 0; i < blocks * 64; ++i) {
      largest = std::fmax(largest, scores[static_cast<std::size_t>(i / 64 * stride + i % 64)]);
    }
    CHECK(r.largest == largest);
    float lanes[16] = {};
    double worst = 0;
    for (octavo::index i = 0; i < blocks * 64; ++i) {
      float const w = weights[static_cast<std::size_t>(i)];
      lanes[i % 16] += w;
      double const exact = std::exp2(static_cast<double>(scores[static_cast<std::size_t>(i / 64 * stride + i % 64)]) -
                                     static_cast<double>(largest));
      worst = std::fmax(worst, std::abs(static_cast<double>(w) - exact) / std::fmax(exact, 1e-30));
    }
    for (int half = 8; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) { lanes[i] += lanes[i + half]; }
    }
    INFO(arch_name<A>);
    CHECK(worst < 4e-6);  // of it, half an ulp of the difference of scores
    CHECK(test::same_bits(r.sum, lanes[0]));
    CHECK(weights[5] == 0);
  });
}

TEST_CASE("rows without a score, and with NaN") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    float scores[64];
    float weights[64];
    for (float& s : scores) { s = kernel::minus_infinity; }
    auto const of_row = [&] {
      float const most = kernel::largest_score<A, 64>(scores, 64, kernel::first_blocks{1});
      return kernel::softmax<A, kernel::float_writer<A>, 64>(scores, 64, kernel::first_blocks{1}, 1.0f, most, true,
                                                             weights);
    };
    auto const none = of_row();
    CHECK(none.largest == kernel::minus_infinity);
    CHECK(none.sum == 0);
    CHECK(weights[63] == 0);
    scores[7] = std::nanf("");
    auto const all = of_row();
    CHECK(std::isnan(all.sum));
    CHECK(all.largest == kernel::minus_infinity);
  });
}

TEST_CASE("the largest of a register, wherever it stands") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    int wrong = 0;
    for (int at = 0; at < simd::lanes<A>; ++at) {
      float lanes[static_cast<std::size_t>(simd::lanes<A>)];
      for (int i = 0; i < simd::lanes<A>; ++i) {
        lanes[i] = i == at ? -2.5f : i % 3 == 0 ? kernel::minus_infinity : -7.0f;
      }
      wrong += kernel::largest_lane<A>(lanes) == -2.5f ? 0 : 1;
    }
    CHECK(wrong == 0);
  });
}
