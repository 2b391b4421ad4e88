// SPDX-License-Identifier: MIT
// attention<q8, p8>: worked numbers, the error against the reference, the same bits however it is called.
#include "octavo/ops/attention.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/check_attention.hpp"
#include "support/executors.hpp"

using namespace octavo;
using namespace octavo::schemes;
using test::attention_case;

namespace {

template <class S, class P, class... Options>
std::vector<float> of_codes(attention_case<float> const& c, Options const&... options) {
  auto const& p = c.problem;
  std::vector<float> out(static_cast<std::size_t>(p.query_heads * p.queries * p.value_dim), -77.0f);
  attention<S, P>(
      c.queries(), c.keys(), c.values(),
      heads_view<float>(out.data(), p.value_dim, p.query_heads, p.queries, p.queries * p.value_dim, p.value_dim),
      options...);
  return out;
}

octavo::index differences(std::vector<float> const& a, std::vector<float> const& b) {
  octavo::index n = 0;
  for (std::size_t i = 0; i < a.size(); ++i) { n += test::same_bits(a[i], b[i]) ? 0 : 1; }
  return n;
}

/// Squared error / squared reference below `bound` on octavo::scalar; the same bits elsewhere.
template <class S, class P, class... Options>
void check(attention_case<float> const& c, double bound, Options const&... options) {
  auto const& p = c.problem;
  INFO(p.queries << " queries, " << p.keys << " keys, " << p.head_dim << " and " << p.value_dim << " channels");
  auto const expected = of_codes<S, P>(c, options..., on<scalar>());
  auto const exact = reference::attention(p);
  double error = 0;
  double total = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    error += std::pow(static_cast<double>(expected[i]) - exact.out[i], 2);
    total += exact.out[i] * exact.out[i];
  }
  CHECK(error < bound * total);
  test::for_vector_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(differences(of_codes<S, P>(c, options..., on<A>()), expected) == 0);
  });
}

void check_near(std::vector<float> const& got, std::vector<double> const& expected, double within) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO(i << ": " << got[i] << ", not " << expected[i]);
    CHECK(std::abs(static_cast<double>(got[i]) - expected[i]) < within);
  }
}

}  // namespace

TEST_CASE("worked numbers of SageAttention: int8 Q K, with and without smoothed keys, float and byte weights") {
  attention_case<float> c(1, 1, 2, 3, 4, 2, 1);
  c.q = {1, -.5f, .25f, 2, .5f, 1.5f, -1, -.25f};
  c.k = {8, .5f, -.3f, .1f, 8.4f, -.6f, .2f, .4f, 7.6f, .2f, .5f, -.7f};
  c.v = {1, 0, 0, 1, -1, .5f};
  check_near(of_codes<q8, as_is>(c), {.157260, .670868, .248913, .331282}, 2e-6);
  float const mean[4] = {8, 1 / 30.0f, 2 / 15.0f, -1 / 15.0f};
  for (std::size_t i = 0; i < 12; ++i) { c.k[i] -= mean[i % 4]; }
  check_near(of_codes<q8, as_is>(c), {.148878, .676133, .246380, .331942}, 2e-6);
  check_near(of_codes<q8, p8>(c), {.150121, .676002, .245868, .333751}, 2e-6);
}

TEST_CASE("attention of codes is near the reference and the same on every instruction set") {
  struct shape {
    octavo::index queries, keys, head_dim, value_dim;
  };
  for (shape const s : {shape{1, 1, 8, 8}, shape{5, 63, 16, 15}, shape{17, 513, 33, 65}, shape{65, 1030, 17, 63},
                        shape{3, 65, 7, 3}, shape{15, 511, 64, 1}}) {
    attention_case<float> c(2, 1, s.queries, s.keys, s.head_dim, s.value_dim, 5);
    check<q8, p8>(c, 4e-4);
    c.problem.causal = true;
    check<q8, p8>(c, 4e-4, causal{});
    check<q8, as_is>(c, 2e-4, causal{});
    check<q4, p8>(c, 0.05, causal{});
  }
}

