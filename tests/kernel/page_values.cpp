// SPDX-License-Identifier: MIT
#include "octavo/kernel/page_values.hpp"

#include "octavo/quant/affine.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/caches.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

/// One row of weights over keys [70, 100) of a leaf: the sums that page_values documents, in double.
template <class A, class V>
void check_values(octavo::index e) {
  auto const cache = test::cache_of<k8, V>(640, 8, e);
  kernel::page_values<A, V> values(cache.values());
  std::vector<float> scratch(static_cast<std::size_t>(values.scratch()));
  values.use(scratch.data());
  values.load_leaf(1, 512, 128);
  constexpr octavo::index W = kernel::short_registers<A> * simd::lanes<A>;
  octavo::index const low = 64 / W * W;
  octavo::index const high = 112;
  std::vector<float> weights(528, -1.0f);  // what is not covered is not read
  auto const w = test::values(48, 5);
  for (octavo::index j = low; j < high; ++j) {
    weights[static_cast<std::size_t>(j)] = std::abs(w[static_cast<std::size_t>(j - low)]);
  }
  auto const given = weights;
  CHECK(values.settle(0, weights.data(), low, high, 3.0f) == 3.0f);
  std::vector<float> out(static_cast<std::size_t>(values.width));
  int wrong = 0;
  for (octavo::index b = 0; b < values.blocks(); ++b) {
    values.template multiply<1>(0, weights.data(), 528, b, low, high, out.data());
    for (octavo::index r = 0; r < values.width && b * values.width + r < e; ++r) {
      octavo::index const c = b * values.width + r;
      octavo::index const group = detail::channel_group<typename V::granularity>(e);
      double exact = 0;
      double weighed = 0;
      for (octavo::index j = low; j < high; ++j) {
        double const p = static_cast<double>(given[static_cast<std::size_t>(j)]);
        exact += p * static_cast<double>(cache.values()(1, 512 + j, c));
        // Half a step of a byte, times what a code can be: at most 2.1 of the largest value of the group.
        double most = 0;
        for (octavo::index i = c / group * group; i < std::min(e, (c / group + 1) * group); ++i) {
          most = std::max(most, std::abs(static_cast<double>(cache.values()(1, 512 + j, i))));
        }
        weighed = std::max(weighed, p * most);
      }
      double const bound = 48 * weighed * 2.1 / 510;
      wrong += std::abs(static_cast<double>(out[static_cast<std::size_t>(r)]) - exact) <= bound ? 0 : 1;
    }
  }
  INFO(arch_name<A> << ", " << e << " channels");
  CHECK(wrong == 0);
}

/// What rows of weights that are hard to quantize give, as bits.
template <class A, class V>
[[nodiscard]] std::vector<std::uint32_t> hard_rows(octavo::kv_cache<k8, V> const& cache, octavo::index n) {
  constexpr octavo::index stride = 528;
  kernel::page_values<A, V> values(cache.values());
  std::vector<float> scratch(static_cast<std::size_t>(values.scratch()));
  values.use(scratch.data());
  values.load_leaf(1, 0, n);
  auto const random = test::values(3 * stride, 7);
  std::vector<std::uint32_t> bits;
  for (octavo::index row = 0; row < 3; ++row) {
    std::vector<float> weights(static_cast<std::size_t>(stride));
    for (octavo::index j = 0; j < n; ++j) {
      float& w = weights[static_cast<std::size_t>(j)];
      w = std::abs(random[static_cast<std::size_t>(row * stride + j)]);
      if (j / 64 == 1) { w = 0; }                             // nothing of a page counts
      if (j / 64 == 2) { w *= 1e-38f; }                       // 255 / largest is too large
      if (j / 64 == 3 && j % 64 == 5 && row != 1) { w = 0; }  // parameters that are no numbers
    }
    float const sum = values.settle(row, weights.data(), 0, n, 3.0f);
    bits.push_back(test::bits_of(sum));
    CHECK((sum == 3.0f) == (row != 1));
    if (sum != sum) { continue; }
    std::vector<float> out(static_cast<std::size_t>(values.width));
    for (octavo::index b = 0; b < values.blocks(); ++b) {
      values.template multiply<1>(row, weights.data(), stride, b, 0, n, out.data());
      for (octavo::index r = 0; r < values.width && b * values.width + r < cache.values().head_dim(); ++r) {
        bits.push_back(test::bits_of(out[static_cast<std::size_t>(r)]));
      }
    }
  }
  return bits;
}
template <class V>
void check_hard_rows(octavo::index e, octavo::index n) {
  auto const cache = test::cache_of<k8, V>(512, 8, e);
  auto const layout = cache.values().layout();
  auto* const page = const_cast<std::byte*>(cache.values().page(1, 3));
  using scale_type = typename value_layout<V>::scale_type;
  for (octavo::index g = 0; g < layout.groups(); ++g) {
    detail::write_at(page + layout.params_at(g), 5, scale_type(g % 2 == 0 ? __builtin_inff() : __builtin_nanf("")));
  }
  auto const expected = hard_rows<octavo::scalar, V>(cache, n);
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    if constexpr (has_fma<A>) {
      INFO(arch_name<A> << ", " << e << " channels, " << n << " keys");
      CHECK(hard_rows<A, V>(cache, n) == expected);
    }
  });
}

}  // namespace

TEST_CASE("page_values give the same bits everywhere, whatever weights and parameters are") {
  for (octavo::index const n : {512, 260}) {
    check_hard_rows<k8>(128, n);
    check_hard_rows<k4>(128, n);
    check_hard_rows<v2>(128, n);
    check_hard_rows<v2>(40, n);
    check_hard_rows<scheme<affine<octavo::uint8>, per_token_group<16>>>(96, n);
    check_hard_rows<scheme<symmetric<int4>, per_token_group<64>>>(128, n);
  }
}

TEST_CASE("page_values weigh values as they are stored") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    for (octavo::index const e : {3, 65, 128}) {
      check_values<A, k8>(e);
      check_values<A, k4>(e);
      check_values<A, v2>(e);
    }
  });
}
