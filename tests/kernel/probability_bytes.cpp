// SPDX-License-Identifier: MIT
// Scores as bytes of 1/255: against powers of two, their exact sum, the same bytes on every instruction set.
#include "octavo/kernel/probability_bytes.hpp"

#include "octavo/kernel/code_values.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();

/// Bytes of 64 scores, and their sum at the end.
template <class A>
std::vector<float> bytes_of(float const* scores, float factor, float largest) {
  using writer = typename kernel::code_values<A, float>::writer;
  typename writer::weight weights[64];
  float const sum = writer::template write<64>(scores, 64, kernel::first_blocks{1}, factor, largest, true, weights);
  std::vector<float> bytes;
  for (auto const w : weights) { bytes.push_back(static_cast<float>(w + writer::less)); }
  bytes.push_back(sum);
  return bytes;
}

}  // namespace

TEST_CASE("bytes are the nearest to 255 * 2^x but for 2e-4 of it, and their sum is exact") {
  test::random next(4);
  for (int round = 0; round < 50; ++round) {
    float const factor = round == 0 ? 1.0f : 0.3f + std::abs(next.value());
    float scores[64];
    float largest = -inf;
    for (float& s : scores) {
      s = next.value() * (round % 2 == 0 ? 6.0f : 300.0f);
      largest = std::fmax(largest, s);
    }
    scores[7] = -inf;
    auto const expected = bytes_of<scalar>(scores, factor, largest * factor);
    float sum = 0;
    double worst = 0;
    for (std::size_t j = 0; j < 64; ++j) {
      double const p = 255 * std::exp2(static_cast<double>(factor) *
                                       (static_cast<double>(scores[j]) - static_cast<double>(largest)));
      worst = std::fmax(worst, std::abs(static_cast<double>(expected[j]) - p) - 2e-4 * p);
      sum += expected[j];
    }
    CHECK(worst < 0.501);
    CHECK(expected[64] == sum);
    test::for_vector_archs([&](auto arch) {
      using A = typename decltype(arch)::type;
      INFO(arch_name<A>);
      CHECK(bytes_of<A>(scores, factor, largest * factor) == expected);
    });
  }
}

TEST_CASE("rows that become bytes together have the bytes and sums of each alone") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    using writer = typename kernel::code_values<A, float>::writer;
    constexpr int n = writer::rows_together;
    test::random next(6);
    float scores[static_cast<std::size_t>(2 * n * 64)];  // [block][row]
    for (float& s : scores) { s = 9 * next.value(); }
    typename writer::line lines[static_cast<std::size_t>(n)];
    typename writer::weight alone[static_cast<std::size_t>(n * 130)] = {};
    typename writer::weight together[static_cast<std::size_t>(n * 130)] = {};
    float sums[static_cast<std::size_t>(n)];
    float expected[static_cast<std::size_t>(n)];
    for (int i = 0; i < n; ++i) {
      float const factor = 0.5f + static_cast<float>(i);
      lines[i] = writer::line::of(factor, 9 * factor);
      expected[i] = writer::template write<64>(scores + i * 64, n * 64, kernel::first_blocks{2}, factor, 9 * factor,
                                               true, alone + i * 130);
      CHECK(expected[i] > 255);
    }
    writer::template write_rows<64>(scores, n * 64, kernel::first_blocks{2}, lines, together, 130, sums);
    CHECK(std::memcmp(alone, together, sizeof alone) == 0);
    CHECK(std::memcmp(expected, sums, sizeof sums) == 0);
  });
}

TEST_CASE("bytes of scores that are all hidden, far away, NaN, or beyond floats") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    float scores[64];
    for (float& s : scores) { s = -inf; }
    CHECK(bytes_of<A>(scores, 1, -inf) == std::vector<float>(65, 0.0f));
    for (int j = 0; j < 64; ++j) { scores[j] = -120.0f * static_cast<float>(j); }
    scores[63] = -3e38f;
    auto one = std::vector<float>(65, 0.0f);
    one[0] = one[64] = 255;
    CHECK(bytes_of<A>(scores, 1, 0) == one);
    auto flat = std::vector<float>(65, 255.0f);
    flat[63] = std::nearbyint(255 * std::exp2(-3e38f * 0x1p-126f));
    flat[64] = 63 * 255.0f + flat[63];
    CHECK(bytes_of<A>(scores, 0x1p-126f, 0) == flat);
    CHECK(std::isnan(bytes_of<A>(scores, 0x1p110f, 0)[64]));
    CHECK(std::isnan(bytes_of<A>(scores, 1, inf)[64]));
    scores[5] = std::nanf("");
    CHECK(std::isnan(bytes_of<A>(scores, 1, 0)[64]));
  });
}