TEST_CASE("attention of codes with options, empty operands and rows of zeros") {
  attention_case<float> c(2, 2, 7, 600, 12, 10, 6);
  for (std::size_t i = 0; i < 12; ++i) {  // a query and a key
    c.q[i] = 0;
    c.k[i] = 0;
    c.problem.q[i] = 0;
    c.problem.k[i] = 0;
  }
  c.with_slopes();
  c.with_mask(4, 7);
  c.with_sinks(8);
  c.problem.soft_cap = 3;
  c.problem.left = 400;
  check<q8, p8>(c, 4e-4, alibi{c.slopes.data()}, boolean_mask{c.mask.get(), 600, 7 * 600},
                sink_logits{c.sinks.data()}, soft_cap{3.0f}, sliding_window{.left = 400});
  CHECK(of_codes<q8, p8>(attention_case<float>(1, 1, 2, 0, 4, 3, 9)) == std::vector<float>(6, 0.0f));
}

TEST_CASE("attention of codes by masks of blocks has the bits of boolean masks and of no mask") {
  attention_case<float> c(4, 2, 39, 1150, 12, 70, 13);
  for (octavo::index const of_keys : {16, 64, 150}) {
    for (std::int64_t const kept : {1, 4, 8}) {
      c.with_blocks(20, of_keys, kept, 14);
      check<q8, p8>(c, 1e-3, c.of_blocks);
      CHECK(differences(of_codes<q8, p8>(c, c.of_blocks), of_codes<q8, p8>(c, c.of_mask())) == 0);
      CHECK(differences(of_codes<q8, p8>(c, c.of_blocks, smooth_values{}, causal{}),
                        of_codes<q8, p8>(c, c.of_mask(), smooth_values{}, causal{})) == 0);
      if (kept == 8) { CHECK(differences(of_codes<q8, p8>(c, c.of_blocks), of_codes<q8, p8>(c)) == 0); }
    }
  }
  attention_case<float> blind(1, 1, 2, 40, 8, 8, 15);
  blind.q[3] = std::nanf("");
  bool const mask[2] = {false, true};
  auto const out = of_codes<q8, p8>(blind, block_mask{mask, 1, 40, 1});
  for (std::size_t i = 0; i < 8; ++i) { CHECK(out[i] == 0); }
  CHECK(out[8] == of_codes<q8, p8>(blind)[8]);
}

TEST_CASE("bits of attention of codes do not depend on the number of queries or threads") {
  attention_case<float> c(4, 2, 50, 1040, 20, 24, 10);
  auto const all = of_codes<q8, p8>(c, causal{});
  test::backwards const threads;
  CHECK(differences(of_codes<q8, p8>(c, causal{}, on(threads)), all) == 0);
  for (octavo::index const n : {1, 7, 31}) {
    INFO(n << " queries");
    CHECK(test::differences_of_last<q8, p8>(c, n, all, causal{}, on(threads)) == 0);
  }
}

TEST_CASE("smoothed keys and values: worked numbers, log-sum-exps of the keys as they were") {
  attention_case<float> c(1, 1, 2, 3, 4, 2, 1);
  c.q = {1, -.5f, .25f, 2, .5f, 1.5f, -1, -.25f};
  c.k = {8, .5f, -.3f, .1f, 8.4f, -.6f, .2f, .4f, 7.6f, .2f, .5f, -.7f};
  c.v = {1, 0, 0, 1, -1, .5f};
  std::vector<float> lse(2);
  check_near(of_codes<q8, as_is>(c, smooth_keys{}, log_sum_exp{lse.data(), 2}), {.148878, .676133, .246380, .331942},
             2e-6);
  auto const lse_of = [](double a, double b, double d) { return std::log(std::exp(a) + std::exp(b) + std::exp(d)); };
  check_near(lse, {lse_of(-.006857, .837560, -.829353) + 3.941667, lse_of(.547145, -.466725, -.082225) + 1.966667},
             3e-6);
  check_near(of_codes<q8, p8>(c, smooth_keys{}), {.150121, .676002, .245868, .333751}, 2e-6);
  float const mean[4] = {8, 1 / 30.0f, 2 / 15.0f, -1 / 15.0f};
  check_near(of_codes<q8, as_is>(c, key_shift{mean, 4}), {.148878, .676133, .246380, .331942}, 2e-6);
  attention_case<float> one(1, 1, 3, 1, 4, 2, 1);
  auto const same = of_codes<q8, p8>(one, smooth_keys{}, smooth_values{});
  for (std::size_t i = 0; i < 6; ++i) { CHECK(std::abs(same[i] - one.v[i % 2]) < 1e-6f); }
}

