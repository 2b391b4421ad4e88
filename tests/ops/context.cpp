// SPDX-License-Identifier: MIT
#include "octavo/ops/context.hpp"

#include "support/catch.hpp"
#include "support/executors.hpp"

#include <cstdint>
#include <memory_resource>
#include <new>
#include <vector>

using namespace octavo;

TEST_CASE("a context names an instruction set and refers to the executor") {
  test::backwards const pool;
  auto const c = on<scalar>(pool);
  STATIC_REQUIRE(std::is_same_v<decltype(c)::arch, scalar>);
  STATIC_REQUIRE(std::is_same_v<decltype(on<avx2>())::arch, avx2>);
  STATIC_REQUIRE(detail::is_context<std::remove_const_t<decltype(c)>>);
  STATIC_REQUIRE_FALSE(detail::is_context<test::backwards>);
  std::vector<int> done(20, 0);
  c.execute(20, [&](octavo::index i) noexcept { ++done[static_cast<std::size_t>(i)]; });
  CHECK(done == std::vector<int>(20, 1));
}

TEST_CASE("work is cut for the threads that there are") {
  test::backwards const three;
  test::backwards const one{1};
  test::odd_first const unknown;
  CHECK(on<scalar>(three).pieces(1000) == 12);
  CHECK(on<scalar>(three).pieces(5) == 5);
  CHECK(on<scalar>(one).pieces(1000) == 1);
  CHECK(on<scalar>().pieces(1000) == 1);
  CHECK(on<scalar>(unknown).pieces(1000) == 16);
  CHECK(on<scalar>(unknown).pieces(3) == 3);
}

TEST_CASE("scratch memory is the default resource or the given one") {
  test::counting_memory memory;
  CHECK(on<scalar>().memory() == std::pmr::get_default_resource());
  CHECK(on<scalar>().scratch(memory).memory() == &memory);
}

TEST_CASE("a scratch block hands out aligned parts and gives its memory back") {
  using scratch_type = detail::scratch_block<scalar>;
  test::counting_memory memory;
  {
    scratch_type block(&memory, scratch_type::bytes<float>(3) + scratch_type::bytes<std::int8_t>(65));
    auto* const a = block.take<float>(3);
    auto* const b = block.take<std::int8_t>(65);
    CHECK(reinterpret_cast<std::uintptr_t>(a) % 64 == 0);
    CHECK(reinterpret_cast<std::byte*>(b) - reinterpret_cast<std::byte*>(a) == 64);
    CHECK(memory.bytes_held == 64 + 128);
  }
  CHECK(memory.bytes_held == 0);
  CHECK(scratch_type::bytes<float>(16) == 64);
  CHECK(scratch_type::bytes<float>(17) == 128);
}
