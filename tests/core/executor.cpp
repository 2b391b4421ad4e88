// SPDX-License-Identifier: MIT
#include "octavo/core/executor.hpp"

#include "support/catch.hpp"

#include <thread>
#include <vector>

using namespace octavo;

namespace {
struct no_executor {
  void operator()(octavo::index) const {}
};
}  // namespace

TEST_CASE("serial runs every task once, in order, on this thread") {
  std::vector<octavo::index> seen;
  bool here = true;
  auto const caller = std::this_thread::get_id();
  serial{}(5, [&](octavo::index i) {
    seen.push_back(i);
    here = here && std::this_thread::get_id() == caller;
  });
  CHECK(seen == std::vector<octavo::index>{0, 1, 2, 3, 4});
  CHECK(here);
  serial{}(0, [&](octavo::index) { here = false; });
  CHECK(here);
  STATIC_REQUIRE(serial::concurrency() == 1);
}

TEST_CASE("a lambda is an executor, something without tasks is not") {
  auto const lambda = [](octavo::index n, auto const& task) {
    for (octavo::index i = n; i > 0; --i) { task(i - 1); }
  };
  STATIC_REQUIRE(executor<decltype(lambda)>);
  STATIC_REQUIRE(executor<serial>);
  STATIC_REQUIRE_FALSE(executor<no_executor>);
  STATIC_REQUIRE_FALSE(executor<int>);
}