TEST_CASE("smoothed queries: worked numbers of INT4, the mean given or found") {
  attention_case<float> c(1, 1, 2, 3, 4, 2, 1);
  c.q = {1, -.5f, .25f, 2, .5f, 1.5f, -1, -.25f};
  c.k = {8, .5f, -.3f, .1f, 8.4f, -.6f, .2f, .4f, 7.6f, .2f, .5f, -.7f};
  c.v = {1, 0, 0, 1, -1, .5f};
  check_near(of_codes<q4, as_is>(c, smooth_keys{}, smooth_queries{}), {.150698, .675065, .242437, .332563}, 2e-6);
  float const mean[4] = {.75f, .5f, -.375f, .875f};
  check_near(of_codes<q4, as_is>(c, smooth_keys{}, query_shift{mean, 4}), {.150698, .675065, .242437, .332563}, 2e-6);
  // A query that is its own mean has scores without codes.
  attention_case<float> one(2, 1, 1, 70, 12, 3, 4);
  check<q4, as_is>(one, 1e-9, smooth_queries{});
  check<q8, p8>(one, 1e-4, smooth_queries{}, smooth_keys{}, causal{});
}

TEST_CASE("smoothed queries with every option: near the reference, the same bits everywhere, one by one too") {
  attention_case<float> c(4, 2, 50, 600, 12, 10, 6);
  for (std::size_t i = 0; i < c.q.size(); ++i) {
    c.q[i] += i % 12 == 7 ? 3.0f : 0.0f;
    c.problem.q[i] = static_cast<double>(c.q[i]);
  }
  c.problem.causal = true;
  check<q8, p8>(c, 4e-4, causal{}, smooth_queries{});
  check<q8, as_is>(c, 4e-4, causal{}, smooth_queries{}, smooth_keys{});
  test::backwards const threads;
  CHECK(differences(of_codes<q8, p8>(c, causal{}, smooth_queries{}),
                    of_codes<q8, p8>(c, causal{}, smooth_queries{}, on(threads))) == 0);
  auto with = c;
  with.with_slopes();
  with.with_mask(4, 7);
  with.with_sinks(8);
  with.problem.soft_cap = 3;
  check<q8, p8>(with, 4e-4, causal{}, alibi{with.slopes.data()}, boolean_mask{with.mask.get(), 600, 50 * 600},
                sink_logits{with.sinks.data()}, soft_cap{3.0f}, smooth_queries{}, smooth_keys{});
  // With a given shift, a query alone has the bits that it has among others.
  std::vector<float> const shift = test::values(4 * 12, 3);
  auto const all = of_codes<q8, p8>(c, causal{}, query_shift{shift.data(), 12});
  std::vector<float> out(4 * 10);
  attention<q8, p8>(c.queries(49, 1), c.keys(), c.values(), heads_view<float>(out.data(), 10, 4, 1, 10, 10), causal{},
                    query_shift{shift.data(), 12});
  int wrong = 0;
  for (octavo::index i = 0; i < 40; ++i) {
    auto const at = static_cast<std::size_t>((i / 10 * 50 + 49) * 10 + i % 10);
    wrong += test::same_bits(out[static_cast<std::size_t>(i)], all[at]) ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("with channels of keys and values far from zero, smoothing takes a large factor of the error away") {
  attention_case<float> c(4, 2, 9, 700, 32, 20, 12);
  auto const push = [](std::vector<float>& x, std::vector<double>& exact, std::size_t channels, float by) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (i % channels % 5 == 0) { x[i] += i % 2 == 0 ? by : -by; }
      exact[i] = static_cast<double>(x[i]);
    }
  };
  push(c.k, c.problem.k, 32, 20);
  push(c.v, c.problem.v, 20, 10);
  auto exact = reference::attention(c.problem);
  auto const error_of = [&](std::vector<float> const& out) {
    double error = 0;
    for (std::size_t i = 0; i < out.size(); ++i) { error += std::pow(static_cast<double>(out[i]) - exact.out[i], 2); }
    return error;
  };
  double const keys = error_of(of_codes<q8, p8>(c, smooth_keys{}));
  double const values = error_of(of_codes<q8, p8>(c, smooth_values{}));
  double const both = error_of(of_codes<q8, p8>(c, smooth_keys{}, smooth_values{}));
  INFO("with smooth keys " << keys << ", values " << values << ", both " << both);
  CHECK(keys > 5 * both);
  CHECK(values > 5 * both);
  CHECK(error_of(of_codes<q4, p8>(c)) > 10 * error_of(of_codes<q4, p8>(c, smooth_keys{})));
  push(c.q, c.problem.q, 32, 5);
  exact = reference::attention(c.problem);
  CHECK(error_of(of_codes<q4, as_is>(c, smooth_keys{})) >
        5 * error_of(of_codes<q4, as_is>(c, smooth_keys{}, smooth_queries{})));
}

