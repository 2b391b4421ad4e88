// SPDX-License-Identifier: MIT
#include "octavo/storage/kv_cache.hpp"

#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/bits.hpp"
#include "support/caches.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/executors.hpp"
#include "support/random.hpp"

#include <utility>
#include <vector>

using namespace octavo;
using schemes::k4;
using schemes::k8;
using test::contents;

namespace {

/// [head][token][channel]
struct tokens {
  octavo::index heads, count, head_dim, value_dim;
  std::vector<float> k, v;

  tokens(octavo::index h, octavo::index n, octavo::index d, octavo::index e, std::uint64_t seed)
      : heads(h),
        count(n),
        head_dim(d),
        value_dim(e),
        k(test::values(h * n * d, seed)),
        v(test::values(h * n * e, seed + 1)) {}
  [[nodiscard]] heads_view<float const> keys(octavo::index first, octavo::index n) const {
    return {k.data() + first * head_dim, head_dim, heads, n, count * head_dim, head_dim};
  }
  [[nodiscard]] heads_view<float const> values(octavo::index first, octavo::index n) const {
    return {v.data() + first * value_dim, value_dim, heads, n, count * value_dim, value_dim};
  }
  template <class Cache>
  void append_to(Cache& cache, octavo::index first, octavo::index n) const {
    cache.append(keys(first, n), values(first, n));
  }
};

template <class K, class V>
void check_ways(octavo::index d, octavo::index e, octavo::index block) {
  tokens const t(2, 200, d, e, 1);
  cache_shape const shape{.head_dim = d, .kv_heads = 2, .capacity = 200, .value_head_dim = e, .block = block};
  kv_cache<K, V> at_once(shape);
  t.append_to(at_once, 0, 200);
  CHECK(at_once.tokens() == 200);
  auto const expected = contents(at_once);

  kv_cache<K, V> one_by_one(shape);
  for (octavo::index i = 0; i < 200; ++i) { t.append_to(one_by_one, i, 1); }
  CHECK(contents(one_by_one) == expected);

  kv_cache<K, V> truncated(shape);
  t.append_to(truncated, 0, 70);
  t.append_to(truncated, 130, 65);  // others, which go away
  truncated.truncate(67);
  t.append_to(truncated, 67, 0);
  t.append_to(truncated, 67, 133);
  CHECK(contents(truncated) == expected);

  auto fork = at_once.fork();
  CHECK(contents(fork) == expected);
  fork.truncate(100);
  t.append_to(fork, 0, 50);
  CHECK(contents(at_once) == expected);  // a copy was changed
  fork.truncate(100);
  t.append_to(fork, 100, 100);
  CHECK(contents(fork) == expected);
}

}  // namespace

TEST_CASE("a cache holds the same bits however its tokens came") {
  check_ways<k8, k8>(16, 16, 64);
  check_ways<k4, k4>(80, 65, 128);
  check_ways<k8, k4>(3, 128, 512);
  check_ways<float, f16>(5, 7, 64);
  using nvfp4 = scheme<symmetric<e2m1, scale_as<ue4m3>>, per_token_group<16>>;  // less the scale of a tensor
  check_ways<nvfp4, nvfp4>(33, 16, 64);
}

