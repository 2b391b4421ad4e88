// SPDX-License-Identifier: MIT
// The same bits, however the work is cut and wherever operands lie.
#include "octavo/ops/attention_run.hpp"

#include "support/check_attention.hpp"
#include "support/errors.hpp"
#include "support/executors.hpp"
#include "support/matrix.hpp"

#include <string>

using namespace octavo;
using test::attend;
using test::attention_case;

TEST_CASE("bits do not depend on how many queries come at once") {
  for (octavo::index const e : {20, 64}) {  // values of whole registers may be read where they are
    attention_case<float> c(4, 2, 100, 1037, 24, e, 160);
    sliding_window const window{.left = 300, .first = 2};
    auto const all = attend(c, causal{}).out;
    auto const masked = attend(c, causal{}, window).out;
    for (octavo::index const n : {1, 2, 5, 7, 64}) {  // the last ones: what is behind them is the same
      INFO(n << " queries, " << e << " channels");
      CHECK(test::differences_of_last<as_is, as_is>(c, n, all, causal{}) == 0);
      CHECK(test::differences_of_last<as_is, as_is>(c, n, masked, causal{}, window) == 0);
    }
  }
}

TEST_CASE("bits do not depend on the executor, nor on how keys are dealt to threads") {
  for (octavo::index const queries : {1, 300}) {
    attention_case<float> c(4, 2, queries, 1600, 16, 16, 170);
    c.with_sinks(171);
    auto const expected = attend(c, causal{}, sink_logits{c.sinks.data()});
    test::backwards const threads;
    test::odd_first const odd;
    test::counting_memory memory;
    CHECK(attend(c, causal{}, sink_logits{c.sinks.data()}, on(threads)).differences(expected) == 0);
    CHECK(attend(c, causal{}, sink_logits{c.sinks.data()}, on(odd).scratch(memory)).differences(expected) == 0);
    CHECK(memory.allocations == 1);
    CHECK(memory.bytes_held == 0);
  }
}

TEST_CASE("ragged sequences have the bits of calls of their own, whoever works") {
  for (test::sequence_offsets const& of :
       {test::sequence_offsets{{7, 600}, {0, 40}, {3, 0}, {65, 1040}, {1, 1}, {9, 5}, {2, 64}},
        test::sequence_offsets{{1, 1500}, {1, 513}, {1, 3}}, test::sequence_offsets{{0, 0}, {170, 90}, {0, 0}}}) {
    attention_case<float> c(4, 2, of.queries.back(), of.keys.back(), 20, 24, 175);
    c.with_sinks(176);
    std::vector<float> bias(static_cast<std::size_t>(of.queries.back() * 1600));
    test::random next(177);
    for (float& x : bias) { x = next.value(); }
    test::backwards const threads;
    test::odd_first const odd;
    auto const run = [&](auto const& context) {
      return test::ragged_differences(
          c, of,
          [&](auto const& q, auto const& k, auto const& v, auto const& out, log_sum_exp const& lse,
              octavo::index first, auto const&... options) {
            attention(q, k, v, out, lse, causal{}, sliding_window{.left = 700, .first = 3},
                      sink_logits{c.sinks.data()}, additive_bias<float>{bias.data() + first * 1600, 1600}, context,
                      options...);
          });
    };
    CHECK(run(on()) == 0);
    CHECK(run(on(threads)) == 0);
    CHECK(run(on(odd)) == 0);
    test::if_arch<avx2>([&](auto arch) { CHECK(run(on<typename decltype(arch)::type>(threads)) == 0); });
  }
  attention_case<float> none(2, 1, 0, 0, 8, 8, 178);
  octavo::index const zero = 0;
  CHECK(attend(none, ragged{&zero, &zero, 0}).out.empty());
}

TEST_CASE("offsets of ragged sequences that do not fit throw") {
  attention_case<float> c(1, 1, 5, 9, 4, 4, 179);
  auto const error = [&](std::vector<octavo::index> const& queries, std::vector<octavo::index> const& keys) {
    return test::error_of([&] { (void)attend(c, ragged{queries.data(), keys.data(), 2}); });
  };
  std::string const todo = " Offsets must begin at 0, never go down, and end with the tokens.";
  CHECK(error({0, 2, 5}, {0, 0, 9}) == "no error");
  CHECK(error({1, 2, 5}, {0, 0, 9}) == "attention: an offset of queries is 1, the tokens are 5." + todo);
  CHECK(error({0, 2, 4}, {0, 0, 9}) == "attention: an offset of queries is 4, the tokens are 5." + todo);
  CHECK(error({0, 2, 5}, {0, 10, 9}) == "attention: an offset of keys is 9, behind 10." + todo);
  octavo::index const offset = 0;
  CHECK(test::error_of([&] {
          (void)attend(c, ragged{nullptr, &offset, 0});
        }) == "attention: the data pointer of an option is null. Pass memory, or leave the option out.");
  octavo::index const whole[2] = {0, 5};
  CHECK(test::error_of([&] { (void)attend(c, ragged{.queries = whole, .sequences = 1}); }) ==
        "attention: the data pointer of an option is null. Pass memory, or leave the option out.");
  CHECK(test::error_of([&] {
          (void)attend(c, ragged{&offset, &offset, -1});
        }) == "attention: ragged has less than 0 sequences.");
}

TEST_CASE("operands may be token-major, matrices with heads, and of other elements") {
  attention_case<float> c(4, 2, 11, 40, 6, 6, 180);
  auto const expected = attend(c, causal{});
  auto const by_token = [](std::vector<float> const& x, octavo::index heads, octavo::index tokens) {
    test::matrix<float> m(heads * 6, tokens);
    for (octavo::index h = 0; h < heads; ++h) {
      for (octavo::index t = 0; t < tokens; ++t) {
        for (octavo::index i = 0; i < 6; ++i) {
          m(h * 6 + i, t) = x[static_cast<std::size_t>((h * tokens + t) * 6 + i)];
        }
      }
    }
    return m;
  };
  auto const q = by_token(c.q, 4, 11);
  auto const k = by_token(c.k, 2, 40);
  auto const v = by_token(c.v, 2, 40);
  auto const wanted = by_token(expected.out, 4, 11);
  test::matrix<float> out(24, 11);
  attention(q, k, v, out, causal{}, {.query_heads = 4, .kv_heads = 2});
  CHECK(test::differences(out, wanted) == 0);
  test::matrix<float> again(24, 11);
  attention(q, k, v, again, attention_heads{4, 2}, on<default_arch>(), causal{});
  CHECK(test::differences(again, wanted) == 0);
  test::matrix<bf16> narrow(24, 11);
  attention(q, k, v, narrow, causal{}, {.query_heads = 4, .kv_heads = 2});
  for (octavo::index i = 0; i < 24 * 11; ++i) { CHECK(narrow.data()[i].bits == bf16(wanted.data()[i]).bits); }
}
