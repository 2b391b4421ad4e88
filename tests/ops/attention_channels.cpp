// SPDX-License-Identifier: MIT
// attention over keys by channel: near the reference of what its pages hold, floats where groups are open.
#include "octavo/ops/attention.hpp"
#include "octavo/quant/schemes.hpp"
#include "octavo/storage/kv_cache.hpp"

#include "support/check_cache_attention.hpp"
#include "support/executors.hpp"

using namespace octavo;
using namespace octavo::schemes;
using test::attend_cache;
using test::attention_case;
using test::differences;

namespace {

struct shape {
  octavo::index queries, keys, head_dim, value_dim;
};

}  // namespace

TEST_CASE("attention over keys by channel is near the reference of its pages, on every instruction set") {
  for (shape const s : {shape{1, 1, 8, 8}, shape{3, 63, 1, 3}, shape{2, 65, 65, 128}, shape{7, 527, 80, 63},
                        shape{50, 1100, 128, 128}}) {
    attention_case<float> c(4, 2, s.queries, s.keys, s.head_dim, s.value_dim, 5);
    c.problem.causal = true;
    test::check_codes<k2, v2>(c, causal{});
  }
  attention_case<float> one_row(2, 2, 1, 620, 128, 80, 5);
  one_row.problem.causal = true;
  test::check_codes<k2, v2>(one_row, causal{});
}

TEST_CASE("bits of attention over keys by channel do not depend on how tokens came, on queries or on threads") {
  attention_case<float> c(4, 2, 60, 1040, 20, 80, 10);
  auto const cache = test::filled<k2, v2>(c);
  auto const all = attend_cache<q8, p8>(c, cache, causal{});
  test::backwards const threads;
  CHECK(differences(attend_cache<q8, p8>(c, cache, causal{}, on(threads)), all) == 0);

  auto pieces = test::cache_of<kv_cache<k2, v2>>(c, 64);
  auto const part = [&](octavo::index first, octavo::index n) {
    pieces.append(heads_view<float const>(c.k.data() + first * 20, 20, 2, n, 1040 * 20, 20),
                  heads_view<float const>(c.v.data() + first * 80, 80, 2, n, 1040 * 80, 80));
  };
  part(0, 700);
  pieces.truncate(672);  // the last group that is whole
  for (octavo::index i = 672; i < 1040; ++i) { part(i, 1); }
  CHECK(differences(attend_cache<q8, p8>(c, pieces, causal{}, on(threads)), all) == 0);

  // One query alone: the last of 1040, and the last of 1024, whose groups are the same.
  for (octavo::index const last : {1040, 1024}) {
    pieces.truncate(last);
    octavo::index const query = 60 - (1040 - last) - 1;
    std::vector<float> out(4 * 80);
    attention<q8, p8>(c.queries(query, 1), pieces.keys(), pieces.values(),
                      heads_view<float>(out.data(), 80, 4, 1, 80, 80), causal{}, on(threads));
    int wrong = 0;
    for (octavo::index i = 0; i < 4 * 80; ++i) {
      auto const at = static_cast<std::size_t>((i / 80 * 60 + query) * 80 + i % 80);
      wrong += test::same_bits(out[static_cast<std::size_t>(i)], all[at]) ? 0 : 1;
    }
    INFO(last << " keys");
    CHECK(wrong == 0);
  }
}
