// SPDX-License-Identifier: MIT
// What the tests of this example share: a count of faults.
#pragma once

#include <cstdio>
#include <string>

namespace example {

inline int faults = 0;

inline void check(bool ok, std::string const& what) {
  if (ok) { return; }
  std::printf("FAILED: %s\n", what.c_str());
  ++faults;
}

/// The exit code.
inline int conclude() {
  std::printf("%s\n", faults == 0 ? "all checks passed" : "some checks failed");
  return faults == 0 ? 0 : 1;
}

}  // namespace example
