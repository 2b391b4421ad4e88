// SPDX-License-Identifier: MIT
#include "octavo/storage/cache_side.hpp"

#include "octavo/quant/schemes.hpp"

#include "support/caches.hpp"
#include "support/catch.hpp"

using namespace octavo;
using schemes::k2;
using schemes::k4;
using schemes::v4;

TEST_CASE("pages of a head lie one behind the other in a block, keys before values") {
  octavo::kv_cache<k4, v4> cache(
      {.head_dim = 48, .kv_heads = 3, .capacity = 400, .value_head_dim = 80, .block = 192});
  auto const k = test::values(3 * 300 * 48, 1);
  auto const v = test::values(3 * 300 * 80, 2);
  cache.append(heads_view<float const>(k.data(), 48, 3, 300, 300 * 48, 48),
               heads_view<float const>(v.data(), 80, 3, 300, 300 * 80, 80));
  auto const keys = cache.keys();
  auto const values = cache.values();
  octavo::index const a = keys.layout().bytes();
  octavo::index const b = values.layout().bytes();
  for (octavo::index h = 0; h < 3; ++h) {
    CHECK(keys.page(h, 1) - keys.page(h, 0) == a);
    CHECK(values.page(h, 2) - values.page(h, 1) == b);
    CHECK(values.page(h, 0) - keys.page(h, 0) == 3 * a);
    CHECK(keys.page(h, 0) - cache.block(0) == h * 3 * (a + b));
    CHECK(keys.page(h, 4) - cache.block(1) == h * 3 * (a + b) + a);
    for (octavo::index const first : {0, 1, 3}) {  // blocks of three pages
      std::byte const* k_at[5] = {};
      std::byte const* v_at[5] = {};
      keys.places().keys(h, first, 5 - first, k_at);
      values.places().values(h, first, 4 - first, v_at);
      for (octavo::index p = 0; p < 5; ++p) {
        CHECK(k_at[p] == (first + p < 5 ? keys.page(h, first + p) : nullptr));
        CHECK(v_at[p] == (first + p < 4 ? values.page(h, first + p) : nullptr));
      }
    }
  }
}

TEST_CASE("a side says which of its tokens are floats") {
  auto const plain = test::cache_of<k4, v4>(70, 16, 16);
  CHECK(plain.keys().closed() == 70);
  CHECK(plain.keys().firsts() == 0);
  auto const channels = test::cache_of<first_in_float<k2, 2>, first_in_float<v4, 5>>(70, 16, 16);
  CHECK(channels.keys().closed() == 64);
  CHECK(channels.keys().firsts() == 2);
  CHECK(channels.values().firsts() == 5);
  auto const k = test::values(2 * 70 * 16, 1);
  CHECK(channels.keys().open(1, 69)[3] == k[(70 + 69) * 16 + 3]);
  CHECK(channels.keys().first_token(1, 1)[3] == k[(70 + 1) * 16 + 3]);
  auto const few = test::cache_of<first_in_float<k2, 2>, first_in_float<v4, 5>>(3, 16, 16);
  auto const values = few.values();
  CHECK(values.firsts() == 3);
  CHECK(as_heads(values, 7).heads() == 2);
}
