// SPDX-License-Identifier: MIT
// attention_by: the bits of attention by the schemes of the way, options that some ways do not know, numbers of no way.
#include "octavo/ops/attention_ways.hpp"
#include "octavo/quant/adalog.hpp"
#include "octavo/quant/schemes.hpp"
#include "octavo/storage/kv_cache.hpp"

#include "support/check_attention.hpp"
#include "support/errors.hpp"
#include "support/executors.hpp"

#include <vector>

using namespace octavo;
using namespace octavo::schemes;
using test::attention_case;
using test::attention_output;

namespace {

using p_fp8 = scheme<symmetric<e4m3>, per_tensor>;
using p_adalog = scheme<adalog<4>, per_tensor>;
using ways = attention_ways<attention_way<q4, p8, smooth_keys, smooth_queries>, attention_way<q8, p_adalog>,
                            attention_way<q8, p8>, attention_way<q8, p_fp8>, attention_way<q8>, attention_way<>>;
static_assert(ways::count == 6);

template <class Run>
attention_output run(attention_case<float> const& c, Run const& by) {
  auto const& p = c.problem;
  attention_output r;
  r.out.assign(static_cast<std::size_t>(p.query_heads * p.queries * p.value_dim), -77.0f);
  r.lse.assign(static_cast<std::size_t>(p.query_heads * p.queries), -77.0f);
  by(heads_view<float>(r.out.data(), p.value_dim, p.query_heads, p.queries, p.queries * p.value_dim, p.value_dim),
     log_sum_exp{r.lse.data(), p.queries});
  return r;
}
template <class... Options>
attention_output by_way(octavo::index way, attention_case<float> const& c, Options const&... options) {
  return run(c, [&](heads_view<float> const& out, log_sum_exp const& lse) {
    attention_by<ways>(way, c.queries(), c.keys(), c.values(), out, lse, options...);
  });
}

}  // namespace

TEST_CASE("attention by the number of a way has the bits of attention by its schemes") {
  attention_case<float> c(4, 2, 21, 530, 20, 33, 51);
  c.with_slopes();
  test::backwards const threads;
  test::for_vector_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    auto const on_threads = on<A>(threads);
    alibi const slopes{c.slopes.data()};
    log_base const base{23};
    attention_output const expected[6] = {
        test::attend_by<q4, p8>(c, causal{}, slopes, smooth_keys{}, smooth_queries{}, on<A>()),
        test::attend_by<q8, p_adalog>(c, causal{}, slopes, base, on<A>()),
        test::attend_by<q8, p8>(c, causal{}, slopes, on<A>()),
        test::attend_by<q8, p_fp8>(c, causal{}, slopes, on<A>()),
        test::attend_by<q8, as_is>(c, causal{}, slopes, on<A>()),
        test::attend(c, causal{}, slopes, on<A>())};
    for (octavo::index way = 0; way < 6; ++way) {
      INFO(way);
      auto const got = by_way(way, c, base, causal{}, slopes, on_threads);
      CHECK(got.differences(expected[way]) == 0);
      for (octavo::index other = 0; other < way; ++other) { CHECK(got.differences(expected[other]) != 0); }
    }
  });
}

