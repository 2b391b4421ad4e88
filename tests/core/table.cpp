// SPDX-License-Identifier: MIT
#include "octavo/core/table.hpp"

#include "support/catch.hpp"

using namespace octavo;

TEST_CASE("a table is filled, indexed and walked as an array") {
  constexpr auto squares = [] {
    detail::table<int, 4> t{};
    int i = 0;
    for (int& v : t) { v = i++; }
    for (std::size_t c = 0; c < 4; ++c) { t[c] *= t[c]; }
    return t;
  }();
  STATIC_REQUIRE(squares[3] == 9);
  STATIC_REQUIRE(squares.data()[2] == 4);
  STATIC_REQUIRE(sizeof squares == 4 * sizeof(int));
}
