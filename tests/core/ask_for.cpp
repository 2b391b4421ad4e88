// SPDX-License-Identifier: MIT
#include "octavo/core/ask_for.hpp"

#include "support/catch.hpp"

#include <sys/mman.h>
#include <vector>

TEST_CASE("memory that must not be touched may be asked for") {
  constexpr octavo::index bytes = 1 << 16;
  void* const none = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(none != MAP_FAILED);
  octavo::detail::ask_for(static_cast<double const*>(none), bytes / 8);
  octavo::detail::ask_for<true, 2>(static_cast<unsigned char const*>(none), bytes);
  CHECK(munmap(none, bytes) == 0);
}

TEST_CASE("what is asked for is not changed") {
  std::vector<float> numbers(1000, 2.5f);
  octavo::detail::ask_for<true, 2>(numbers.data(), 1000);
  octavo::detail::ask_for(numbers.data(), 0);
  octavo::detail::ask_for(static_cast<float const*>(nullptr), 0);
  CHECK(numbers == std::vector<float>(1000, 2.5f));
}
