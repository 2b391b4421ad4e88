// SPDX-License-Identifier: MIT
#include "octavo/kernel/attention_rows.hpp"

#include "support/catch.hpp"

using namespace octavo;

TEST_CASE("rows of a kv head are its query heads, query by query") {
  kernel::query_rows const rows{2, 3};
  CHECK(rows.query(0) == 0);
  CHECK(rows.query(5) == 1);
  CHECK(rows.head(0) == 6);
  CHECK(rows.head(5) == 8);
}

TEST_CASE("a group knows the blocks of keys that some of its rows see") {
  kernel::score_rule rule;
  rule.keys = 300;
  rule.offset = 90;
  rule.causal = true;
  kernel::group_of_rows const rows(rule, {0, 1}, 0, 48, 64, 236);  // query 0 stands at 90, key 26 of this leaf
  CHECK_FALSE(rows.whole);
  CHECK(rows.blocks(16, 0, 1).begin == 0);
  CHECK(rows.blocks(16, 0, 1).end == 2);
  CHECK(rows.blocks(16, 0, 48).end == 5);
  kernel::group_of_rows const later(rule, {0, 1}, 0, 48, 200, 100);
  CHECK(later.blocks(16, 0, 48).none());
  rule.left = 4;
  kernel::group_of_rows const window(rule, {0, 1}, 0, 48, 64, 236);
  CHECK(window.blocks(16, 40, 1).begin == 3);
  CHECK(window.blocks(16, 40, 1).end == 5);
  rule.causal = false;
  rule.left = -1;
  kernel::group_of_rows const all(rule, {0, 1}, 0, 5, 64, 236);
  CHECK(all.whole);
  CHECK(all.blocks(64, 0, 5).end == 4);
}