TEST_CASE("options that a way does not know are left out there, and used where they are known") {
  attention_case<float> c(2, 1, 9, 70, 8, 8, 52);
  for (float& k : c.k) { k += 3; }
  for (float& v : c.v) { v += 3; }
  std::vector<float> const shift(8, 3.0f);
  key_shift const keys{shift.data(), 8};
  query_shift const queries{shift.data(), 0};
  using plain = attention_ways<attention_way<q8, p8>, attention_way<q8, p_fp8>, attention_way<q8>, attention_way<>>;
  auto const by = [&](octavo::index way, auto const&... options) {
    return run(c, [&](heads_view<float> const& out, log_sum_exp const& lse) {
      attention_by<plain>(way, c.queries(), c.keys(), c.values(), out, lse, options...);
    });
  };
  auto const check = [&](attention_output const& got, attention_output const& expected,
                         attention_output const& bare) {
    CHECK(got.differences(expected) == 0);
    CHECK(got.differences(bare) != 0);
  };
  check(by(0, keys, queries, smooth_values{}), test::attend_by<q8, p8>(c, keys, queries, smooth_values{}),
        test::attend_by<q8, p8>(c, keys, queries));
  check(by(1, keys, queries, smooth_values{}), test::attend_by<q8, p_fp8>(c, keys, queries),
        test::attend_by<q8, p_fp8>(c));
  check(by(2, keys, queries, smooth_values{}), test::attend_by<q8, as_is>(c, keys, queries),
        test::attend_by<q8, as_is>(c, queries));
  check(by(2, smooth_keys{}, smooth_queries{}), test::attend_by<q8, as_is>(c, smooth_keys{}, smooth_queries{}),
        test::attend_by<q8, as_is>(c, smooth_keys{}));
  CHECK(by(3, keys, queries, smooth_values{}).differences(test::attend(c)) == 0);
}

TEST_CASE("attention by ways takes heads in braces, and a cache") {
  attention_case<float> c(4, 2, 40, 40, 8, 8, 53);
  std::vector<float> expected(40 * 32, -1.0f);
  auto const tokens = [](std::vector<float> const& x, octavo::index heads) {
    return tokens_view<float const>(x.data(), heads * 8, 40, heads * 8);
  };
  auto const q = tokens(c.q, 4);
  auto const k = tokens(c.k, 2);
  auto const v = tokens(c.v, 2);
  attention<q8, p8>(q, k, v, tokens_view<float>(expected.data(), 32, 40, 32), causal{},
                    attention_heads{.query_heads = 4, .kv_heads = 2});
  auto const check = [&](auto const& call) {
    std::vector<float> out(expected.size(), -2.0f);
    call(tokens_view<float>(out.data(), 32, 40, 32));
    CHECK(out == expected);
  };
  check([&](auto out) {
    attention_by<ways>(2, q, k, v, out, causal{}, {.query_heads = 4, .kv_heads = 2}, log_base{20});
  });
  check([&](auto out) {
    attention_by<ways>(2, q, k, v, out, {.query_heads = 4, .kv_heads = 2}, causal{}, log_base{20});
  });

  kv_cache<k8, v8> cache({.head_dim = 8, .kv_heads = 2, .capacity = 40});
  cache.append(k, v);
  using cached = attention_ways<attention_way<q8, p8>, attention_way<>>;
  attention<q8, p8>(q, cache.keys(), cache.values(), tokens_view<float>(expected.data(), 32, 40, 32), causal{},
                    attention_heads{.query_heads = 4});
  check(
      [&](auto out) { attention_by<cached>(0, q, cache.keys(), cache.values(), out, causal{}, {.query_heads = 4}); });
  attention(q, cache.keys(), cache.values(), tokens_view<float>(expected.data(), 32, 40, 32), causal{},
            attention_heads{.query_heads = 4});
  check(
      [&](auto out) { attention_by<cached>(1, q, cache.keys(), cache.values(), out, causal{}, {.query_heads = 4}); });
}

TEST_CASE("numbers that no way has are an error, others have the errors of attention") {
  attention_case<float> c(2, 1, 3, 5, 4, 4, 54);
  for (octavo::index const way : {octavo::index{-1}, octavo::index{6}, octavo::index{1} << 40}) {
    CHECK(test::error_of([&] { (void)by_way(way, c, log_base{20}); }) ==
          "attention_by: the way is " + std::to_string(way) + ", the ways are 6. They are counted from 0.");
  }
  c.problem.value_dim = 2;
  CHECK(test::error_of([&] {
          std::vector<float> out(12);
          attention_by<ways>(5, c.queries(), c.keys(), c.values(), heads_view<float>(out.data(), 4, 1, 3, 12, 4),
                             log_base{20});
        }) == "attention: V has head_dim 2, out has 4. They must be equal.");
  CHECK(test::error_of([&] { (void)by_way(1, c, log_base{9}); }) ==
        "attention: log_base has q 9, the highest is 137. It must be from 10 to 137.");
}
