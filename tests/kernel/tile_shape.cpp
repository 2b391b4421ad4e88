// SPDX-License-Identifier: MIT
// Cutting tokens into tiles.
#include "octavo/kernel/tile_shape.hpp"

#include "support/catch.hpp"

TEST_CASE("tiles cover every token once, in order, none larger than the most", "[kernel][tile_shape]") {
  for (octavo::index tokens = 0; tokens <= 41; ++tokens) {
    octavo::index next = 0;
    octavo::index smallest = 4;
    octavo::kernel::for_tiles<4>(tokens, [&](auto size, octavo::index t) {
      REQUIRE(t == next);
      REQUIRE(size() >= 1);
      REQUIRE(size() <= 4);
      smallest = size() < smallest ? size() : smallest;
      next += size();
    });
    CAPTURE(tokens);
    REQUIRE(next == tokens);
    if (tokens >= 4) { REQUIRE(smallest >= 2); }
  }
}

TEST_CASE("accumulators, weights and an operand fit the registers", "[kernel][tile_shape]") {
  using octavo::path;
  using wide = octavo::kernel::tile_shape<octavo::avx512vnni, path::int8_dot>;
  using narrow = octavo::kernel::tile_shape<octavo::avx2, path::int8_dot>;
  STATIC_REQUIRE(wide::tokens * wide::registers + 2 * wide::registers + 1 <= 32);
  STATIC_REQUIRE(wide::wide_tokens * wide::registers + wide::registers + 1 <= 32);
  STATIC_REQUIRE(narrow::tokens * narrow::registers + narrow::registers + 1 <= 16);
}
