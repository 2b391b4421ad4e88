// SPDX-License-Identifier: MIT
// V and P as 8-bit floats: rounding against the scalar format, worked numbers, products in the order of bf16 pairs.
#include "octavo/kernel/minifloat_values.hpp"

#include "octavo/format/minifloat.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <vector>

using namespace octavo;

namespace {

template <class A, class F>
int wrong_rounding() {
  test::random next(3);
  int wrong = 0;
  for (int i = 0; i < 20000; ++i) {
    float x[16];
    for (float& e : x) {
      e = next.value() * std::exp2(static_cast<float>(next.below(40) - 30)) * largest_value<F> / 512;
      e = std::fmin(std::fmax(e, -largest_value<F>), largest_value<F>);
    }
    float const ties[4] = {0.0f, F::decode(5) * 0.5f + F::decode(6) * 0.5f, -largest_value<F>, 0x1p-140f};
    for (int j = 0; i == 0 && j < 4; ++j) { x[j] = ties[j]; }
    float got[16];
    for (octavo::index j = 0; j < 16; j += simd::lanes<A>) {
      kernel::round_to<A, F>(simd::load_floats<A>(x + j)).store_unaligned(got + j);
    }
    for (int j = 0; j < 16; ++j) { wrong += test::same_bits(got[j], F::decode(F::encode(x[j]))) ? 0 : 1; }
  }
  return wrong;
}

/// The product of two rows of weights, by kernel and by the formula.
template <class A>
int wrong_products(octavo::index n, octavo::index e) {
  test::random next(4);
  std::vector<float> v(static_cast<std::size_t>(n * e));
  for (float& x : v) { x = next.value(); }
  kernel::minifloat_values<A, e4m3, float> side({v.data(), e, 1, n, n * e, e});
  std::vector<float> scratch(static_cast<std::size_t>(side.scratch()));
  side.use(scratch.data());
  side.load_leaf(0, 0, n);
  constexpr octavo::index W = decltype(side)::width;
  octavo::index const blocks = ceil_div(n, octavo::index{64});
  std::vector<float> scores(static_cast<std::size_t>(2 * blocks * 64), kernel::minus_infinity);
  using writer = typename decltype(side)::writer;
  std::vector<typename writer::weight> weights(scores.size());
  std::vector<float> p(scores.size(), 0.0f);
  float sums[2];
  for (octavo::index i = 0; i < 2; ++i) {
    float* const row = scores.data() + i * blocks * 64;
    for (octavo::index j = 0; j < n; ++j) {
      row[j] = j == 3 % n ? 0.0f : -20 * std::abs(next.value());
      auto const at = static_cast<std::size_t>(i * blocks * 64 + j);
      float by_arch[16] = {row[j]};
      simd::exp2<3, scalar>(simd::load_floats<scalar>(by_arch)).store_unaligned(by_arch);
      p[at] = e4m3::decode(e4m3::encode(448 * by_arch[0]));
    }
    sums[i] = writer::template write<64>(row, 64, kernel::first_blocks{blocks}, 1.0f, 0.0f, false,
                                         weights.data() + i * blocks * 64);
  }
  int wrong = 0;
  std::vector<float> out(static_cast<std::size_t>(2 * W));
  for (octavo::index c = 0; c < e; ++c) {
    octavo::index const middle = n > 64 ? 64 : n;
    side.template multiply<2>(0, weights.data(), blocks * 64, c / W, 0, middle, out.data(), false, middle == n);
    if (middle < n) { side.template multiply<2>(0, weights.data(), blocks * 64, c / W, middle, n, out.data(), true); }
    float absmax = 0;
    for (octavo::index j = 0; j < n; ++j) {
      absmax = std::fmax(absmax, std::abs(v[static_cast<std::size_t>(j * e + c)]));
    }
    for (octavo::index i = 0; i < 2; ++i) {
      float acc = 0;
      double total = 0;
      for (octavo::index j = 0; j < n + 1; j += 2) {
        for (octavo::index k : {j + 1, j}) {
          if (k >= n) { continue; }
          float const code = e4m3::decode(e4m3::encode(v[static_cast<std::size_t>(k * e + c)] * (448 / absmax)));
          float const w = p[static_cast<std::size_t>(i * blocks * 64 + k)];
          acc = std::fma(code, w, acc);
          total += static_cast<double>(w);
        }
      }
      wrong += test::same_bits(out[static_cast<std::size_t>(i * W + c % W)], acc * (absmax / 448)) ? 0 : 1;
      wrong += std::abs(static_cast<double>(sums[i]) - total) <= 1e-6 * total ? 0 : 1;
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("rounding in lanes is that of the formats") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_rounding<A, e4m3>() == 0);
    CHECK(wrong_rounding<A, e5m2>() == 0);
  });
}

TEST_CASE("worked numbers: e4m3 of 448 p") {
  float const scores[2][3] = {{-.006857f, .837560f, -.829353f}, {.547145f, -.466725f, -.082225f}};
  float const expected[2][3] = {{192, 448, 88}, {448, 160, 240}};
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    using writer = kernel::minifloat_writer<A, e4m3, float>;
    for (int i = 0; i < 2; ++i) {
      std::vector<float> row(64, kernel::minus_infinity);
      std::vector<float> weights(64);
      for (std::size_t j = 0; j < 3; ++j) { row[j] = scores[i][j] * 0x1.715476p+0f; }
      float const most = i == 0 ? row[1] : row[0];
      float const sum =
          writer::template write<64>(row.data(), 64, kernel::first_blocks{1}, 1.0f, most, false, weights.data());
      for (std::size_t j = 0; j < 3; ++j) { CHECK(weights[j ^ 1] == expected[i][j]); }
      CHECK(sum == expected[i][0] + expected[i][1] + expected[i][2]);
    }
  });
}

TEST_CASE("products are chains of fma over pairs, the second first, with a scale for each channel") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    if constexpr (has_fma<A>) {
      INFO(arch_name<A>);
      CHECK(wrong_products<A>(70, 5) == 0);
      CHECK(wrong_products<A>(131, 67) == 0);
      CHECK(wrong_products<A>(3, 1) == 0);
    }
  });
}
