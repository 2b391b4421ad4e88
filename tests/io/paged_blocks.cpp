// SPDX-License-Identifier: MIT
#include "octavo/io/paged_blocks.hpp"

#include "octavo/quant/schemes.hpp"

#include "support/books.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/files.hpp"
#include "support/random.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <type_traits>
#include <unistd.h>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

constexpr cache_shape shape{.head_dim = 20, .kv_heads = 2, .capacity = 640, .block = 64};

std::string path_of(char const* name) {
  return (std::filesystem::temp_directory_path() / (name + std::to_string(::getpid()))).string();
}
template <class Cache>
void append(Cache& cache, octavo::index n, std::uint64_t seed) {
  auto const x = test::values(n * 40, seed);
  heads_view<float const> const tokens(x.data(), 20, 2, n, 20, 40);
  cache.append(tokens, tokens);
}
template <class Memory>
using cache_in = kv_cache<k4, v8, Memory>;
template <class Memory>
io::paged_shape shape_of(octavo::index blocks, octavo::index resident) {
  return {cache_in<Memory>::allocation_bytes(shape), blocks, resident};
}

/// A text that comes in pieces, blocks that are read in any order, forks, drops: the bytes are those of a cache on the
/// heap.
template <class Policy>
void check_bytes(octavo::index resident) {
  using memory = io::paged_blocks<Policy>;
  std::string error;
  auto const blocks = memory::create(path_of("octavo_tiers"), shape_of<memory>(16, resident), error);
  REQUIRE(blocks);
  cache_in<memory> cache(shape, blocks.get());
  cache_in<heap_blocks> plain(shape);
  test::random next(3);
  for (int round = 0; round < 40; ++round) {
    octavo::index const n = next.below(90);
    if (n > 640 - plain.tokens()) {
      auto const first = next.below(100);
      cache.drop(first, 320);
      plain.drop(first, 320);
    }
    append(cache, n, static_cast<std::uint64_t>(round));
    append(plain, n, static_cast<std::uint64_t>(round));
    octavo::index const count = ceil_div(cache.tokens(), octavo::index{64});
    for (int i = 0; i < 10 && count > 0; ++i) {
      auto const* const b = cache.block(next.below(count));
      bool const there = blocks->holds(b);
      CHECK(blocks->request(b, next.below(2) == 0) == !there);
    }
    octavo::index held = 0;
    for (octavo::index b = 0; b < count; ++b) { held += blocks->holds(cache.block(b)) ? 1 : 0; }
    CHECK(held <= resident);
    if (round % 7 == 0) { blocks->settle(); }
    auto fork = cache.fork();
    if (n > 0) { append(fork, smaller(n, 640 - fork.tokens()), 77); }
  }
  CHECK(io::cache_bytes(cache) == io::cache_bytes(plain));
  CHECK(blocks->requests() > 300);
  CHECK(blocks->faults() > 0);
  CHECK(blocks->evictions() >= blocks->faults());
  CHECK(blocks->free_blocks() == 16 - ceil_div(cache.tokens(), octavo::index{64}));
}

}  // namespace

TEST_CASE("a cache whose blocks leave and come back has the bytes of one that stays in memory") {
  check_bytes<io::lru_pages>(3);
  check_bytes<io::flush_0_pages>(4);
  check_bytes<io::held_to_lru<io::flush_0_pages>>(2);
  check_bytes<io::mark_0_pages<>>(1);
  check_bytes<io::mark_predict_pages<>>(5);
}

TEST_CASE("a text that is read again and again: predictions keep what LRU loses") {
  std::string error;
  auto const faults = [&](auto policy, bool bits) {
    using memory = io::paged_blocks<typename decltype(policy)::type>;
    auto const blocks = memory::create(path_of("octavo_tiers"), shape_of<memory>(10, 7), error);
    REQUIRE(blocks);
    cache_in<memory> cache(shape, blocks.get());
    append(cache, 640, 1);
    octavo::index const before = blocks->faults();
    for (int step = 0; step < 20; ++step) {
      for (octavo::index b = 0; b < 10; ++b) { (void)blocks->request(cache.block(b), bits && b >= 6); }
    }
    return blocks->faults() - before;
  };
  // Each step reads all 10 blocks: LRU loses each just before it comes; 6 can stay.
  CHECK(faults(std::type_identity<io::lru_pages>{}, false) == 200);
  CHECK(faults(std::type_identity<io::flush_0_pages>{}, true) <= 90);
  CHECK(faults(std::type_identity<io::mark_0_pages<>>{}, true) <= 90);
}

