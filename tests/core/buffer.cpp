// SPDX-License-Identifier: MIT
#include "octavo/core/buffer.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

using namespace octavo;

TEST_CASE("a buffer is zeroed and starts on a cache line") {
  for (octavo::index const size : {1, 63, 64, 65, 4097}) {
    aligned_buffer const b(size);
    CHECK(b.size() == size);
    CHECK(reinterpret_cast<std::uintptr_t>(b.data()) % 64 == 0);
    CHECK(std::all_of(b.data(), b.data() + size, [](std::byte x) { return x == std::byte{0}; }));
  }
}

TEST_CASE("an empty buffer has no memory") {
  aligned_buffer const none;
  CHECK(none.size() == 0);
  CHECK(none.data() == nullptr);
  CHECK(aligned_buffer(0).data() == nullptr);
  aligned_buffer const copy = none;
  CHECK(copy.size() == 0);
}

TEST_CASE("copies are deep, moves leave an empty buffer") {
  aligned_buffer a(100);
  a.data()[99] = std::byte{7};
  aligned_buffer b = a;
  b.data()[99] = std::byte{8};
  CHECK(a.data()[99] == std::byte{7});
  std::byte const* const where = a.data();
  aligned_buffer c = std::move(a);
  CHECK(c.data() == where);
  CHECK(a.data() == nullptr);
  CHECK(a.size() == 0);
  c = b;
  CHECK(c.data() != b.data());
  CHECK(c.data()[99] == std::byte{8});
  c = std::move(b);
  CHECK(c.size() == 100);
  auto const& same = c;
  c = same;
  CHECK(c.data()[99] == std::byte{8});
}
