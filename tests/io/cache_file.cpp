// SPDX-License-Identifier: MIT
#include "octavo/io/cache_file.hpp"

#include "octavo/quant/schemes.hpp"

#include "support/books.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cstring>
#include <limits>
#include <string>
#include <vector>

using namespace octavo;
using schemes::k4;
using schemes::k8;

namespace {

template <class Cache>
void fill(Cache& cache, octavo::index n, std::uint64_t seed) {
  auto const& s = cache.shape();
  auto const k = test::values(s.kv_heads * n * s.head_dim, seed);
  auto const v = test::values(s.kv_heads * n * s.value_head_dim, seed + 1);
  cache.append(
      heads_view<float const>(k.data(), s.head_dim, s.kv_heads, n, n * s.head_dim, s.head_dim),
      heads_view<float const>(v.data(), s.value_head_dim, s.kv_heads, n, n * s.value_head_dim, s.value_head_dim));
}

template <class Cache>
std::string refusal(std::vector<std::byte> const& bytes, Cache& cache) {
  std::string error;
  auto const before = io::cache_bytes(cache);
  CHECK_FALSE(io::load_cache(bytes, cache, error));
  CHECK(io::cache_bytes(cache) == before);
  return error;
}

}  // namespace

TEST_CASE("a cache comes back from its bytes, into any blocks") {
  kv_cache<k4, k8> cache({.head_dim = 70, .kv_heads = 2, .capacity = 300, .value_head_dim = 33, .block = 128});
  fill(cache, 150, 1);
  auto const bytes = io::cache_bytes(cache);
  kv_cache<k4, k8> other({.head_dim = 70, .kv_heads = 2, .capacity = 150, .value_head_dim = 33, .block = 64});
  fill(other, 20, 3);
  std::string error;
  CHECK(io::load_cache(bytes, other, error));
  CHECK(error.empty());
  CHECK(other.tokens() == 150);
  CHECK(io::cache_bytes(other) == bytes);
  int wrong = 0;
  for (octavo::index t = 0; t < 150; ++t) {
    for (octavo::index c = 0; c < 70; ++c) { wrong += cache.keys()(1, t, c) == other.keys()(1, t, c) ? 0 : 1; }
    for (octavo::index c = 0; c < 33; ++c) { wrong += cache.values()(1, t, c) == other.values()(1, t, c) ? 0 : 1; }
  }
  CHECK(wrong == 0);
}

TEST_CASE("bytes of a cache say nothing of what was truncated") {
  kv_cache<k8, k4> direct({.head_dim = 12, .capacity = 200});
  fill(direct, 90, 5);
  kv_cache<k8, k4> after({.head_dim = 12, .capacity = 200});
  fill(after, 90, 5);
  fill(after, 30, 6);
  after.truncate(90);
  CHECK(io::cache_bytes(direct) == io::cache_bytes(after));
  after.truncate(0);
  CHECK(io::cache_bytes(after).size() ==
        64 + std::string("int8 x f16, per_row(uint4 - zero) x f16, per_group<64>").size());
}

TEST_CASE("a cache with open keys comes back from its bytes, and goes on as it would have") {
  using octavo::schemes::k2;
  using octavo::schemes::v2;
  kv_cache<k2, v2> cache({.head_dim = 17, .kv_heads = 2, .capacity = 200});
  fill(cache, 90, 1);
  fill(cache, 90, 2);
  cache.truncate(110);  // 14 tokens of a closed group are open again
  auto const bytes = io::cache_bytes(cache);
  kv_cache<k2, v2> other({.head_dim = 17, .kv_heads = 2, .capacity = 200, .block = 64});
  fill(other, 64, 3);
  std::string error;
  CHECK(io::load_cache(bytes, other, error));
  CHECK(error.empty());
  CHECK(io::cache_bytes(other) == bytes);
  fill(cache, 40, 4);
  fill(other, 40, 4);
  CHECK(io::cache_bytes(other) == io::cache_bytes(cache));

  kv_cache<k2, v2> direct({.head_dim = 17, .kv_heads = 2, .capacity = 200});
  fill(direct, 90, 1);
  auto const open = io::cache_bytes(direct);
  fill(direct, 3, 9);
  direct.truncate(90);
  CHECK(io::cache_bytes(direct) == open);
  auto short_file = open;
  short_file.resize(short_file.size() - 4);
  CHECK(refusal(short_file, other).find("truncated, or was changed") != std::string::npos);
  kv_cache<scheme<k2::quantizer, per_channel_group<64>>, v2> wider({.head_dim = 17, .kv_heads = 2, .capacity = 200});
  CHECK(refusal(open, wider).find("'uint2 x f16 + minimum, per_channel_group<32, 32>'") != std::string::npos);
}

