// SPDX-License-Identifier: MIT
// The order of sums, written as loops over 64 numbers; errors are measured in tests/ops/norm.cpp.
#include "octavo/kernel/norm.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

/// Four chains of 16 lanes, chains ascending, then halves.
template <class F>
float plain_sum(std::vector<float> const& x, F const& add) {
  float lanes[64] = {};
  for (std::size_t k = 0; k < x.size(); ++k) { lanes[k % 64] = add(lanes[k % 64], x[k]); }
  for (int chain = 1; chain < 4; ++chain) {
    for (int i = 0; i < 16; ++i) { lanes[i] += lanes[16 * chain + i]; }
  }
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) { lanes[i] += lanes[i + half]; }
  }
  return lanes[0];
}
float add_square(float sum, float x) { return std::fma(x, x, sum); }

}  // namespace

TEST_CASE("norms of a row are those of plain loops in the stated order, to the bit") {
  for (octavo::index const n : {1, 3, 16, 63, 64, 65, 200}) {
    auto const x = test::values(n, static_cast<std::uint64_t>(n));
    auto const w = test::values(n, 2);
    auto const b = test::values(n, 3);
    auto const count = static_cast<float>(n);
    float const root = 1.0f / std::sqrt(plain_sum(x, add_square) / count + 1e-5f);
    float const mean = plain_sum(x, [](float s, float v) { return s + v; }) / count;
    std::vector<float> centred;
    for (float const v : x) { centred.push_back(v - mean); }
    float const deviation = 1.0f / std::sqrt(plain_sum(centred, add_square) / count + 1e-5f);
    test::for_archs([&](auto arch) {
      using A = typename decltype(arch)::type;
      INFO(arch_name<A> << ", " << n);
      std::vector<float> rms(x.size());
      std::vector<float> layer(x.size());
      kernel::plain_row<A, float> const row{x.data(), x.data()};
      kernel::channel_values<float> const weight{w.data()};
      kernel::rms_norm<A>(row, n, weight, 1e-5f, kernel::float_row<A, float>{rms.data()});
      kernel::layer_norm<A>(row, n, weight, kernel::channel_values<float>{b.data()}, 1e-5f,
                            kernel::float_row<A, float>{layer.data()});
      int wrong = 0;
      for (std::size_t k = 0; k < x.size(); ++k) {
        float const scaled = x[k] * root;
        wrong += test::same_bits(rms[k], scaled * w[k]) ? 0 : 1;
        float const normal = detail::opaque(centred[k] * deviation);
        wrong += test::same_bits(layer[k], std::fma(normal, w[k], b[k])) ? 0 : 1;
      }
      CHECK(wrong == 0);
    });
  }
}

TEST_CASE("the inverse root of zero is zero, of NaN and infinity NaN") {
  CHECK(kernel::inverse_root(0.0f, 0.0f) == 0);
  CHECK(kernel::inverse_root(0.75f, 0.25f) == 1);
  CHECK(kernel::inverse_root(15.0f, 1.0f) == 0.25f);
  CHECK(std::isnan(kernel::inverse_root(std::nanf(""), 1.0f)));
  CHECK(std::isnan(kernel::inverse_root(std::numeric_limits<float>::infinity(), 1.0f)));
}
