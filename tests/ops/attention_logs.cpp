// SPDX-License-Identifier: MIT
// Attention with logarithmic probabilities: the reference with the same codes, the same bits however it is called.
#include "octavo/ops/attention.hpp"
#include "octavo/quant/adalog.hpp"
#include "octavo/quant/schemes.hpp"
#include "octavo/quant/sulq.hpp"

#include "support/check_attention.hpp"
#include "support/errors.hpp"
#include "support/executors.hpp"

#include <array>

using namespace octavo;
using namespace octavo::schemes;
using test::attention_case;
using p_log2 = scheme<symmetric<log2_format<4>>, per_tensor>;
using p_adalog = scheme<adalog<4, log_zero::extra>, per_tensor>;
using p_sulq = scheme<sulq<4>, per_tensor>;
using p_sulq3 = scheme<sulq<3>, per_tensor>;

namespace {

/// Q, K and V whose codes are what they are: each token, and each channel of V, has 127 steps.
attention_case<float> exact_case(octavo::index heads, octavo::index queries, octavo::index keys,
                                 octavo::index head_dim, octavo::index value_dim) {
  attention_case<float> c(2 * heads, heads, queries, keys, head_dim, value_dim, 31);
  test::random next(32);
  auto const set = [&](std::vector<float>& x, std::vector<double>& exact, octavo::index d, float step) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      bool const full = static_cast<octavo::index>(i) % d == 0;
      x[i] = step * (full ? (next.below(2) == 0 ? 127.0f : -127.0f) : static_cast<float>(next.below(201) - 100));
      exact[i] = static_cast<double>(x[i]);
    }
  };
  set(c.q, c.problem.q, head_dim, 0x1p-6f);
  set(c.k, c.problem.k, head_dim, 0x1p-6f);
  set(c.v, c.problem.v, value_dim, 1);
  for (octavo::index h = 0; h < heads; ++h) {
    for (octavo::index j = 0; j < keys; j += 512) {
      for (octavo::index e = 0; e < value_dim; ++e) {
        auto const at = static_cast<std::size_t>((h * keys + j) * value_dim + e);
        c.v[at] = 127;
        c.problem.v[at] = 127;
      }
    }
  }
  return c;
}

template <class P, class... Options>
void check(attention_case<float> const& c, reference::weight_codes const& codes, Options const&... options) {
  INFO(c.problem.queries << " queries, " << c.problem.keys << " keys, " << c.problem.value_dim << " channels");
  auto const expected = test::attend_by<q8, P>(c, options..., on<scalar>());
  auto const exact = reference::attention(c.problem, codes);
  double worst = 0;
  for (std::size_t i = 0; i < expected.out.size(); ++i) {
    worst = std::fmax(worst, std::abs(static_cast<double>(expected.out[i]) - exact.out[i]) / 127);
  }
  CHECK(worst < 3e-5);
  worst = 0;
  for (std::size_t i = 0; i < expected.lse.size(); ++i) {
    double const e = std::abs(static_cast<double>(expected.lse[i]) - exact.log_sum_exp[i]);
    worst = std::fmax(worst, static_cast<double>(expected.lse[i]) == exact.log_sum_exp[i] ? 0 : e);
  }
  CHECK(worst < 3e-5);
  test::for_vector_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(test::attend_by<q8, P>(c, options..., on<A>()).differences(expected) == 0);
  });
}

reference::weight_codes log2_codes() {
  reference::weight_codes codes{1, {}};
  for (int c = 0; c < 16; ++c) { codes.values.push_back(std::exp2(-c)); }
  return codes;
}
/// Above q = 19 as words of 1/65535.
reference::weight_codes adalog_codes(int q) {
  reference::weight_codes codes{37.0 / q, {}};
  for (int c = 0; c < 16; ++c) {
    double const value = std::round(30 * std::exp2(-(c * q % 37) / 37.0)) / 30 * std::exp2(-(c * q / 37));
    codes.values.push_back(q <= 19 ? value : std::round(65535 * value) / 65535);
  }
  codes.values.push_back(0);
  return codes;
}

/// As words of 1/65535 of the largest level, none below 0.
template <int B>
reference::weight_codes sulq_codes(sulq_params const& p) {
  reference::weight_codes codes{0, {}};
  double largest = 0;
  for (int c = 0; c < 1 << B; ++c) {
    double const eta = static_cast<double>(p.eta);
    if (c + 1 < 1 << B) {
      codes.borders.push_back(std::exp2(-static_cast<double>(p.step) * (c - p.zero_point + 0.5)) - eta);
    }
    double const exponent = std::nearbyint(static_cast<double>(p.step) * (c - p.zero_point));
    codes.values.push_back(std::fmax(std::exp2(-exponent) - eta, 0));
    largest = std::fmax(largest, codes.values.back());
  }
  for (double& v : codes.values) { v = std::round(v / largest * 65535) / 65535 * largest; }
  return codes;
}

}  // namespace

TEST_CASE("attention by log2 and adalog is the reference with the same codes, with the same bits everywhere") {
  for (auto const& [queries, keys, e] :
       {std::array<octavo::index, 3>{1, 1, 3}, {7, 63, 65}, {17, 513, 15}, {50, 1030, 64}}) {
    auto c = exact_case(1, queries, keys, 12, e);
    check<p_log2>(c, log2_codes());
    check<p_adalog>(c, adalog_codes(19), log_base{19});
    c.problem.causal = true;
    c.with_sinks(33);
    check<p_log2>(c, log2_codes(), causal{}, sink_logits{c.sinks.data()});
    check<p_adalog>(c, adalog_codes(30), log_base{30}, causal{}, sink_logits{c.sinks.data()});
  }
}

