// SPDX-License-Identifier: MIT
#include "octavo/kernel/page_values.hpp"

#include "octavo/kernel/attention_tile.hpp"
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

/// T rows of scores, all at once and row by row, over pages [2, 5) of which some have parameters that are no numbers.
template <class A, class V, int T>
void check_at_once(octavo::kv_cache<k8, V> const& cache) {
  using values_type = kernel::page_values<A, V>;
  if constexpr (kernel::weighs_and_multiplies<values_type>) {
    constexpr octavo::index stride = 528;
    constexpr octavo::index W = values_type::width;
    values_type values(cache.values());
    std::vector<float> scratch(static_cast<std::size_t>(values.scratch()));
    values.use(scratch.data());
    values.load_leaf(1, 0, 512);
    REQUIRE(values.weighs());
    octavo::index const blocks = values.blocks();
    auto scores = test::values(8 * T * 64, 9);  // [page][row][key]
    scores[static_cast<std::size_t>((2 * T) * 64 + 7)] = kernel::minus_infinity;
    if (T == 4) { scores[static_cast<std::size_t>((3 * T + 2) * 64 + 7)] = __builtin_nanf(""); }
    kernel::score_scale scales[4];
    for (int t = 0; t < T; ++t) { scales[t] = {1.5f + static_cast<float>(t), 6.0f}; }
    std::vector<float> room(static_cast<std::size_t>(T * stride));
    std::vector<float> out(static_cast<std::size_t>(blocks * T * W));
    float sums[4];
    values.template weigh_and_multiply<T>(0, scores.data(), T * 64, 2, 5, scales, room.data(), sums, out.data(),
                                          T * W);
    std::vector<float> again(out.size());  // as far caches are
    float same[4];
    values.template weigh_pages<T, 1>(0, scores.data(), T * 64, 2, 5, scales, room.data(), same, again.data(), T * W);
    int differ = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
      differ += test::bits_of(out[i]) == test::bits_of(again[i]) ? 0 : 1;
    }
    for (int t = 0; t < T; ++t) { differ += test::bits_of(sums[t]) == test::bits_of(same[t]) ? 0 : 1; }
    CHECK(differ == 0);
    for (octavo::index t = 0; t < T; ++t) {
      INFO(arch_name<A> << ", row " << t << " of " << T);
      std::vector<float> weights(static_cast<std::size_t>(stride));
      auto const& scale = scales[t];
      float sum = kernel::float_writer<A>::template write<W>(scores.data() + t * 64, T * 64, kernel::key_blocks(2, 5),
                                                             scale.factor, scale.largest, false, weights.data());
      sum = values.settle(t, weights.data(), 2 * 64, 5 * 64, sum);
      CHECK(test::bits_of(sum) == test::bits_of(sums[t]));
      if (sum != sum) { continue; }
      int wrong = 0;
      for (octavo::index b = 0; b < blocks; ++b) {
        std::vector<float> alone(static_cast<std::size_t>(W));
        values.template multiply<1>(t, weights.data(), stride, b, 2 * 64, 5 * 64, alone.data());
        for (octavo::index r = 0; r < W; ++r) {
          float const together = out[static_cast<std::size_t>((b * T + t) * W + r)];
          wrong += test::bits_of(together) == test::bits_of(alone[static_cast<std::size_t>(r)]) ? 0 : 1;
        }
      }
      CHECK(wrong == 0);
    }
  }
}
template <class V>
void check_all_at_once(octavo::index e, bool broken) {
  auto const cache = test::cache_of<k8, V>(512, 8, e);
  if (broken) {
    auto const layout = cache.values().layout();
    auto* const page = const_cast<std::byte*>(cache.values().page(1, 3));
    using scale_type = typename value_layout<V>::scale_type;
    detail::write_at(page + layout.params_at(layout.groups() - 1), 5, scale_type(__builtin_inff()));
  }
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(e << " channels");
    check_at_once<A, V, 1>(cache);
    check_at_once<A, V, 2>(cache);
    check_at_once<A, V, 3>(cache);
    check_at_once<A, V, 4>(cache);
  });
}

}  // namespace

TEST_CASE("page_values that take scores have the bits of weights that are written and settled row by row") {
  for (bool const broken : {false, true}) {
    check_all_at_once<k8>(128, broken);
    check_all_at_once<k4>(128, broken);
    check_all_at_once<k4>(192, broken);
    check_all_at_once<v2>(128, broken);
    check_all_at_once<scheme<affine<octavo::uint8>, per_token_group<16>>>(64, broken);
    check_all_at_once<scheme<symmetric<int4>, per_token_group<64>>>(128, broken);
  }
}

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