TEST_CASE("a cache quantizes each token of each head alone") {
  tokens const t(3, 66, 70, 40, 4);
  kv_cache<k4, k8> cache({.head_dim = 70, .kv_heads = 3, .capacity = 100, .value_head_dim = 40});
  t.append_to(cache, 0, 66);
  int wrong = 0;
  for (octavo::index h = 0; h < 3; ++h) {
    for (octavo::index i = 0; i < 66; ++i) {
      float const* const k = t.k.data() + (h * 66 + i) * 70;
      for (octavo::index c = 0; c < 70; ++c) {
        auto const p = k4::quantizer::calibrate(c < 64 ? std::span(k, 64) : std::span(k + 64, 6));
        wrong += cache.keys()(h, i, c) == k4::quantizer::decode(k4::quantizer::encode(k[c], p), p) ? 0 : 1;
      }
      float const* const v = t.v.data() + (h * 66 + i) * 40;
      auto const p = k8::quantizer::calibrate({v, 40});
      for (octavo::index c = 0; c < 40; ++c) {
        wrong += cache.values()(h, i, c) == k8::quantizer::decode(k8::quantizer::encode(v[c], p), p) ? 0 : 1;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("memory of a cache comes with its tokens, goes with them, and is shared by forks") {
  test::counting_memory memory;
  {
    using cache_type = kv_cache<k8, k8, std::pmr::memory_resource>;
    tokens const t(2, 300, 8, 8, 5);
    cache_type cache({.head_dim = 8, .kv_heads = 2, .capacity = 100000, .block = 64}, &memory);
    CHECK(memory.allocations == 0);
    t.append_to(cache, 0, 1);
    CHECK(memory.allocations == 1);
    CHECK(cache.bytes() == cache.block_bytes());
    t.append_to(cache, 1, 63);
    CHECK(memory.allocations == 1);
    t.append_to(cache, 64, 136);
    CHECK(memory.allocations == 4);
    auto const held = memory.bytes_held;
    auto fork = cache.fork();
    CHECK(memory.bytes_held == held);
    CHECK(cache.block_users(3) == 2);
    t.append_to(fork, 200, 1);  // its last block is not full
    CHECK(memory.allocations == 5);
    CHECK(cache.block_users(3) == 1);
    CHECK(cache.block_users(2) == 2);
    CHECK(cache.block(2) == fork.block(2));
    cache.truncate(0);
    CHECK(fork.block_users(0) == 1);
    cache = std::move(fork);
    CHECK(fork.tokens() == 0);
    CHECK(cache.tokens() == 201);
    cache_type const moved(std::move(cache));
    CHECK(moved.tokens() == 201);
    CHECK(cache.tokens() == 0);
    CHECK(memory.bytes_held == held);
  }
  CHECK(memory.bytes_held == 0);
}

TEST_CASE("a small cache takes no more than its capacity") {
  kv_cache<k8, k8> cache({.head_dim = 8, .capacity = 70});
  CHECK(cache.shape().block == 128);
  CHECK(kv_cache<k8, k8>({.head_dim = 8, .capacity = 0}).shape().block == 64);
}

TEST_CASE("a cache refuses what does not fit and stays as it was") {
  using test::error_of;
  tokens const t(2, 10, 8, 6, 6);
  kv_cache<k8, k4> cache({.head_dim = 8, .kv_heads = 2, .capacity = 12, .value_head_dim = 6});
  t.append_to(cache, 0, 10);
  auto const before = contents(cache);
  CHECK(error_of([&] { t.append_to(cache, 0, 3); }) ==
        "kv_cache::append: there is room for tokens 2, given are 3. Truncate, or make a cache of more capacity.");
  CHECK(error_of([&] { cache.append(t.values(0, 1), t.values(0, 1)); }) ==
        "kv_cache::append: keys have head_dim 6, the cache 8. They must be equal.");
  CHECK(error_of([&] { cache.append(t.keys(0, 1), t.keys(0, 1)); }) ==
        "kv_cache::append: values have head_dim 8, the cache 6. They must be equal.");
  CHECK(error_of([&] { cache.append(t.keys(0, 2), t.values(0, 1)); }) ==
        "kv_cache::append: keys have tokens 2, values 1. They must be equal.");
  tokens const other(3, 1, 8, 6, 7);
  CHECK(error_of([&] { other.append_to(cache, 0, 1); }) ==
        "kv_cache::append: keys have heads 3, the cache 2. They must be equal.");
  CHECK(error_of([&] { cache.truncate(11); }) ==
        "kv_cache::truncate: tokens to stay are 11, the cache has 10. Pass 0 to as many as it has.");
  CHECK(error_of([&] { cache.truncate(-1); }).find("tokens to stay are -1") != std::string::npos);
  CHECK(contents(cache) == before);

  CHECK(error_of([] { kv_cache<k8, k8> c({.head_dim = -1}); }).find("head_dim is -1") != std::string::npos);
  CHECK(error_of([] { kv_cache<k8, k8> c({.head_dim = 8, .capacity = -1}); }).find("capacity is -1") !=
        std::string::npos);
  CHECK(error_of([] { kv_cache<k8, k8> c({.head_dim = 8, .capacity = 200, .block = 100}); }) ==
        "kv_cache: a block has tokens 100, pages have 64. Pass a multiple of 64.");
  CHECK(error_of([] {
          kv_cache<k8, k8> c({.head_dim = octavo::index{1} << 40, .kv_heads = octavo::index{1} << 40, .capacity = 1});
        }).find("overflows") != std::string::npos);
  CHECK(error_of([] { kv_cache<k8, k8, std::pmr::memory_resource> c({.head_dim = 8}); }).find("is null") !=
        std::string::npos);
}

TEST_CASE("a cache of no channels, no heads, no tokens") {
  kv_cache<k8, f16> empty({.head_dim = 0, .kv_heads = 2, .capacity = 3});
  empty.append(heads_view<float const>(nullptr, 0, 2, 2, 0, 0), heads_view<float const>(nullptr, 0, 2, 2, 0, 0));
  CHECK(empty.tokens() == 2);
  kv_cache<k4, k4> none({.head_dim = 8, .kv_heads = 0, .capacity = 3});
  none.append(heads_view<float const>(nullptr, 8, 0, 3, 0, 8), heads_view<float const>(nullptr, 8, 0, 3, 0, 8));
  CHECK(none.tokens() == 3);
  none.truncate(0);
}

namespace {

/// Tokens [0, first) and [first + n, 300), appended.
template <class Cache>
Cache without(tokens const& t, cache_shape const& shape, octavo::index first, octavo::index n) {
  Cache cache(shape);
  t.append_to(cache, 0, first);
  t.append_to(cache, first + n, t.count - first - n);
  return cache;
}

template <class K, class V>
void check_drop(octavo::index d, octavo::index e, octavo::index block) {
  tokens const t(2, 300, d, e, 8);
  cache_shape const shape{.head_dim = d, .kv_heads = 2, .capacity = 300, .value_head_dim = e, .block = block};
  kv_cache<K, V> full(shape);
  t.append_to(full, 0, 300);
  auto const before = contents(full);
  struct range {
    octavo::index first, n;
  };
  for (range const r : {range{0, 1}, range{4, 64}, range{4, 128}, range{64, 64}, range{128, 128}, range{0, 256},
                        range{100, 64}, range{130, 128}, range{3, 65}, range{5, 63}, range{64, 192}, range{200, 100},
                        range{64, 100}, range{300, 0}, range{0, 300}, range{7, 0}, range{1, 298}}) {
    INFO("tokens " << r.first << " and " << r.n << " of " << d << " and " << e << " channels, blocks of " << block);
    auto cache = full.fork();
    cache.drop(r.first, r.n);
    auto const expected = without<kv_cache<K, V>>(t, shape, r.first, r.n);
    CHECK(cache.tokens() == 300 - r.n);
    CHECK(cache.bytes() == expected.bytes());
    CHECK(contents(cache) == contents(expected));
    cache.append(t.keys(0, r.n), t.values(0, r.n));
    cache.truncate(cache.tokens() - r.n);
    CHECK(contents(cache) == contents(expected));
  }
  CHECK(contents(full) == before);  // forks changed copies
}

}  // namespace

TEST_CASE("a cache that drops tokens is one that never had them") {
  for (octavo::index const block : {64, 128, 512}) { check_drop<k8, k4>(9, 66, block); }
  check_drop<k4, k8>(70, 5, 64);
  check_drop<float, f16>(3, 7, 64);
}

TEST_CASE("dropping whole blocks copies nothing, or what stands before them in theirs") {
  test::counting_memory memory;
  tokens const t(2, 300, 8, 8, 9);
  using cache_type = kv_cache<k8, k8, std::pmr::memory_resource>;
  cache_type cache({.head_dim = 8, .kv_heads = 2, .capacity = 300, .block = 64}, &memory);
  t.append_to(cache, 0, 300);
  auto const* const third = cache.block(2);
  auto const fork = cache.fork();
  int const so_far = memory.allocations;
  cache.drop(64, 64);
  CHECK(cache.block(1) == third);
  CHECK(memory.allocations == so_far);
  cache.drop(4, 64);
  CHECK(memory.allocations == so_far + 1);  // the block that gets the first 4 tokens is shared
  CHECK(fork.tokens() == 300);
  CHECK(cache.tokens() == 172);
}

TEST_CASE("drop refuses tokens that are not there") {
  tokens const t(2, 10, 8, 8, 6);
  kv_cache<k8, k8> cache({.head_dim = 8, .kv_heads = 2, .capacity = 12});
  t.append_to(cache, 0, 10);
  CHECK(test::error_of([&] { cache.drop(4, 7); }) ==
        "kv_cache::drop: the tokens that are left from the first one are 6, to be dropped are 7. Pass some of those "
        "that it has.");
  for (auto const& part : {std::pair{-1, 1}, std::pair{11, 0}, std::pair{2, -1}}) {
    CHECK(test::error_of([&] { cache.drop(part.first, part.second); }) != "no error");
  }
  CHECK(cache.tokens() == 10);
}

TEST_CASE("keys by channel are dropped by whole groups") {
  using k = scheme<affine_min<uint2, scale_as<f16>>, per_channel_group<32, 64>>;
  tokens const t(2, 300, 9, 20, 10);
  for (octavo::index const block : {64, 128}) {
    cache_shape const shape{.head_dim = 9, .kv_heads = 2, .capacity = 300, .value_head_dim = 20, .block = block};
    for (octavo::index const first : {0, 64, 128}) {
      for (octavo::index const n : {64, 128}) {
        kv_cache<k, k8> cache(shape);
        t.append_to(cache, 0, 300);
        cache.drop(first, n);
        CHECK(contents(cache) == contents(without<kv_cache<k, k8>>(t, shape, first, n)));
      }
    }
    kv_cache<k, k8> cache(shape);
    t.append_to(cache, 0, 300);
    for (auto const& part : {std::pair{63, 64}, std::pair{64, 65}, std::pair{32, 128}}) {
      CHECK(test::error_of([&] {
              cache.drop(part.first, part.second);
            }).find("multiples of the residual and of 64") != std::string::npos);
    }
    CHECK(cache.tokens() == 300);
  }
}
