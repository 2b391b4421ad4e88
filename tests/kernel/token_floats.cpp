// SPDX-License-Identifier: MIT
#include "octavo/kernel/token_floats.hpp"

#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/books.hpp"
#include "support/caches.hpp"
#include "support/catch.hpp"

#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

/// Numbers of all tokens of a side that are not what the side says, and those written beside them.
template <class A, class S, class Layout, bool Values>
int wrong_numbers(detail::cache_side<S, Layout, Values> const& side) {
  octavo::index const d = side.head_dim();
  octavo::index const stride = d + 3;
  kernel::token_floats<A, S, Layout, Values> const tokens(side);
  std::vector<float> room(static_cast<std::size_t>(tokens.room(d)));
  int wrong = 0;
  for (octavo::index h = 0; h < side.heads(); ++h) {
    for (octavo::index first = 0; first < side.tokens(); first += page_tokens) {
      octavo::index const n = smaller(page_tokens, side.tokens() - first);
      std::vector<float> to(static_cast<std::size_t>(page_tokens * stride), 77.0f);
      tokens.page(h, first / page_tokens, n, room.data(), to.data(), stride);
      for (octavo::index i = 0; i < page_tokens; ++i) {
        for (octavo::index c = 0; c < stride; ++c) {
          float const expected = i < n && c < d ? side(h, first + i, c) : 77.0f;
          wrong += test::same_bits(to[static_cast<std::size_t>(i * stride + c)], expected) ? 0 : 1;
        }
      }
    }
  }
  return wrong;
}
/// 135 tokens of two heads, a number near the largest and NaN among the keys.
template <class K, class V>
kv_cache<K, V> filled(octavo::index d, octavo::index e, cache_codebooks<K, V> const& books) {
  octavo::index const tokens = 135;
  kv_cache<K, V> cache({.head_dim = d, .kv_heads = 2, .capacity = tokens, .value_head_dim = e, .block = 64}, books);
  auto k = test::values(2 * tokens * d, 1);
  auto const v = test::values(2 * tokens * e, 2);
  k[static_cast<std::size_t>(d / 2)] = 3e38f;
  k[static_cast<std::size_t>(70 * d)] = __builtin_nanf("");
  cache.append(heads_view<float const>(k.data(), d, 2, tokens, tokens * d, d),
               heads_view<float const>(v.data(), e, 2, tokens, tokens * e, e));
  return cache;
}
template <class A, class K, class V>
void check(octavo::index d, octavo::index e, cache_codebooks<K, V> const& books = {}) {
  auto const cache = filled<K, V>(d, e, books);
  INFO(arch_name<A> << ", " << d << " and " << e << " channels");
  CHECK(wrong_numbers<A>(cache.keys()) == 0);
  CHECK(wrong_numbers<A>(cache.values()) == 0);
}

}  // namespace

TEST_CASE("tokens of caches by pages are what the caches say, number by number") {
  test::for_archs([](auto arch) {
    using A = typename decltype(arch)::type;
    for (octavo::index const d : {1, 20, 80}) {
      check<A, float, bf16>(d, d + 3);
      check<A, f16, float>(d, d);
      check<A, k4, v4>(d, d);
      check<A, k2, v2>(d, d + 50);
      check<A, scheme<symmetric<e4m3>, per_token>, scheme<affine<uint4>, per_token_group<5>>>(d, d);
    }
  });
}

TEST_CASE("tokens of caches with outliers, floats, open keys and codebooks by pages") {
  test::for_archs([](auto arch) {
    using A = typename decltype(arch)::type;
    for (octavo::index const d : {20, 80}) {
      check<A, with_outliers<k4, 3>, with_outliers<v4, 2>>(d, d + 50);
      check<A, with_outliers<k2, 2>, first_in_float<v4, 3>>(d, d);
      check<A, first_in_float<k2, 4>, first_in_float<with_outliers<v2, 1>, 15>>(d, d);
      check<A, first_in_float<with_outliers<k2, 2>, 7>, float>(d, d);
      check<A, test::run_time<2, per_channel_group<32>, scale_as<f16>>, test::run_time<4, per_token, scale_as<f16>>>(
          d, d, {.keys = test::book_of<test::normed_2>(), .values = test::book_of<test::repeated_4>()});
    }
  });
}
