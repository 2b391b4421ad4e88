// SPDX-License-Identifier: MIT
// Caches whose codes mean what a table says that is known when they run: the bits of tables known at compile time.
#include "octavo/storage/cache_codebooks.hpp"

#include "octavo/quant/schemes.hpp"
#include "octavo/storage/kv_cache.hpp"

#include "support/bits.hpp"
#include "support/books.hpp"
#include "support/caches.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/executors.hpp"
#include "support/random.hpp"

#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

using namespace octavo;
using test::book_of;
using test::compile_time;
using test::contents;
using test::run_time;

namespace {

constexpr octavo::index heads = 2;
constexpr octavo::index all = 200;

cache_shape shape_of(octavo::index d) { return {.head_dim = d, .kv_heads = heads, .capacity = all, .block = 64}; }

/// Granularities of keys and of values, tables of both, an option of their scales.
template <class KG, class VG, class KBook, class VBook, class Option, int Outliers = 0>
void check_bits(octavo::index d) {
  constexpr int kb = codebook_format<KBook>::bits;
  constexpr int vb = codebook_format<VBook>::bits;
  using K = run_time<kb, KG, Option>;
  using V = run_time<vb, VG, Option>;
  using EK = compile_time<KBook, KG, Option>;
  using EV = compile_time<VBook, VG, Option>;
  test::head_tokens const t{all, d};
  auto const put = [&](auto& cache) {
    t.append_to(cache, 0, 70);
    t.append_to(cache, 110, 31);
    cache.truncate(70);
    for (octavo::index i = 70; i < 80; ++i) { t.append_to(cache, i, 1); }
    t.append_to(cache, 80, all - 80);
  };
  INFO(d << " channels, " << kb << " and " << vb << " bits");
  auto const check = [&](auto& cache, auto& expected) {
    put(cache);
    put(expected);
    CHECK(contents(cache) == contents(expected));
    CHECK(cache.block_bytes() == expected.block_bytes());
    cache.drop(64, 64);
    expected.drop(64, 64);
    CHECK(contents(cache) == contents(expected));
    auto const add_one = [](float* x) { x[0] += 1; };
    cache.change_keys(64, add_one);
    expected.change_keys(64, add_one);
    CHECK(contents(cache) == contents(expected));
  };
  if constexpr (Outliers == 0) {
    kv_cache<K, V> cache(shape_of(d), {.keys = book_of<KBook>(), .values = book_of<VBook>()});
    kv_cache<EK, EV> expected(shape_of(d));
    check(cache, expected);
  } else {
    kv_cache<with_outliers<K, Outliers>, with_outliers<V, Outliers>> cache(
        shape_of(d), {.keys = book_of<KBook>(), .values = book_of<VBook>()});
    kv_cache<with_outliers<EK, Outliers>, with_outliers<EV, Outliers>> expected(shape_of(d));
    check(cache, expected);
  }
}

using nuq2 = run_time<2, per_channel_group<32>, scale_as<f16>>;
using nuq4 = run_time<4, per_token_group<16>, scale_as<f16>>;

}  // namespace

TEST_CASE("tables known when a cache is made give the bits of tables known at compile time") {
  for (octavo::index const d : {1, 5, 65}) {
    check_bits<per_channel_group<32>, per_token_group<16>, test::book_2, nf4_book, scale_as<f16>>(d);
    check_bits<per_token, per_token, nf4_book, test::book_2, scale_as<bf16>>(d);
    check_bits<per_channel_group<16, 64>, per_token_group<3>, test::repeated_4, test::normed_2, scale_as<float>>(d);
    check_bits<per_token_group<32>, per_token, test::normed_2, test::repeated_4, scale_as<f16>>(d);
    check_bits<per_channel_group<32>, per_token_group<16>, test::book_2, nf4_book, scale_as<f16>, 2>(d);
  }
}

TEST_CASE("a cache with a table of keys, or of values, alone") {
  test::head_tokens const t{all, 20};
  kv_cache<nuq2, schemes::v2> keys(shape_of(20), {.keys = book_of<test::book_2>()});
  kv_cache<f16, nuq4> values(shape_of(20), {.values = book_of<nf4_book>()});
  t.append_to(keys, 0, all);
  t.append_to(values, 0, all);
  kv_cache<compile_time<test::book_2, per_channel_group<32>, scale_as<f16>>, schemes::v2> k(shape_of(20));
  kv_cache<f16, compile_time<nf4_book, per_token_group<16>, scale_as<f16>>> v(shape_of(20));
  t.append_to(k, 0, all);
  t.append_to(v, 0, all);
  CHECK(contents(keys) == contents(k));
  CHECK(contents(values) == contents(v));
}

