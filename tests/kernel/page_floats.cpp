// SPDX-License-Identifier: MIT
#include "octavo/kernel/page_floats.hpp"

#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/books.hpp"
#include "support/caches.hpp"
#include "support/catch.hpp"

#include <vector>

using namespace octavo;

namespace {

constexpr octavo::index n = 64;
constexpr octavo::index width = 32;

/// value() of every token of a page, of both sides.
template <class A, class K, class V>
void check(octavo::index d, octavo::index e, cache_codebooks<K, V> const& books = {}) {
  kv_cache<K, V> cache({.head_dim = d, .kv_heads = 1, .capacity = n, .value_head_dim = e, .block = 64}, books);
  auto const k = test::values(n * d, 1);
  auto const v = test::values(n * e, 2);
  cache.append(heads_view<float const>(k.data(), d, 1, n, n * d, d),
               heads_view<float const>(v.data(), e, 1, n, n * e, e));
  int wrong = 0;
  auto const keys = cache.keys();
  auto const values = cache.values();
  static_assert(kernel::codes_in_words<key_layout<K>> && kernel::codes_in_words<value_layout<V>>);
  kernel::code_floats<A, key_layout<K>> const key_table(keys.layout().book);
  kernel::code_floats<A, value_layout<V>> const value_table(values.layout().book);
  for (octavo::index row = 0; row < n; row += width) {
    std::vector<float> got(static_cast<std::size_t>(d * width));
    kernel::keys_as_floats<A, width>(keys.layout(), key_table, keys.page(0, 0), row, got.data());
    for (octavo::index i = 0; i < d * width; ++i) {
      wrong += test::same_bits(got[static_cast<std::size_t>(i)], keys(0, row + i % width, i / width)) ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
  REQUIRE(kernel::groups_of_registers<A>(values.layout()));
  for (octavo::index const some : {1, 17, 64}) {
    for (octavo::index c = 0; c < e; c += width) {
      std::vector<float> got(static_cast<std::size_t>(some * width), 7.0f);
      kernel::values_as_floats<A, width>(values.layout(), value_table, values.page(0, 0), some, c, got.data());
      for (octavo::index i = 0; i < some * width; ++i) {
        octavo::index const channel = c + i % width;
        float const expected = channel < e ? values(0, i / width, channel) : 0.0f;
        wrong += test::same_bits(got[static_cast<std::size_t>(i)], expected) ? 0 : 1;
      }
    }
  }
  INFO(arch_name<A> << ", " << d << " and " << e << " channels");
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("codes of pages by vectors are what layouts say, with every law and type of scale") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    for (octavo::index const d : {1, 15, 33, 128}) {
      check<A, schemes::k4, schemes::v4>(d, d);
      check<A, schemes::k8, schemes::v8>(d, d);
      check<A, schemes::k2, scheme<affine<uint4>, per_token_group<16>>>(d, d);
      check<A, scheme<affine<uint2, scale_as<f16>>, per_channel_group<64>>, scheme<affine<uint8>, per_token>>(d, d);
      check<A, scheme<symmetric<e2m1, scale_as<e8m0>>, per_token_group<32>>,
            scheme<symmetric<int2, scale_as<ue4m3>>, per_token_group<48>>>(d, d);
    }
  });
}

TEST_CASE("codes of pages by tables that are known at run time") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    using k2 = test::run_time<2, per_channel_group<32>, scale_as<f16>>;
    using k4 = test::run_time<4, per_channel_group<16>>;
    using v2 = test::run_time<2, per_token_group<16>, scale_as<bf16>>;
    using v4 = test::run_time<4, per_token, scale_as<f16>>;
    for (octavo::index const d : {1, 15, 33, 128}) {
      check<A, k2, v4>(d, d, {.keys = test::book_of<test::normed_2>(), .values = test::book_of<test::repeated_4>()});
      check<A, k4, v2>(d, d, {.keys = test::book_of<nf4_book>(), .values = test::book_of<test::book_2>()});
      check<A, v4, test::compile_time<test::normed_2, per_token>>(d, d, {.keys = test::book_of<nf4_book>()});
    }
    codebook_params<8> eight{};
    for (std::size_t c = 0; c < 256; ++c) { eight.values[c] = static_cast<float>(c) / 128.0f - 1.0f; }
    check<A, test::run_time<8, per_token>, test::run_time<8, per_token_group<16>>>(33, 33,
                                                                                   {.keys = eight, .values = eight});
  });
}

TEST_CASE("values whose groups do not fill registers, and codes in pairs, are not for vectors") {
  using A = default_arch;
  value_layout<scheme<affine<uint4>, per_token_group<3>>> const layout{30};
  CHECK((kernel::groups_of_registers<A>(layout) == (simd::lanes<A> == 3)));
  CHECK(kernel::groups_of_registers<A>(value_layout<scheme<affine<uint4>, per_token_group<30>>>{30}));
  CHECK_FALSE(kernel::codes_in_words<key_layout<scheme<symmetric<e4m3>, per_token>>>);
  CHECK_FALSE(kernel::codes_in_words<key_layout<f16>>);
}
