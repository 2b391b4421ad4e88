// SPDX-License-Identifier: MIT
#include "octavo/kernel/page_bytes.hpp"

#include "octavo/quant/affine.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/caches.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <utility>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

/// Bytes, starts, factors and minima of some rows.
template <class A, class V>
struct settled {
  using settler = kernel::page_bytes<A, V>;
  std::vector<typename settler::operand> bytes = std::vector<typename settler::operand>(4 * 64);
  std::vector<std::int32_t> start = std::vector<std::int32_t>(16);
  std::vector<float> factors = std::vector<float>(16);
  std::vector<float> minima = std::vector<float>(16);
  [[nodiscard]] settler of() { return {bytes.data(), start.data(), factors.data(), minima.data()}; }
};

/// T rows and G groups, settled together and one by one.
template <class A, class V, int T, int G>
void check_together(std::byte const* const (&params)[4]) {
  auto const random = test::values(T * 64, 3);
  std::vector<float> weights;
  for (float const x : random) { weights.push_back(std::abs(x)); }
  for (std::size_t j = 0; j < 64 && T > 1; ++j) { weights[64 + j] = 0; }  // a row without any weight
  constexpr auto n = static_cast<std::size_t>(G);
  float const* w[n];
  std::byte const* of[n];
  octavo::index rows[n];
  for (int g = 0; g < G; ++g) {
    w[g] = weights.data();
    of[g] = params[g];
    rows[g] = g * T;
  }
  constexpr octavo::index lanes = kernel::page_bytes<A, V>::template lanes_of<T * G>;
  settled<A, V> one;
  settled<A, V> all;
  std::vector<float> inverses(16);
  INFO(arch_name<A> << ", " << T << " rows, " << G << " groups");
  REQUIRE(all.of().template measure<T, G>(w, of, inverses.data(), 0));
  all.of().template put<T, G>(w, of, inverses.data(), rows, 1, 0);
  int wrong = 0;
  for (int i = 0; i < T * G; ++i) {
    CHECK(one.of().settle(kernel::page_weights<A>(weights.data() + i % T * 64), of[i / T], i, i));
    auto const there = static_cast<std::size_t>(i * lanes);
    auto const here = static_cast<std::size_t>(i);
    wrong += one.start[here] == all.start[there] ? 0 : 1;
    wrong += test::bits_of(one.factors[here]) == test::bits_of(all.factors[there]) ? 0 : 1;
    wrong += test::bits_of(one.minima[here]) == test::bits_of(all.minima[there]) ? 0 : 1;
  }
  CHECK(wrong == 0);
  CHECK(one.bytes == all.bytes);
  // A weight that is no number: nothing is settled together, and one by one it is said which.
  weights[5] = __builtin_nanf("");
  CHECK(!all.of().template measure<T, G>(w, of, inverses.data(), 0));
}
template <class A, class V>
void check_scheme() {
  if constexpr (kernel::page_bytes<A, V>::settles_together) {
    auto const cache = test::cache_of<k8, V>(64, 8, 128);
    auto const layout = cache.values().layout();
    std::byte const* params[4];
    for (octavo::index g = 0; g < 4; ++g) {
      params[g] = cache.values().page(g % 2, 0) + layout.params_at(layout.groups() > g / 2 ? g / 2 : 0);
    }
    check_together<A, V, 1, 1>(params);
    check_together<A, V, 1, 2>(params);
    check_together<A, V, 1, 4>(params);
    check_together<A, V, 2, 2>(params);
    check_together<A, V, 3, 1>(params);
    check_together<A, V, 4, 1>(params);
  }
}

}  // namespace

TEST_CASE("rows and groups that settle together have the bits of each alone") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    check_scheme<A, v8>();
    check_scheme<A, v4>();
    check_scheme<A, v2>();
    check_scheme<A, scheme<symmetric<int4>, per_token_group<64>>>();
    check_scheme<A, scheme<affine<octavo::uint8>, per_token_group<32>>>();
  });
}

TEST_CASE("bytes of weights are nearest to 255 times their part of the largest") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    if constexpr (has_fma<A>) {
      auto const cache = test::cache_of<k8, v8>(64, 8, 128);
      auto const v = cache.values();
      std::byte const* const params = v.page(0, 0) + v.layout().params_at(0);
      auto const random = test::values(64, 3);
      std::vector<float> weights;
      for (float const x : random) { weights.push_back(std::abs(x)); }
      settled<A, v8> one;
      CHECK(one.of().settle(kernel::page_weights<A>(weights.data()), params, 0, 0));
      double most = 0;
      std::vector<double> scaled;
      for (std::size_t j = 0; j < 64; ++j) {
        auto const scale = detail::read_at<f16>(params, static_cast<octavo::index>(j));
        scaled.push_back(static_cast<double>(weights[j]) * static_cast<double>(static_cast<float>(scale)));
        most = std::max(most, scaled.back());
      }
      int far = 0;
      constexpr int less = kernel::page_bytes<A, v8>::unsigned_bytes ? 0 : 128;
      int sum = 0;
      for (auto const byte : one.bytes) {
        sum += less == 0 ? static_cast<std::uint8_t>(byte) : static_cast<int>(byte) + less;
      }
      double exact = 0;
      for (std::size_t j = 0; j < 64; ++j) { exact += scaled[j] / most * 255; }

      far += std::abs(sum - 3 * 64 * less - exact) <= 32 ? 0 : 1;
      INFO(arch_name<A> << " sum " << sum << " of " << exact);
      CHECK(far == 0);
      CHECK(std::abs(static_cast<double>(one.factors[0]) * 255 - most) <= most * 1e-6);
    }
  });
}
