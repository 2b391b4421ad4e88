// SPDX-License-Identifier: MIT
#include "octavo/kernel/dense_pages.hpp"

#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/books.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <vector>

using namespace octavo;

namespace {

using k4_by_book = test::compile_time<nf4_book, per_token, scale_as<f16>>;

/// The same scores and products as of dense operands whose elements are what the pages hold.
template <class A, class K, class V>
void check(octavo::index d, octavo::index e, cache_codebooks<K, V> const& books = {}) {
  constexpr octavo::index n = 600;
  kv_cache<K, V> cache({.head_dim = d, .kv_heads = 1, .capacity = n, .value_head_dim = e, .block = 64}, books);
  auto k = test::values(n * d, 1);
  auto v = test::values(n * e, 2);
  cache.append(heads_view<float const>(k.data(), d, 1, n, n * d, d),
               heads_view<float const>(v.data(), e, 1, n, n * e, e));
  for (octavo::index i = 0; i < n * d; ++i) { k[static_cast<std::size_t>(i)] = cache.keys()(0, i / d, i % d); }
  for (octavo::index i = 0; i < n * e; ++i) { v[static_cast<std::size_t>(i)] = cache.values()(0, i / e, i % e); }

  auto const q = test::values(d, 3);
  heads_view<float const> const query(q.data(), d, 1, 1, d, d);
  kernel::dense_keys<A, float, float> keys(query, {k.data(), d, 1, n, n * d, d}, 0.5f);
  kernel::dense_page_keys<A, float, K> pages(query, cache.keys(), 0.5f);
  kernel::dense_values<A, float> values({v.data(), e, 1, n, n * e, e});
  kernel::dense_page_values<A, V> value_pages(cache.values());
  auto const weights = test::values(512, 4);
  auto const scores_of = [&](auto& x) {
    std::vector<float> scratch(static_cast<std::size_t>(x.scratch(1)));
    x.use(scratch.data(), 1);
    x.load_rows({0, 1}, 0, 1);
    x.load_leaf(0, 512, 88);
    std::vector<float> scores(static_cast<std::size_t>(x.width));
    x.template multiply<1>(0, 64 / x.width, scores.data());
    return scores;
  };
  auto const sums_of = [&](auto& x) {
    std::vector<float> scratch(static_cast<std::size_t>(x.scratch()));
    x.use(scratch.data());
    x.load_leaf(0, 512, 88);
    std::vector<float> sums(static_cast<std::size_t>(x.width));
    x.template multiply<1>(0, weights.data(), 528, x.blocks() - 1, 0, 88, sums.data());
    return sums;
  };
  auto const a = scores_of(keys);
  auto const b = scores_of(pages);
  auto const s = sums_of(values);
  auto const t = sums_of(value_pages);
  int wrong = 0;
  for (octavo::index i = 0; i < smaller(keys.width, 24); ++i) {
    wrong += test::same_bits(a[static_cast<std::size_t>(i)], b[static_cast<std::size_t>(i)]) ? 0 : 1;
  }
  for (std::size_t i = 0; i < s.size(); ++i) { wrong += test::same_bits(s[i], t[i]) ? 0 : 1; }
  INFO(arch_name<A> << ", " << d << " and " << e << " channels");
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("pages of a cache as panels of floats") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    check<A, f16, bf16>(5, 70);
    check<A, schemes::k4, schemes::v8>(65, 3);
    check<A, schemes::k2, bf16>(33, 5);  // the last 24 keys are floats
    check<A, schemes::k8, scheme<affine<uint8>, per_token_group<3>>>(20, 40);
    check<A, scheme<symmetric<e4m3, scale_as<ue4m3>>, per_token_group<16>>, schemes::v2>(48, 70);
    using k = test::run_time<2, per_channel_group<32>, scale_as<f16>>;
    using v = test::run_time<4, per_token_group<16>, scale_as<bf16>>;
    check<A, k, v>(33, 5, {.keys = test::book_of<test::normed_2>(), .values = test::book_of<nf4_book>()});
    check<A, v, k4_by_book>(70, 67, {.keys = test::book_of<test::repeated_4>()});
    check<A, first_in_float<with_outliers<k, 2>, 11>, first_in_float<with_outliers<v, 1>, 3>>(
        65, 33, {.keys = test::book_of<test::book_2>(), .values = test::book_of<nf4_book>()});
  });
}