TEST_CASE("by Q-Norm numbers get the codes of the centres, and stand for the values") {
  auto const book = book_of<test::normed_2>();
  kv_cache<nuq2, f16> plain(shape_of(9), {.keys = book.centres});
  kv_cache<nuq2, f16> normed(shape_of(9), {.keys = book});
  test::head_tokens const t{all, 9};
  t.append_to(plain, 0, 32);
  t.append_to(normed, 0, 32);
  int wrong = 0;
  for (octavo::index c = 0; c < 9; ++c) {
    std::vector<float> group;
    for (octavo::index i = 0; i < 32; ++i) { group.push_back(t.x[static_cast<std::size_t>((all + i) * 9 + c)]); }
    using Q = nuq2::quantizer;
    auto const p = Q::calibrate(group);
    for (octavo::index i = 0; i < 32; ++i) {
      auto const code_of = Q::encode(group[static_cast<std::size_t>(i)], p, book);
      wrong +=
          test::same_bits(plain.keys()(1, i, c), std::fma(p.scale, book.centres.values[code_of], p.minimum)) ? 0 : 1;
      wrong +=
          test::same_bits(normed.keys()(1, i, c), std::fma(p.scale, book.values.values[code_of], p.minimum)) ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("forks and moved caches have their own table, whatever becomes of the first cache") {
  test::head_tokens const t{all, 12};
  auto const fill = [&](auto& cache) { t.append_to(cache, 0, 50); };
  using cache_type = kv_cache<nuq2, nuq4>;
  cache_codebooks<nuq2, nuq4> const books{.keys = book_of<test::book_2>(), .values = book_of<nf4_book>()};
  cache_type whole(shape_of(12), books);
  t.append_to(whole, 0, 150);
  auto const expected = contents(whole);
  std::optional<cache_type> first;
  first.emplace(shape_of(12), books);
  fill(*first);
  cache_type fork = first->fork();
  first.emplace(shape_of(12),
                cache_codebooks<nuq2, nuq4>{.keys = book_of<test::normed_2>(), .values = book_of<nf4_book>()});
  fill(*first);
  first.reset();
  t.append_to(fork, 50, 100);  // 18 keys were open when it was made
  CHECK(contents(fork) == expected);
  cache_type moved(std::move(fork));
  CHECK(contents(moved) == expected);
  auto const keys = moved.keys();
  cache_type last(shape_of(12), {.keys = book_of<test::normed_2>(), .values = book_of<test::repeated_4>()});
  last = std::move(moved);
  CHECK(contents(last) == expected);
  CHECK(test::same_bits(keys(1, 3, 2), last.keys()(1, 3, 2)));
  last.truncate(100);
  t.append_to(last, 100, 50);
  CHECK(last.codebooks().keys.values.values[1] == -0.2f);
  CHECK(last.codebooks().values.values.values[15] == 1.0f);
}

TEST_CASE("blocks of a cache come from the memory that it is given, its tables do not") {
  test::counting_memory memory;
  test::head_tokens const t{all, 12};
  kv_cache<nuq2, nuq4, std::pmr::memory_resource> cache(
      shape_of(12), {.keys = book_of<test::book_2>(), .values = book_of<nf4_book>()}, &memory);
  CHECK(memory.allocations == 0);
  t.append_to(cache, 0, 1);
  CHECK(memory.allocations == 1);
}

TEST_CASE("a cache refuses a table that is not finite, or does not ascend, and other tables for its tokens") {
  using test::error_of;
  auto const with = [](std::size_t at, float to, bool centre) {
    auto centres = book_of<test::book_2>().centres;
    auto values = centres;
    (centre ? centres : values).values[at] = to;
    return range_codebook<2>(centres, values);
  };
  auto const of_keys = [&](range_codebook<2> const& book) {
    return error_of([&] { kv_cache<nuq2, f16> cache(shape_of(4), {.keys = book}); });
  };
  CHECK(of_keys(with(0, -0.7f, true)) == "no error");
  CHECK(of_keys(with(1, -0.7f, true)) == "no error");  // equal
  for (bool const centre : {true, false}) {
    CHECK(of_keys(with(1, -0.8f, centre)) == "kv_cache: the codebook of keys must be finite numbers that ascend.");
    CHECK(of_keys(with(3, std::numeric_limits<float>::infinity(), centre)) != "no error");
    CHECK(of_keys(with(2, std::nanf(""), centre)) != "no error");
  }
  auto const of_values =
      error_of([&] { kv_cache<f16, run_time<2, per_token>> cache(shape_of(4), {.values = with(3, 0, false)}); });
  CHECK(of_values == "kv_cache: the codebook of values must be finite numbers that ascend.");

  kv_cache<nuq2, f16> cache(shape_of(12), {.keys = book_of<test::book_2>()});
  test::head_tokens const t{all, 12};
  t.append_to(cache, 0, 3);
  CHECK(error_of([&] { cache.use_codebooks({.keys = book_of<test::normed_2>()}); }) ==
        "kv_cache::use_codebooks: the tokens by other codebooks are 3, the capacity is 200. Truncate to 0 before.");
  cache.truncate(0);
  CHECK(error_of([&] { cache.use_codebooks({.keys = with(0, 9, true)}); }) != "no error");
  CHECK(cache.codebooks().keys.centres.values[0] == -0.7f);
  cache.use_codebooks({.keys = book_of<test::normed_2>()});
  CHECK(cache.codebooks().keys.values.values[0] == -0.75f);
}
