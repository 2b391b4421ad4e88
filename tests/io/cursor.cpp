// SPDX-License-Identifier: MIT
#include "octavo/io/cursor.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <cstdint>

using namespace octavo::io;

TEST_CASE("a cursor reads numbers at any address, and stays where it is when the bytes do not suffice") {
  test::file_bytes const file(test::bytes_of("x", std::uint32_t{0x01020304}, "abc"));
  cursor at(file.span());
  std::string_view text;
  std::uint32_t number = 0;
  CHECK((at.text(1, text) && text == "x"));
  CHECK((at.read(number) && number == 0x01020304));
  CHECK(at.left() == 3);
  CHECK_FALSE(at.read(number));
  CHECK_FALSE(at.text(UINT64_MAX, text));
  auto const begin = at;
  CHECK((at.text(3, text) && text == "abc"));
  CHECK(at.since(begin).size() == 3);
  CHECK(at.position() == 8);
}

TEST_CASE("UTF-8 by RFC 3629") {
  for (std::string_view const good : {"", "plain", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                                      "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xc3\xbc z"}) {
    CHECK(is_utf8(good));
  }
  for (std::string_view const bad :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3z", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82",
        "\xe2\x82z", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xf0\x9f\x99"}) {
    CHECK_FALSE(is_utf8(bad));
  }
}

TEST_CASE("names in error texts are short and do nothing to a terminal") {
  CHECK(shown("blk.0.weight") == "blk.0.weight");
  CHECK(shown("a\x1b[2J\n\xc3\xbc") == "a?[2J???");
  CHECK(shown(std::string(1000, 'x')) == std::string(80, 'x') + "...");
}
