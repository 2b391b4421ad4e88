// SPDX-License-Identifier: MIT
#include "octavo/core/error.hpp"

#include "support/catch.hpp"

#include <stdexcept>
#include <string>

using namespace octavo;

TEST_CASE("an error names the place, both extents, and what to do") {
  std::string text;
  try {
    detail::fail_extents("matmul", "X has features", 1023, "W has columns", 1024, "They must be equal.");
  } catch (std::invalid_argument const& e) { text = e.what(); }
  CHECK(text == "matmul: X has features 1023, W has columns 1024. They must be equal.");
}

TEST_CASE("a long error is cut, not written past its buffer") {
  std::string const long_text(1000, 'x');
  std::string text;
  try {
    detail::fail_extents("here", long_text.c_str(), -1, "other", 2, "");
  } catch (std::invalid_argument const& e) { text = e.what(); }
  CHECK(text.size() < 1000);
  CHECK(text.substr(0, 8) == "here: xx");
}
