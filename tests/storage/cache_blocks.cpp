// SPDX-License-Identifier: MIT
#include "octavo/storage/cache_blocks.hpp"

#include "support/catch.hpp"
#include "support/executors.hpp"

#include <thread>
#include <utility>
#include <vector>

using namespace octavo;

TEST_CASE("blocks are zeroed, aligned, counted, and copied before they change") {
  test::counting_memory memory;
  {
    detail::cache_blocks<std::pmr::memory_resource> a(192, 4, &memory);
    a.grow(2);
    CHECK(memory.allocations == 2);
    CHECK(a.count() == 2);
    for (octavo::index i = 0; i < 2; ++i) {
      CHECK(reinterpret_cast<std::uintptr_t>(a.table()[i]) % 64 == 0);
      for (octavo::index b = 0; b < 192; ++b) { CHECK(a.table()[i][b] == std::byte{0}); }
    }
    CHECK(a.own(0) == a.table()[0]);  // nobody else has it
    a.own(0)[5] = std::byte{7};
    auto b = a;
    CHECK(memory.allocations == 2);
    CHECK(b.table()[0] == a.table()[0]);
    CHECK(a.users_of(0) == 2);
    b.own(0)[5] = std::byte{9};
    CHECK(memory.allocations == 3);
    CHECK(a.users_of(0) == 1);
    CHECK(a.table()[0][5] == std::byte{7});
    CHECK(b.table()[0][5] == std::byte{9});
    CHECK(b.table()[1] == a.table()[1]);
    a.shrink(0);
    CHECK(b.users_of(1) == 1);
    auto c = std::move(b);
    CHECK(b.count() == 0);
    CHECK(c.count() == 2);
    a = std::move(c);
    CHECK(a.count() == 2);
  }
  CHECK(memory.bytes_held == 0);
}

TEST_CASE("tables of one block on several threads") {
  detail::cache_blocks<heap_blocks> first(64, 1, nullptr);
  first.grow(1);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([copy = first, t]() mutable {
      for (int i = 0; i < 100; ++i) {
        auto mine = copy;
        mine.own(0)[0] = static_cast<std::byte>(t);
      }
    });
  }
  for (auto& t : threads) { t.join(); }
  threads.clear();
  CHECK(first.users_of(0) == 1);
  CHECK(first.table()[0][0] == std::byte{0});
}
