// SPDX-License-Identifier: MIT
// Masks, what is added to scores, and sinks, against the reference.
#include "octavo/ops/attention_options.hpp"

#include "support/check_attention.hpp"
#include "support/errors.hpp"

#include <cmath>
#include <string>

using namespace octavo;
using test::attend;
using test::attention_case;
using test::check_attention;

TEST_CASE("windows, with and without keys that are always seen") {
  for (sliding_window const w : {sliding_window{.left = 9}, sliding_window{.left = 600, .first = 4},
                                 sliding_window{.left = 3, .right = 5}, sliding_window{.right = 0, .first = 3},
                                 sliding_window{.left = 20, .first = 70}, sliding_window{.left = 0, .first = 1}}) {
    attention_case<float> c(2, 1, 61, 1100, 8, 8, 120);
    c.problem.left = w.left;
    c.problem.right = w.right;
    c.problem.first = w.first;
    check_attention(c, w);
    c.problem.causal = true;
    check_attention(c, causal{}, w);
  }
}

TEST_CASE("soft-cap, slopes, bias, masks and sinks, alone and together") {
  attention_case<float> c(4, 2, 21, 530, 12, 10, 130);
  c.problem.soft_cap = 1.5;
  check_attention(c, soft_cap{1.5f});
  c.problem.soft_cap = 0;
  c.problem.scale = 0.75;
  check_attention(c, softmax_scale{0.75f});
  c.with_slopes();
  check_attention(c, softmax_scale{0.75f}, alibi{c.slopes.data()});
  c.with_bias(131);
  additive_bias<float> const bias{c.bias.data(), 530, 21 * 530};
  check_attention(c, softmax_scale{0.75f}, alibi{c.slopes.data()}, bias);
  c.with_mask(4, 132);
  boolean_mask const mask{c.mask.get(), 530, 21 * 530};
  check_attention(c, softmax_scale{0.75f}, alibi{c.slopes.data()}, bias, mask);
  c.with_sinks(133);
  sink_logits const sinks{c.sinks.data()};
  c.problem.soft_cap = 2;
  c.problem.causal = true;
  check_attention(c, sinks, mask, bias, alibi{c.slopes.data()}, soft_cap{2.0f}, softmax_scale{0.75f}, causal{});
}

TEST_CASE("masks that hide everything, with and without a sink") {
  attention_case<float> c(2, 1, 3, 600, 8, 8, 140);
  c.with_mask(0, 141);
  boolean_mask const mask{c.mask.get(), 600, 3 * 600};
  check_attention(c, mask);
  CHECK(attend(c, mask).out == std::vector<float>(48, 0.0f));
  c.with_sinks(142);
  check_attention(c, mask, sink_logits{c.sinks.data()});
}

TEST_CASE("masks of blocks: near the reference, with the bits of boolean masks and of no mask") {
  struct shape {
    octavo::index queries, keys, of_queries, of_keys;
  };
  for (shape const s : {shape{50, 1100, 16, 64}, shape{21, 530, 1, 1}, shape{65, 700, 7, 100}, shape{3, 1600, 5, 513},
                        shape{33, 129, 32, 32}}) {
    attention_case<float> c(4, 2, s.queries, s.keys, 9, 10, 143);
    for (std::int64_t const kept : {0, 1, 4, 8}) {
      c.with_blocks(s.of_queries, s.of_keys, kept, 144);
      check_attention(c, c.of_blocks);
      CHECK(attend(c, c.of_blocks).differences(attend(c, c.of_mask())) == 0);
      if (kept == 8) { CHECK(attend(c, c.of_blocks).differences(attend(c)) == 0); }
      CHECK(attend(c, c.of_blocks, causal{}, sliding_window{.left = 90, .first = 20}, soft_cap{2.0f})
                .differences(
                    attend(c, c.of_mask(), causal{}, sliding_window{.left = 90, .first = 20}, soft_cap{2.0f})) == 0);
    }
    c.problem.mask.clear();
    c.with_blocks(s.of_queries, s.of_keys, 3, 145);
    c.v[static_cast<std::size_t>(s.keys / 2) * 10] = std::nanf("");
    CHECK(attend(c, c.of_blocks).differences(attend(c, c.of_mask())) == 0);
  }
}

TEST_CASE("a bias may be bf16 or f16, and one for all heads") {
  attention_case<float> c(2, 2, 7, 45, 8, 8, 150);
  std::vector<bf16> b16;
  std::vector<f16> h16;
  test::random next(151);
  for (int i = 0; i < 7 * 45; ++i) {
    b16.push_back(bf16(next.value()));
    h16.push_back(f16(static_cast<float>(b16.back())));
  }
  for (int head = 0; head < 2; ++head) {
    for (bf16 const x : b16) { c.problem.bias.push_back(static_cast<double>(static_cast<float>(x))); }
  }
  check_attention(c, additive_bias<bf16>{b16.data(), 45});
  check_attention(c, additive_bias<f16>{h16.data(), 45});
}

TEST_CASE("options say what is wrong with them") {
  attention_case<float> c(1, 1, 2, 3, 4, 4, 1);
  auto const error = [&](auto const& option) { return test::error_of([&] { (void)attend(c, option); }); };
  CHECK(error(softmax_scale{0.5f}) == "no error");
  CHECK(error(softmax_scale{0.0f}) ==
        "attention: softmax_scale must be a finite number above 0. Leave it out for 1 / sqrt(head_dim).");
  CHECK(error(soft_cap{std::nanf("")}) ==
        "attention: soft_cap must be a finite number above 0. Leave it out for scores as they are.");
  std::string const null = "attention: the data pointer of an option is null. Pass memory, or leave the option out.";
  CHECK(error(alibi{nullptr}) == null);
  CHECK(error(boolean_mask{nullptr, 3}) == null);
  CHECK(error(additive_bias<bf16>{nullptr, 3}) == null);
  CHECK(error(sink_logits{nullptr}) == null);
  CHECK(error(block_mask{nullptr, 1, 1, 3}) == null);
  bool const seen[6] = {true, true, true, true, true, true};  // two queries, three keys
  CHECK(error(block_mask{seen, 1, 1, 3}) == "no error");
  CHECK(error(block_mask{seen, 1, 0, 3}) ==
        "attention: block_mask has block_queries 1, block_keys 0. Both must be at least 1.");
}
