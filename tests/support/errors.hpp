// SPDX-License-Identifier: MIT
// What a call that must fail says.
#pragma once

#include <stdexcept>
#include <string>

namespace test {

/// The text of the std::invalid_argument that f() throws, "no error" if it returns.
template <class F>
[[nodiscard]] std::string error_of(F const& f) {
  try {
    f();
  } catch (std::invalid_argument const& e) { return e.what(); }
  return "no error";
}

}  // namespace test
