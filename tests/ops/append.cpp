// SPDX-License-Identifier: MIT
#include "octavo/ops/append.hpp"

#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/books.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/random.hpp"

#include <cstring>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

template <class K, class V, class T>
void check(octavo::index d, octavo::index e, cache_codebooks<K, V> const& books = {}) {
  constexpr octavo::index n = 70;
  auto const k = test::values(2 * n * d, 1);
  auto const v = test::values(2 * n * e, 2);
  std::vector<T> const ks(k.begin(), k.end());
  std::vector<T> const vs(v.begin(), v.end());
  heads_view<T const> const keys(ks.data(), d, 2, n, d, 2 * d);
  heads_view<T const> const values(vs.data(), e, 2, n, e, 2 * e);
  cache_shape const shape{.head_dim = d, .kv_heads = 2, .capacity = n, .value_head_dim = e};
  kv_cache<K, V> expected(shape, books);
  expected.append(keys, values);
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    kv_cache<K, V> cache(shape, books);
    append(cache, keys, values, on<A>());
    INFO(arch_name<A> << ", " << d << " and " << e << " channels");
    CHECK(std::memcmp(cache.block(0), expected.block(0), static_cast<std::size_t>(cache.block_bytes())) == 0);
  });
}

}  // namespace

TEST_CASE("append writes the bytes that cache.append writes") {
  for (octavo::index const d : {1, 3, 63, 65, 128}) {
    check<k8, v8, float>(d, 80);
    check<k4, v4, f16>(80, d);
  }
  check<f16, bf16, float>(20, 30);
  check<k2, v2, float>(70, 33);
}

TEST_CASE("append writes these bytes by codebooks, known when it is compiled or when it runs") {
  using test::book_of;
  using test::compile_time;
  using test::run_time;
  for (octavo::index const d : {1, 15, 65, 128}) {
    check<run_time<2, per_channel_group<32>, scale_as<f16>>, run_time<4, per_token_group<16>, scale_as<f16>>, float>(
        d, 80, {.keys = book_of<test::normed_2>(), .values = book_of<test::repeated_4>()});
    check<run_time<4, per_token>, run_time<2, per_token, scale_as<bf16>>, f16>(
        80, d, {.keys = book_of<nf4_book>(), .values = book_of<test::book_2>()});
    check<compile_time<test::normed_2, per_channel_group<32>, scale_as<f16>>,
          compile_time<nf4_book, per_token_group<16>>, float>(d, 80);
    check<with_outliers<run_time<4, per_channel_group<16, 32>>, 2>, with_outliers<run_time<2, per_token>, 1>, float>(
        d, 80, {.keys = book_of<nf4_book>(), .values = book_of<test::book_2>()});
  }
}

TEST_CASE("append refuses what cache.append refuses") {
  kv_cache<k8, v8> cache({.head_dim = 4, .capacity = 1});
  std::vector<float> const x(8);
  heads_view<float const> const two(x.data(), 4, 1, 2, 4, 4);
  CHECK(test::error_of([&] { append(cache, two, two); }) ==
        "kv_cache::append: there is room for tokens 1, given are 2. Truncate, or make a cache of more capacity.");
  CHECK(cache.tokens() == 0);
}
