// SPDX-License-Identifier: MIT
// Values of a cache under logarithmic and e4m3 weights: the bits of attention over floats that are what pages hold.
#include "octavo/kernel/page_elements.hpp"
#include "octavo/ops/attention.hpp"
#include "octavo/quant/first_in_float.hpp"
#include "octavo/quant/schemes.hpp"
#include "octavo/quant/with_outliers.hpp"

#include "support/check_cache_attention.hpp"
#include "support/executors.hpp"

using namespace octavo;
using namespace octavo::schemes;
using test::attend_cache;
using test::attention_case;
using test::differences;

namespace {

using p_e4m3 = scheme<symmetric<e4m3>, per_tensor>;
using p_log2 = scheme<symmetric<log2_format<4>>, per_tensor>;
using p_adalog = scheme<adalog<4>, per_tensor>;
using p_sulq = scheme<sulq<4>, per_tensor>;

/// Keys as f32 in both, so that only values differ in where they stand.
template <class P, class K, class V, class... Options>
void check(attention_case<float> const& c, Options const&... options) {
  auto const& p = c.problem;
  auto const cache = test::filled<K, V>(c);
  auto const seen = test::of_pages(c, cache);
  test::values_of_floats expected;
  attention<as_is, P>(seen.queries(), seen.keys(), seen.values(), test::output(seen, expected), options...,
                      on<scalar>());
  INFO(p.queries << " queries, " << p.keys << " keys, " << p.head_dim << " and " << p.value_dim << " channels");
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(differences(attend_cache<as_is, P>(c, cache, options..., on<A>()), expected) == 0);
  });
  test::backwards const threads;
  CHECK(differences(attend_cache<as_is, P>(c, cache, options..., on(threads)), expected) == 0);
}

}  // namespace

TEST_CASE("values of a cache under logarithmic and e4m3 weights are those of floats") {
  for (auto const& [queries, keys, e] :
       {std::array<octavo::index, 3>{1, 1, 3}, {1, 600, 64}, {3, 65, 128}, {17, 514, 20}, {40, 1030, 130}}) {
    attention_case<float> c(4, 2, queries, keys, 16, e, 51);
    c.problem.causal = true;
    check<p_e4m3, k8, v8>(c, causal{});
    check<p_log2, k8, v8>(c, causal{});
    check<p_adalog, bf16, f16>(c, causal{}, log_base{19});
  }
  attention_case<float> const c(2, 1, 9, 200, 32, 64, 52);
  check<p_sulq, k2, v2>(c, causal{}, sulq<4>::from_range(0.0f, 1.0f, 0.005f));
  check<p_log2, k8, scheme<symmetric<e4m3, scale_as<f16>>, per_token>>(c, causal{}, smooth_values{});
  check<p_e4m3, k8, first_in_float<with_outliers<v4, 2>, 3>>(c, causal{});
}

TEST_CASE("codes of keys meet logarithmic weights and values of a cache, or of several") {
  attention_case<float> c(4, 2, 9, 700, 64, 64, 53);
  c.problem.causal = true;
  auto const cache = test::filled<k4, v4>(c);
  auto const all = attend_cache<q8, p_log2>(c, cache, causal{});
  auto const exact = test::of_pages(c, cache);
  CHECK(test::nmse(all, reference::attention([&] {
                          auto p = exact.problem;
                          p.causal = true;
                          return p;
                        }())
                            .out) < 0.1);  // 4 bits of a logarithm: within 2^(1/2)
  test::values_of_floats last(4 * 64);
  attention<q8, p_log2>(c.queries(8, 1), cache.keys(), cache.values(),
                        heads_view<float>(last.data(), 64, 4, 1, 64, 64), causal{});
  for (std::size_t i = 0; i < last.size(); ++i) {
    CHECK(test::same_bits(last[i], all[(i / 64 * 9 + 8) * 64 + i % 64]));
  }

  std::array<kv_cache<k4, v4> const*, 2> const both{&cache, &cache};
  cache_batch const batch(both.data(), 2);
  octavo::index const offsets[3] = {0, 4, 9};
  test::values_of_floats ragged_out;
  attention<q8, p_log2>(c.queries(), batch.keys(), batch.values(), test::output(c, ragged_out), causal{},
                        ragged{offsets, nullptr, 2});
  for (octavo::index h = 0; h < 4; ++h) {  // the last 5 queries are the same
    for (octavo::index i = 4 * 64; i < 9 * 64; ++i) {
      auto const at = static_cast<std::size_t>(h * 9 * 64 + i);
      CHECK(test::same_bits(ragged_out[at], all[at]));
    }
  }
}

TEST_CASE("NaN in a value of a cache under e4m3 weights reaches the rows that see it") {
  attention_case<float> c(1, 1, 6, 90, 16, 64, 54);
  c.v[87 * 64 + 1] = std::nanf("");
  auto const cache = test::filled<k8, float>(c);
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    auto const got = attend_cache<q8, p_e4m3>(c, cache, causal{}, on<A>());
    for (std::size_t i = 0; i < 6; ++i) { CHECK(std::isnan(got[i * 64]) == (i >= 3)); }  // query 2 stands at 86
  });
}