TEST_CASE("smoothed attention with sinks, soft_cap and masks: near the reference, the same bits everywhere") {
  attention_case<float> c(4, 2, 11, 600, 12, 10, 6);
  for (std::size_t i = 0; i < c.k.size(); ++i) {
    c.k[i] += i % 12 == 3 ? 2.0f : 0.0f;
    c.problem.k[i] = static_cast<double>(c.k[i]);
  }
  c.with_sinks(8);
  c.problem.causal = true;
  check<q8, p8>(c, 4e-4, causal{}, sink_logits{c.sinks.data()}, smooth_keys{}, smooth_values{});
  c.problem.soft_cap = 3;
  check<q8, p8>(c, 4e-4, causal{}, sink_logits{c.sinks.data()}, soft_cap{3.0f}, smooth_keys{}, smooth_values{});
  check<q8, as_is>(c, 4e-4, causal{}, sink_logits{c.sinks.data()}, soft_cap{3.0f}, smooth_keys{});
}

TEST_CASE("ragged sequences of codes have the bits of calls of their own, each with its own mean of keys") {
  test::sequence_offsets const of{{5, 600}, {0, 3}, {2, 0}, {40, 530}, {3, 17}};
  attention_case<float> c(4, 2, of.queries.back(), of.keys.back(), 12, 20, 16);
  test::backwards const threads;
  std::vector<float> shift(2 * 12, 0.25f);
  CHECK(test::ragged_differences(c, of,
                                 [&](auto const& q, auto const& k, auto const& v, auto const& out,
                                     log_sum_exp const& lse, octavo::index, auto const&... options) {
                                   attention<q8, p8>(q, k, v, out, lse, causal{}, smooth_keys{}, smooth_values{},
                                                     on(threads), options...);
                                 }) == 0);
  CHECK(test::ragged_differences(
            c, of,
            [&](auto const& q, auto const& k, auto const& v, auto const& out, log_sum_exp const& lse, octavo::index,
                auto const&... options) {
              attention<q8, p8>(q, k, v, out, lse, key_shift{shift.data(), 12}, on(threads), options...);
            }) == 0);
}

TEST_CASE("log-sum-exps of byte weights, and NaN in a query and a key") {
  attention_case<float> c(1, 1, 6, 90, 16, 8, 11);
  std::vector<float> lse(6);
  (void)of_codes<q8, p8>(c, log_sum_exp{lse.data(), 6});
  auto const exact = reference::attention(c.problem);
  for (std::size_t i = 0; i < 6; ++i) { CHECK(std::abs(static_cast<double>(lse[i]) - exact.log_sum_exp[i]) < 0.03); }
  auto const clean = of_codes<q8, p8>(c, causal{}, on<scalar>());
  c.q[2 * 16] = std::nanf("");
  c.k[88 * 16 + 5] = std::numeric_limits<float>::infinity();
  test::for_archs([&](auto arch) {
    auto const out = of_codes<q8, p8>(c, causal{}, on<typename decltype(arch)::type>());
    for (int i = 0; i < 6; ++i) {
      bool const bad = i == 2 || i >= 4;  // query 4 stands at 88
      auto const at = static_cast<std::size_t>(i * 8);
      CHECK((bad ? std::isnan(out[at]) : test::same_bits(out[at], clean[at])));
    }
  });
}
