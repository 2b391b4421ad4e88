// SPDX-License-Identifier: MIT
// The same bits, however the work is cut and wherever operands lie.
#include "octavo/ops/attention_run.hpp"

#include "support/check_attention.hpp"
#include "support/executors.hpp"
#include "support/matrix.hpp"

using namespace octavo;
using test::attend;
using test::attention_case;

TEST_CASE("bits do not depend on how many queries come at once") {
  for (bool const masked : {false, true}) {
    attention_case<float> c(4, 2, 100, 1037, 24, 20, 160);
    auto const all = masked ? attend(c, causal{}, sliding_window{.left = 300, .first = 2}) : attend(c, causal{});
    for (octavo::index n : {1, 2, 5, 7, 64}) {
      // The last n queries: what is behind them is the same.
      std::vector<float> out(static_cast<std::size_t>(4 * n * 20));
      heads_view<float> const view(out.data(), 20, 4, n, n * 20, 20);
      auto const q = c.queries(100 - n, n);
      if (masked) {
        attention(q, c.keys(), c.values(), view, causal{}, sliding_window{.left = 300, .first = 2});
      } else {
        attention(q, c.keys(), c.values(), view, causal{});
      }
      int wrong = 0;
      for (octavo::index h = 0; h < 4; ++h) {
        for (octavo::index i = 0; i < n * 20; ++i) {
          auto const at = static_cast<std::size_t>((h * 100 + 100 - n) * 20 + i);
          wrong += test::same_bits(out[static_cast<std::size_t>(h * n * 20 + i)], all.out[at]) ? 0 : 1;
        }
      }
      INFO(n << " queries");
      CHECK(wrong == 0);
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
