// SPDX-License-Identifier: MIT
#include "octavo/kernel/attention_rows.hpp"

#include "support/catch.hpp"

#include <vector>

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
  CHECK(rows.blocks(16, 0, 1).begin() == 0);
  CHECK(rows.blocks(16, 0, 1).end() == 2);
  CHECK(rows.blocks(16, 0, 48).end() == 5);
  kernel::group_of_rows const later(rule, {0, 1}, 0, 48, 200, 100);
  CHECK(later.blocks(16, 0, 48).none());
  rule.left = 4;
  kernel::group_of_rows const window(rule, {0, 1}, 0, 48, 64, 236);
  CHECK(window.blocks(16, 40, 1).begin() == 3);
  CHECK(window.blocks(16, 40, 1).end() == 5);
  rule.causal = false;
  rule.left = -1;
  kernel::group_of_rows const all(rule, {0, 1}, 0, 5, 64, 236);
  CHECK(all.whole);
  CHECK(all.blocks(64, 0, 5).end() == 4);
}

TEST_CASE("runs of blocks") {
  auto const runs = [](kernel::key_blocks const& b) {
    std::vector<octavo::index> ends;
    b.runs([&](octavo::index begin, octavo::index end) {
      ends.push_back(begin);
      ends.push_back(end);
    });
    return ends;
  };
  using list = std::vector<octavo::index>;
  CHECK(runs(kernel::key_blocks()) == list{});
  CHECK(runs({0, 32}) == list{0, 32});
  CHECK(runs({3, 3}) == list{});
  CHECK(runs({31, 32}) == list{31, 32});
  CHECK(runs(kernel::key_blocks(0x80000035u)) == list{0, 1, 2, 3, 4, 6, 31, 32});
  CHECK(kernel::key_blocks(0x30u).begin() == 4);
  CHECK(kernel::key_blocks(0x30u).end() == 6);
  CHECK(kernel::key_blocks(0x30u).has(5));
  CHECK_FALSE(kernel::key_blocks(0x30u).has(6));
}

TEST_CASE("a group knows what a mask of blocks leaves, and what lies between first keys and a window") {
  // Blocks of 2 queries x 40 keys, for each of two heads; the leaf begins at key 512, in block 12.
  bool mask[2][3][16] = {};
  mask[1][0][12] = true;  // keys 480 to 519, so 0 to 7 here
  mask[1][0][14] = true;  // 48 to 87
  mask[1][2][15] = true;  // 88 to 127
  kernel::score_rule rule;
  rule.keys = 512 + 110;
  rule.blocks = {&mask[0][0][0], 2, 40, 16, 48};
  kernel::group_of_rows const rows(rule, {0, 2}, 0, 12, 512, 110);
  CHECK_FALSE(rows.whole);
  auto const bits = [&](octavo::index width, octavo::index t, octavo::index n) {
    unsigned found = 0;
    for (octavo::index b = 0; b < 32; ++b) { found |= rows.blocks(width, t, n).has(b) ? 1u << b : 0u; }
    return found;
  };
  CHECK(bits(16, 0, 1) == 0);     // head 0
  CHECK(bits(16, 1, 1) == 0x39);  // head 1, query 0
  CHECK(bits(16, 3, 1) == 0x39);  // query 1
  CHECK(bits(16, 5, 1) == 0);     // query 2
  CHECK(bits(16, 9, 1) == 0x60);  // query 4: to the last key, 109
  CHECK(bits(16, 0, 12) == 0x79);
  CHECK(bits(64, 0, 12) == 0x3);
  CHECK(bits(64, 8, 4) == 0x2);
  rule.blocks = {};
  rule.offset = rule.keys - 6;
  rule.first = 530;
  rule.left = 3;
  kernel::group_of_rows const window(rule, {0, 1}, 0, 1, 512, 110);
  CHECK(window.blocks(16, 0, 1).has(1));
  CHECK_FALSE(window.blocks(16, 0, 1).has(2));
  CHECK(window.blocks(16, 0, 1).has(6));
}