TEST_CASE("attention by shifted logarithms is the reference with the same codes, with the same bits everywhere") {
  auto const worked = sulq<4>::from_range(0.0f, 1.0f, 0.005f);
  auto const below = sulq<4>::from_range(0.0f, 1.0f, 0.04f);  // the last level, -0.00875, is 0
  auto const three = sulq<3>::from_range(0.0f, 1.0f, 0.001f);
  for (auto const& [queries, keys, e] :
       {std::array<octavo::index, 3>{1, 1, 3}, {7, 63, 65}, {17, 513, 15}, {50, 1030, 64}}) {
    auto c = exact_case(1, queries, keys, 12, e);
    check<p_sulq>(c, sulq_codes<4>(worked), worked);
    check<p_sulq3>(c, sulq_codes<3>(three), three);
    c.problem.causal = true;
    c.with_sinks(33);
    check<p_sulq>(c, sulq_codes<4>(below), below, causal{}, sink_logits{c.sinks.data()});
  }
}

TEST_CASE("attention by shifted logarithms: threads, smoothed values, masks of blocks, no keys, wrong parameters") {
  auto const p = sulq<4>::from_range(0.0f, 1.0f, 0.005f);
  auto c = exact_case(2, 40, 1100, 12, 20);
  auto const all = test::attend_by<q8, p_sulq>(c, p);
  test::backwards const threads;
  CHECK(test::attend_by<q8, p_sulq>(c, p, on(threads)).differences(all) == 0);
  c.with_blocks(16, 64, 8, 34);
  CHECK(test::attend_by<q8, p_sulq>(c, p, c.of_blocks).differences(all) == 0);
  c.with_blocks(16, 64, 3, 34);
  check<p_sulq>(c, sulq_codes<4>(p), p, c.of_blocks);
  CHECK(test::attend_by<q8, p_sulq>(c, p, c.of_blocks).differences(test::attend_by<q8, p_sulq>(c, p, c.of_mask())) ==
        0);
  for (float& v : c.v) { v += 1e5f; }  // gone before codes, and back
  for (double& v : c.problem.v) { v += 1e5; }
  auto const smooth = test::attend_by<q8, p_sulq>(c, p, c.of_blocks, smooth_values{});
  auto const exact = reference::attention(c.problem, sulq_codes<4>(p));
  double worst = 0;
  for (std::size_t i = 0; i < smooth.out.size(); ++i) {
    worst = std::fmax(worst, std::abs(static_cast<double>(smooth.out[i]) - exact.out[i]));
  }
  CHECK(worst < 1.0);  // of steps of 1.8 and f32 near 1e5
  CHECK(test::attend_by<q8, p_sulq>(attention_case<float>(1, 1, 2, 0, 4, 3, 9), p).out ==
        std::vector<float>(6, 0.0f));
  for (sulq_params const bad : {sulq_params{-1e-3f, 0.5f, 0}, sulq_params{std::nanf(""), 0.5f, 0},
                                sulq_params{INFINITY, 0.5f, 0}, sulq_params{0.1f, 0, 0}, sulq_params{0.1f, -1, 0},
                                sulq_params{0.1f, std::nanf(""), 0}, sulq_params{0.1f, INFINITY, 0}}) {
    CHECK(test::error_of([&] { (void)test::attend_by<q8, p_sulq>(c, bad); }) ==
          "attention: sulq_params need a finite eta that is not below 0, and a finite step above 0. Calibrate them.");
  }
  CHECK(test::error_of([&] {
          (void)test::attend_by<q8, p_sulq>(c, sulq_params{0.5f, 1, -1});
        }) == "attention: by these sulq_params all weights are 0. Calibrate them on weights of at most 1.");
}

TEST_CASE("attention by logarithms: threads, smoothed values, masks of blocks, no keys, wrong bases") {
  auto c = exact_case(2, 40, 1100, 12, 20);
  auto const all = test::attend_by<q8, p_adalog>(c, log_base{19});
  test::backwards const threads;
  CHECK(test::attend_by<q8, p_adalog>(c, log_base{19}, on(threads)).differences(all) == 0);
  for (octavo::index const n : {1, 13}) {
    CHECK(test::differences_of_last<q8, p_adalog>(c, n, all.out, log_base{19}) == 0);
  }
  c.with_blocks(16, 64, 8, 34);
  CHECK(test::attend_by<q8, p_adalog>(c, log_base{19}, c.of_blocks).differences(all) == 0);
  c.with_blocks(16, 64, 3, 34);
  check<p_adalog>(c, adalog_codes(19), log_base{19}, c.of_blocks);
  for (float& v : c.v) { v += 1e5f; }  // gone before codes, and back
  for (double& v : c.problem.v) { v += 1e5; }
  auto const smooth = test::attend_by<q8, p_adalog>(c, log_base{19}, c.of_blocks, smooth_values{});
  auto const exact = reference::attention(c.problem, adalog_codes(19));
  double worst = 0;
  for (std::size_t i = 0; i < smooth.out.size(); ++i) {
    worst = std::fmax(worst, std::abs(static_cast<double>(smooth.out[i]) - exact.out[i]));
  }
  CHECK(worst < 1.0);  // of steps of 1.8 and f32 near 1e5
  CHECK(test::attend_by<q8, p_log2>(attention_case<float>(1, 1, 2, 0, 4, 3, 9)).out == std::vector<float>(6, 0.0f));
  CHECK(test::error_of([&] { (void)test::attend_by<q8, p_adalog>(c, log_base{9}); }) ==
        "attention: log_base has q 9, the highest is 137. It must be from 10 to 137.");
}
