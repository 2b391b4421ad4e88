// SPDX-License-Identifier: MIT
// A program outside the tree that finds the installed library.
#include <octavo/version.hpp>

#include <cstdio>

int main() {
  using namespace octavo;
  std::printf("octavo %d.%d.%d\n", OCTAVO_VERSION_MAJOR, OCTAVO_VERSION_MINOR, OCTAVO_VERSION_PATCH);
}
