// SPDX-License-Identifier: MIT
#include "octavo/simd/lanes_of_16.hpp"

#include <algorithm>

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

using namespace octavo;

namespace {

template <class A>
void check_run(simd::lanes_of_16<A> const& run, float const* expected) {
  float got[16];
  for (int p = 0; p < simd::lanes_of_16<A>::registers; ++p) { run.part[p].store_unaligned(got + p * simd::lanes<A>); }
  for (int i = 0; i < 16; ++i) { CHECK(got[i] == expected[i]); }
}

}  // namespace

TEST_CASE("runs of 16 floats load from one place or two, add, and multiply with one rounding") {
  auto const a = test::values(16, 1);
  auto const b = test::values(16, 2);
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    check_run(simd::load16<A>(a.data()), a.data());
    f16 halves[24];
    float two[16];
    float sum[16];
    float product[16];
    for (int i = 0; i < 24; ++i) { halves[i] = f16(i < 16 ? a[static_cast<std::size_t>(i)] : 3.0f); }
    for (int i = 0; i < 16; ++i) {
      auto const k = static_cast<std::size_t>(i);
      two[i] = static_cast<float>(i < 8 ? halves[16 + i] : halves[i - 8]);
      sum[i] = a[k] + b[k];
      product[i] = has_fma<A> ? __builtin_fmaf(a[k], b[k], a[k]) : detail::opaque(a[k] * b[k]) + a[k];
    }
    check_run(simd::load16<A>(halves + 16, halves), two);
    check_run(simd::load16<A>(a.data() + 8, a.data()),
              (std::vector<float>{a[8], a[9], a[10], a[11], a[12], a[13], a[14], a[15], a[0], a[1], a[2], a[3], a[4],
                                  a[5], a[6], a[7]})
                  .data());
    auto const x = simd::load16<A>(a.data());
    auto const y = simd::load16<A>(b.data());
    check_run(simd::add(x, y), sum);
    check_run(simd::fused(x, y, x), product);
    check_run(simd::lanes_of_16<A>(0.0f), std::vector<float>(16).data());
  });
}

TEST_CASE("reduce adds lanes 0 to 7 to 8 to 15, then halves") {
  auto const a = test::values(16, 7);
  float lane[16];
  for (std::size_t i = 0; i < 16; ++i) { lane[i] = a[i] * 1.0009765625f; }
  auto const one = [&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    float s[16];
    for (int i = 0; i < 16; ++i) { s[i] = lane[i]; }
    for (int half = 8; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) { s[i] = s[i] + s[i + half]; }
    }
    CHECK(simd::load16<A>(lane).reduce(simd::sum_of()) == s[0]);
    CHECK(simd::load16<A>(lane).reduce(simd::larger_of<A>()) == *std::max_element(lane, lane + 16));
    CHECK(simd::load16<A>(lane).reduce(simd::smaller_of<A>()) == *std::min_element(lane, lane + 16));
  };
  test::for_every_arch(one);
}

TEST_CASE("dot_of_16 has sixteen chains, then halves, and reads n of each") {
  auto const a = test::values(65, 3);
  auto const b = test::values(65, 4);
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    for (octavo::index const n : {0, 1, 3, 15, 16, 17, 31, 48, 63, 65}) {
      INFO(arch_name<A> << ", " << n);
      float s[16] = {};
      for (octavo::index i = 0; i < n; ++i) {
        auto const k = static_cast<std::size_t>(i);
        float& chain = s[i % 16];
        chain = has_fma<A> ? __builtin_fmaf(a[k], b[k], chain) : detail::opaque(a[k] * b[k]) + chain;
      }
      for (int half = 8; half > 0; half /= 2) {
        for (int i = 0; i < half; ++i) { s[i] = s[i] + s[i + half]; }
      }
      std::vector<float> const x(a.begin(), a.begin() + n);  // a sanitizer sees a step beyond the end
      std::vector<float> const y(b.begin(), b.begin() + n);
      CHECK(simd::dot_of_16<A>(x.data(), y.data(), n) == s[0]);
    }
  });
}