TEST_CASE("memory in two tiers refuses what it has no room for") {
  using memory = io::paged_blocks<io::lru_pages>;
  std::string error;
  auto const blocks = memory::create(path_of("octavo_tiers"), shape_of<memory>(2, 1), error);
  REQUIRE(blocks);
  cache_in<memory> cache(shape, blocks.get());
  append(cache, 128, 1);
  auto const before = io::cache_bytes(cache);
  CHECK(test::error_of([&] { append(cache, 1, 1); }).find("paged_blocks: all blocks are taken 2") == 0);
  CHECK(io::cache_bytes(cache) == before);
  cache.truncate(64);
  append(cache, 1, 1);
  auto const small = memory::create(path_of("octavo_tiers"), {64, 2, 1}, error);
  REQUIRE(small);
  CHECK(test::error_of([&] {
          cache_in<memory> c(shape, small.get());
          append(c, 1, 1);
        }).find("a cache asks for") != std::string::npos);
  for (io::paged_shape const bad :
       {io::paged_shape{0, 1, 1}, io::paged_shape{1, 0, 1}, io::paged_shape{1, 1, 0},
        io::paged_shape{octavo::index{1} << 40, 1, 1}, io::paged_shape{1, octavo::index{1} << 40, 1}}) {
    CHECK_FALSE(memory::create(path_of("octavo_tiers"), bad, error));
    CHECK(error.find("paged_blocks needs blocks") == 0);
  }
}

TEST_CASE("a saved cache with codebooks comes back into one that has the same") {
  using memory = io::paged_blocks<io::lru_pages>;
  using K = test::run_time<2, per_channel_group<32>, scale_as<f16>>;
  using V = test::run_time<4, per_token>;
  using cache_type = kv_cache<K, V, memory>;
  std::string error;
  auto const path = path_of("octavo_books");
  io::paged_shape const blocks_shape{cache_type::allocation_bytes(shape), 8, 2};
  cache_codebooks<K, V> const books{.keys = test::book_of<test::book_2>(), .values = test::book_of<nf4_book>()};
  std::vector<std::byte> expected;
  {
    auto const blocks = memory::create(path, blocks_shape, error, false);
    REQUIRE(blocks);
    cache_type cache(shape, books, blocks.get());
    append(cache, 160, 1);
    expected = io::cache_bytes(cache);
    REQUIRE(blocks->save(cache, error));
  }
  {
    auto const blocks = memory::open(path, blocks_shape, error);
    REQUIRE(blocks);
    cache_type other(shape, {.keys = test::book_of<test::normed_2>(), .values = books.values}, blocks.get());
    CHECK_FALSE(blocks->load(other, error));
    CHECK(error.find("the file stores 'codebook<2> x f16") == 0);
    cache_type cache(shape, books, blocks.get());
    REQUIRE(blocks->load(cache, error));
    CHECK(io::cache_bytes(cache) == expected);
  }
  std::remove(path.c_str());
}

