// SPDX-License-Identifier: MIT
// main() of the tests where Catch2's own library cannot be linked: cross builds, with Catch2 2.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