TEST_CASE("a cache with outliers comes back from its bytes, into one that keeps as many") {
  using K = with_outliers<octavo::schemes::k2, 1>;
  using V = with_outliers<k4, 2>;
  kv_cache<K, V> cache({.head_dim = 17, .kv_heads = 2, .capacity = 200});
  fill(cache, 90, 1);
  auto const bytes = io::cache_bytes(cache);
  kv_cache<K, V> other({.head_dim = 17, .kv_heads = 2, .capacity = 200, .block = 64});
  std::string error;
  CHECK(io::load_cache(bytes, other, error));
  CHECK(error.empty());
  CHECK(io::cache_bytes(other) == bytes);
  CHECK(cache.values()(1, 89, 3) == other.values()(1, 89, 3));
  kv_cache<K, with_outliers<k4, 1>> fewer({.head_dim = 17, .kv_heads = 2, .capacity = 200});
  CHECK(refusal(bytes, fewer).find("per_group<64>, with_outliers<2>'") != std::string::npos);
  kv_cache<octavo::schemes::k2, V> none({.head_dim = 17, .kv_heads = 2, .capacity = 200});
  CHECK(refusal(bytes, none).find("per_channel_group<32, 32>, with_outliers<1>'") != std::string::npos);
}

TEST_CASE("the tables of a cache come back with its tokens, and are looked at") {
  using K = test::run_time<2, per_channel_group<32>, scale_as<f16>>;
  using V = with_outliers<test::run_time<4, per_token_group<16>>, 1>;
  cache_shape const shape{.head_dim = 17, .kv_heads = 2, .capacity = 200};
  auto const key_book = test::book_of<test::normed_2>();
  auto const value_book = test::book_of<nf4_book>();
  kv_cache<K, V> cache(shape, {.keys = key_book, .values = value_book});
  fill(cache, 90, 1);
  auto const bytes = io::cache_bytes(cache);
  kv_cache<K, V> other(shape, {.keys = test::book_of<test::book_2>(), .values = test::book_of<test::repeated_4>()});
  fill(other, 33, 2);
  auto const fork = other.fork();
  auto const of_fork = io::cache_bytes(fork);
  std::string error;
  CHECK(io::load_cache(bytes, other, error));
  CHECK(error.empty());
  CHECK(io::cache_bytes(other) == bytes);
  CHECK(io::cache_bytes(fork) == of_fork);  // its tables are its own
  CHECK(other.codebooks().keys.values.values[0] == -0.75f);
  int wrong = 0;
  for (octavo::index t = 0; t < 90; ++t) {
    for (octavo::index c = 0; c < 17; ++c) {
      wrong += cache.keys()(1, t, c) == other.keys()(1, t, c) ? 0 : 1;
      wrong += cache.values()(1, t, c) == other.values()(1, t, c) ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
  fill(cache, 40, 4);
  fill(other, 40, 4);
  CHECK(io::cache_bytes(other) == io::cache_bytes(cache));

  std::string const texts =
      "codebook<2> x f16 + minimum, per_channel_group<32, 32>codebook<4> x f32 + minimum, per_group<16>, with_outliers<1>";
  CHECK(std::memcmp(bytes.data() + 64, texts.data(), texts.size()) == 0);
  std::size_t const books = 64 + texts.size();
  CHECK(std::memcmp(bytes.data() + books, &key_book, 32) == 0);
  CHECK(std::memcmp(bytes.data() + books + 32, &value_book, 128) == 0);
  auto const changed = [&](std::size_t at, float value) {
    auto bad = bytes;
    std::memcpy(bad.data() + books + at * 4, &value, sizeof value);
    return refusal(bad, other);
  };
  CHECK(changed(1, -0.8f) == "the codebook of keys is not finite, or does not ascend");
  CHECK(changed(7, std::numeric_limits<float>::quiet_NaN()) ==
        "the codebook of keys is not finite, or does not ascend");
  CHECK(changed(8, -std::numeric_limits<float>::infinity()) ==
        "the codebook of values is not finite, or does not ascend");
  CHECK(changed(39, 0.5f) == "the codebook of values is not finite, or does not ascend");
  auto end = bytes;
  end.resize(books + 100);
  std::uint64_t const size = end.size();
  std::memcpy(end.data() + 48, &size, sizeof size);
  CHECK(refusal(end, other) == "the file ends in its codebooks");
  end.resize(books + 160);
  std::uint64_t const next_size = end.size();
  std::memcpy(end.data() + 48, &next_size, sizeof next_size);
  CHECK(refusal(end, other).find("the file has 0 bytes of tokens") == 0);

  kv_cache<test::compile_time<test::normed_2, per_channel_group<32>, scale_as<f16>>, V> fixed(shape,
                                                                                              {.values = value_book});
  CHECK(refusal(bytes, fixed).find("the file has keys as 'codebook<2> x f16 + minimum, per_channel_group<32, 32>'") ==
        0);
}

TEST_CASE("a cache with first tokens in float comes back from its bytes") {
  using K = first_in_float<octavo::schemes::k2, 3>;
  using V = first_in_float<k4, 15>;
  for (octavo::index const n : {0, 2, 9, 90}) {
    kv_cache<K, V> cache({.head_dim = 17, .kv_heads = 2, .capacity = 200, .value_head_dim = 5});
    fill(cache, n, 1);
    auto const bytes = io::cache_bytes(cache);
    kv_cache<K, V> other({.head_dim = 17, .kv_heads = 2, .capacity = 200, .value_head_dim = 5, .block = 64});
    fill(other, 64, 3);
    std::string error;
    CHECK(io::load_cache(bytes, other, error));
    CHECK(io::cache_bytes(other) == bytes);
    fill(cache, 40, 4);
    fill(other, 40, 4);
    CHECK(io::cache_bytes(other) == io::cache_bytes(cache));
    int wrong = 0;
    for (octavo::index t = 0; t < cache.tokens(); ++t) {
      wrong += cache.keys()(1, t, 3) == other.keys()(1, t, 3) ? 0 : 1;
      wrong += cache.values()(1, t, 3) == other.values()(1, t, 3) ? 0 : 1;
    }
    CHECK(wrong == 0);
    auto short_file = bytes;
    short_file.resize(bytes.size() - 4);
    CHECK(refusal(short_file, other).find("truncated, or was changed") != std::string::npos);
    kv_cache<octavo::schemes::k2, V> none({.head_dim = 17, .kv_heads = 2, .capacity = 200, .value_head_dim = 5});
    CHECK(refusal(bytes, none).find("per_channel_group<32, 32>, first_in_float<3>'") != std::string::npos);
  }
}

TEST_CASE("bytes that are no such cache are refused, each with a sentence") {
  kv_cache<k8, k8> cache({.head_dim = 16, .kv_heads = 2, .capacity = 100});
  fill(cache, 70, 7);
  auto const good = io::cache_bytes(cache);
  auto const changed = [&](std::size_t at, auto value) {
    auto bad = good;
    std::memcpy(bad.data() + at, &value, sizeof value);
    return refusal(bad, cache);
  };
  CHECK(changed(0, 'x') == "this is no file of a cache, or one of a newer version");
  CHECK(changed(8, 0x04030201) == "the file has another byte order");
  CHECK(changed(12, 7).find("panel64_v7") != std::string::npos);
  CHECK(changed(16, std::int64_t{17}) == "the file has head_dim 17, the cache 16");
  CHECK(changed(24, std::int64_t{-1}) == "the file has value_head_dim -1, the cache 16");
  CHECK(changed(32, std::int64_t{1} << 62).find("the file has kv_heads") == 0);
  CHECK(changed(40, std::int64_t{101}) == "the file has 101 tokens, but the capacity of the cache is 100");
  CHECK(changed(40, std::int64_t{-1}).find("the file has -1 tokens") == 0);
  CHECK(changed(40, std::int64_t{64}).find("but 64 tokens need") != std::string::npos);
  CHECK(changed(48, std::uint64_t{1}).find("truncated, or was changed") != std::string::npos);
  CHECK(changed(56, 0xffffffffu) == "the file ends in the names of its schemes");
  CHECK(changed(60, 3u).find("values as 'int', the cache stores 'int8 x f16, per_row'") != std::string::npos);
  CHECK(changed(64, 'I').find("keys as 'Int8 x f16") != std::string::npos);
  for (std::size_t n = 0; n < good.size(); n += n < 200 ? 1 : 997) {
    CHECK_FALSE(refusal({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n)}, cache).empty());
  }
  kv_cache<k8, k4> of_others({.head_dim = 16, .kv_heads = 2, .capacity = 100});
  CHECK(refusal(good, of_others).find("the file has values as") == 0);
}
