// SPDX-License-Identifier: MIT
#include "octavo/core/error.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"

#include <string>

using namespace octavo;

TEST_CASE("an error names the place, both extents, and what to do") {
  auto const text = test::error_of(
      [] { detail::fail_extents("matmul", "X has features", 1023, "W has columns", 1024, "They must be equal."); });
  CHECK(text == "matmul: X has features 1023, W has columns 1024. They must be equal.");
}

TEST_CASE("a long error is cut, not written past its buffer") {
  std::string const long_text(1000, 'x');
  auto const text = test::error_of([&] { detail::fail_extents("here", long_text.c_str(), -1, "other", 2, ""); });
  CHECK(text.size() < 1000);
  CHECK(text.substr(0, 8) == "here: xx");
}