TEST_CASE("a saved cache comes back from its file, and broken files are refused") {
  using memory = io::paged_blocks<io::lru_pages>;
  auto const path = path_of("octavo_saved_tiers");
  std::string error;
  std::vector<std::byte> expected;
  {
    auto const blocks = memory::create(path, shape_of<memory>(8, 2), error, false);
    REQUIRE(blocks);
    cache_in<memory> cache(shape, blocks.get());
    append(cache, 400, 1);
    cache.drop(5, 128);  // blocks are in another order now
    append(cache, 30, 2);
    expected = io::cache_bytes(cache);
    REQUIRE(blocks->save(cache, error));
    CHECK_FALSE(memory::open(path, shape_of<memory>(8, 2), error));
    CHECK(error == path + " is in use");
  }
  auto const good = test::read_file(path);
  {
    auto const blocks = memory::open(path, shape_of<memory>(8, 3), error);
    REQUIRE(blocks);
    cache_in<memory> cache(shape, blocks.get());
    REQUIRE(blocks->load(cache, error));
    CHECK(io::cache_bytes(cache) == expected);
    CHECK(blocks->free_blocks() == 3);
    append(cache, 64, 3);
    CHECK(cache.tokens() == 366);
    cache_in<memory> other(shape, blocks.get());
    CHECK_FALSE(blocks->load(other, error));
    CHECK(error.find("taken already") != std::string::npos);
  }
  auto const refusal = [&](std::function<void(std::string&)> const& change) -> std::string {
    auto text = good;
    change(text);
    std::ofstream(path, std::ios::binary) << text;
    error.clear();
    auto const blocks = memory::open(path, shape_of<memory>(8, 2), error);
    if (!blocks) { return error; }
    cache_in<memory> cache(shape, blocks.get());
    append(cache, 0, 1);
    if (blocks->load(cache, error)) { return "loaded"; }
    CHECK(cache.tokens() == 0);
    CHECK(blocks->free_blocks() == 8);
    return error;
  };
  auto const set = [](std::size_t at, auto value) {
    return [at, value](std::string& text) { std::memcpy(text.data() + at, &value, sizeof value); };
  };
  using std::int64_t;
  using std::uint32_t;
  CHECK(refusal([](std::string&) {}) == "loaded");
  CHECK(refusal([](std::string& t) { t.resize(t.size() - 1); }).find("it is truncated") != std::string::npos);
  CHECK(refusal([](std::string& t) { t.clear(); }).find("has 0 bytes") != std::string::npos);
  CHECK(refusal([](std::string& t) { t += "x"; }).find("truncated, or of another cache") != std::string::npos);
  CHECK(refusal(set(0, 'x')).find("no file of the blocks") != std::string::npos);
  CHECK(refusal(set(8, uint32_t{0x04030201})).find("byte order") != std::string::npos);
  CHECK(refusal(set(12, uint32_t{99})).find("panel64_v 99") != std::string::npos);
  CHECK(refusal(set(16, int64_t{1})).find("blocks of bytes 1,") != std::string::npos);
  CHECK(refusal(set(24, int64_t{21})) == "the file has head_dim 21, the cache 20");
  CHECK(refusal(set(32, int64_t{-1})) == "the file has value_head_dim -1, the cache 20");
  CHECK(refusal(set(40, int64_t{3})) == "the file has kv_heads 3, the cache 2");
  CHECK(refusal(set(48, int64_t{128})) == "the file has blocks of tokens 128, the cache 64");
  for (int64_t const tokens : {int64_t{-1}, int64_t{641}, int64_t{1} << 62}) {
    CHECK(refusal(set(56, tokens)).find("the file has tokens") == 0);
  }
  CHECK(refusal(set(56, int64_t{640})) == "the file has blocks 10, the cache 8");
  CHECK(refusal(set(64, 'X')).find("the file stores 'X") == 0);
  CHECK(refusal([](std::string& t) { std::fill_n(t.begin() + 64, 448, 'y'); }).find("the file stores 'yyy") == 0);
  CHECK(refusal(set(512, uint32_t{8})) == "the file names block 8, which is not there, or is there twice");
  CHECK(refusal(set(512, uint32_t{0xffffffff})).find("4294967295") != std::string::npos);
  CHECK(refusal([](std::string& t) { t.replace(516, 4, t.substr(512, 4)); }).find("there twice") !=
        std::string::npos);
  CHECK(refusal([](std::string& t) { std::fill(t.begin() + 65536, t.end(), '\xff'); }) == "loaded");
  std::remove(path.c_str());
}
