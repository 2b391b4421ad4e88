// SPDX-License-Identifier: MIT
#include "octavo/storage/block_pool.hpp"

#include "octavo/quant/schemes.hpp"
#include "octavo/storage/kv_cache.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/random.hpp"

#include <optional>
#include <thread>
#include <vector>

using namespace octavo;
using schemes::k8;

namespace {

using cache = kv_cache<k8, k8, block_pool>;
constexpr cache_shape shape{.head_dim = 8, .kv_heads = 2, .capacity = 1000, .block = 64};

void append(cache& c, octavo::index n, std::uint64_t seed) {
  auto const x = test::values(n * 16, seed);
  heads_view<float const> const tokens(x.data(), 8, 2, n, 8, 16);
  c.append(tokens, tokens);
}

}  // namespace

TEST_CASE("sequences of different lengths share a pool") {
  block_pool pool(cache::allocation_bytes(shape), 7);
  CHECK(pool.block_bytes() == cache(shape, &pool).block_bytes() + 64);
  CHECK(pool.free_blocks() == 7);
  cache first(shape, &pool);
  cache second(shape, &pool);
  append(first, 100, 1);
  append(second, 3, 2);
  CHECK(pool.free_blocks() == 4);
  {
    auto fork = first.fork();
    CHECK(pool.free_blocks() == 4);
    append(fork, 1, 3);
    CHECK(pool.free_blocks() == 3);
  }
  CHECK(pool.free_blocks() == 4);
  // What is beside them does not matter.
  kv_cache<k8, k8> alone(shape);
  auto const x = test::values(100 * 16, 1);
  heads_view<float const> const tokens(x.data(), 8, 2, 100, 8, 16);
  alone.append(tokens, tokens);
  int wrong = 0;
  for (octavo::index i = 0; i < 100 * 16; ++i) {
    wrong += alone.keys()(i / 8 % 2, i / 16, i % 8) == first.keys()(i / 8 % 2, i / 16, i % 8) ? 0 : 1;
  }
  CHECK(wrong == 0);
  first.truncate(0);
  CHECK(pool.free_blocks() == 6);
}

TEST_CASE("a pool that is empty refuses, and the cache stays as it was") {
  block_pool pool(cache::allocation_bytes(shape), 2);
  std::optional<cache> first(std::in_place, shape, &pool);
  cache second(shape, &pool);
  append(*first, 64, 1);
  append(second, 1, 2);
  CHECK(test::error_of([&] { append(*first, 1, 3); }).find("block_pool: all blocks are taken 2") == 0);
  CHECK(first->tokens() == 64);
  first.reset();
  append(second, 64, 4);
  CHECK(second.tokens() == 65);
  CHECK(pool.free_blocks() == 0);
  auto fork = second.fork();
  CHECK(test::error_of([&] { append(fork, 1, 5); }) != "no error");
  CHECK(test::error_of([&] { fork.drop(1, 2); }) != "no error");  // it would need a copy
  CHECK(fork.tokens() == 65);
  fork.drop(64, 1);

  block_pool small(64, 2);
  CHECK(test::error_of([&] {
          cache c(shape, &small);
          append(c, 1, 1);
        }).find("block_pool: a block has bytes 64, a cache asks for") == 0);
  CHECK(test::error_of([] { block_pool p(-1, 1); }) != "no error");
  CHECK(test::error_of([] { block_pool p(1, -1); }) != "no error");
  CHECK(test::error_of([] { block_pool p(octavo::index{1} << 40, octavo::index{1} << 40); }) != "no error");
  CHECK(block_pool(1, 0).free_blocks() == 0);
}

TEST_CASE("threads take from a pool at once") {
  block_pool pool(cache::allocation_bytes(shape), 32);
  auto const work = [&pool](std::uint64_t seed) {
    for (int round = 0; round < 50; ++round) {
      cache c(shape, &pool);
      append(c, 500, seed);
      c.truncate(100);
      append(c, 400, seed);
    }
  };
  std::thread other([&] { work(1); });
  work(2);
  other.join();
  CHECK(pool.free_blocks() == 32);
}
