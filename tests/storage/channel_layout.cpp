// SPDX-License-Identifier: MIT
// Keys by channel: groups that close when their last token comes, and floats until then.
#include "octavo/storage/channel_layout.hpp"

#include "octavo/quant/schemes.hpp"
#include "octavo/storage/kv_cache.hpp"

#include "support/bits.hpp"
#include "support/caches.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/random.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

using namespace octavo;
using schemes::k2;
using schemes::v2;
using test::contents;

namespace {

constexpr octavo::index heads = 2;
constexpr octavo::index all = 300;

template <class K>
using cache_of = kv_cache<K, f16>;

template <class K>
cache_of<K> empty(octavo::index d) {
  return cache_of<K>({.head_dim = d, .kv_heads = heads, .capacity = all, .block = 64});
}

template <class K>
void check_ways(octavo::index d) {
  test::head_tokens const t{all, d};
  auto const put = [&t](auto& cache, octavo::index first, octavo::index n) {
    cache.append(t.view(first, n), t.view(first, n));
  };
  INFO(d << " channels, groups of " << K::granularity::size << " tokens, closed " << K::granularity::residual
         << " at a time");
  for (octavo::index const n : {1, 31, 32, 33, 64, 129, 200, 300}) {
    auto at_once = empty<K>(d);
    put(at_once, 0, n);
    auto const expected = contents(at_once.keys());

    auto one_by_one = empty<K>(d);
    for (octavo::index i = 0; i < n; ++i) { put(one_by_one, i, 1); }
    CHECK(contents(one_by_one.keys()) == expected);

    auto truncated = empty<K>(d);
    put(truncated, 0, n);
    if (n + 15 <= all) {
      octavo::index const closed = truncated.keys().closed();
      octavo::index const more = std::min<octavo::index>(closed + K::granularity::residual - 1 - n, 15);
      put(truncated, n, more);  // stays in the open group
      truncated.truncate(n);
      CHECK(contents(truncated.keys()) == expected);
    }
    auto fork = at_once.fork();
    put(fork, 0, all - n);
    CHECK(contents(at_once.keys()) == expected);
    if (n < all) {
      put(at_once, n, 1);
      auto const one_more = contents(at_once.keys());
      fork = at_once.fork();
      put(at_once, 0, all - n - 1);
      CHECK(contents(fork.keys()) == one_more);
    }
  }
}

/// Tokens that stay when a closed group is opened count as what they were decoded to.
template <class K>
void check_reopening(octavo::index d) {
  test::head_tokens const t{all, d};
  for (octavo::index const n : {1, 40, 100, 127, 191}) {
    auto cache = empty<K>(d);
    cache.append(t.view(0, 200), t.view(0, 200));
    auto const other = cache.fork();
    auto const before = contents(other.keys());
    test::head_tokens decoded = t;
    for (octavo::index h = 0; h < heads; ++h) {
      for (octavo::index i = n - n % K::granularity::residual; i < n; ++i) {
        for (octavo::index c = 0; c < d; ++c) {
          decoded.x[static_cast<std::size_t>((h * all + i) * d + c)] = cache.keys()(h, i, c);
        }
      }
    }
    auto expected = empty<K>(d);
    expected.append(decoded.view(0, n), decoded.view(0, n));
    cache.truncate(n);
    INFO(n << " tokens stay");
    CHECK(contents(cache.keys()) == contents(expected.keys()));
    expected.append(t.view(200, 100), t.view(200, 100));
    cache.append(t.view(200, 100), t.view(200, 100));
    CHECK(contents(cache.keys()) == contents(expected.keys()));
    CHECK(contents(other.keys()) == before);
  }
}

}  // namespace

TEST_CASE("keys by channel have the same bits however their tokens came") {
  check_ways<k2>(20);
  check_ways<scheme<affine<uint4, scale_as<f16>>, per_channel_group<16, 128>>>(17);
  check_ways<scheme<symmetric<octavo::int8>, per_channel_group<64>>>(1);
}

TEST_CASE("truncating into a closed group opens it with the floats it was decoded to") {
  check_reopening<k2>(20);
  check_reopening<scheme<symmetric<int4, scale_as<f16>>, per_channel_group<32, 128>>>(5);
}

TEST_CASE("each channel is quantized over the tokens of a group, and open tokens are what came") {
  test::head_tokens const t{all, 19};
  auto cache = empty<k2>(19);
  cache.append(t.view(0, 300), t.view(0, 300));
  CHECK(cache.keys().closed() == 288);
  int wrong = 0;
  for (octavo::index h = 0; h < heads; ++h) {
    for (octavo::index i = 0; i < 300; ++i) {
      for (octavo::index c = 0; c < 19; ++c) {
        float expected = t.at(h, i)[c];
        if (i < 288) {
          float x[32];
          for (octavo::index j = 0; j < 32; ++j) { x[j] = t.at(h, i / 32 * 32 + j)[c]; }
          auto const p = k2::quantizer::calibrate({x, 32});
          expected = k2::quantizer::decode(k2::quantizer::encode(expected, p), p);
        }
        wrong += cache.keys()(h, i, c) == expected ? 0 : 1;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("the group of KIVI's example: minimum -0.3, scale 0.4, exact in f32") {
  using K = scheme<affine_min<uint2>, per_channel_group<16>>;
  float const group[4] = {0.1f, 0.5f, -0.3f, 0.9f};
  int const codes[4] = {1, 2, 0, 3};
  kv_cache<K, f16> cache({.head_dim = 1, .capacity = 16});
  float x[16];
  for (std::size_t i = 0; i < 16; ++i) { x[i] = group[i % 4]; }
  heads_view<float const> const view(x, 1, 1, 16, 16, 1);
  cache.append(view, view);
  auto const k = cache.keys();
  using layout = key_layout<K>;
  for (octavo::index i = 0; i < 16; ++i) {
    CHECK(layout::codes_type::get(k.layout().panel(), k.page(0, 0), i, 0) == codes[i % 4]);
    CHECK(std::abs(k(0, i, 0) - group[i % 4]) < 1e-7f);
  }
}

TEST_CASE("2 bits of 32 tokens and 32 channels take 96 bytes a token and head of 128 channels") {
  CHECK(key_layout<k2>{128}.bytes() == 64 * (32 + 16));
  CHECK(value_layout<v2>{128}.bytes() == 64 * (32 + 16));
}

TEST_CASE("a key that is not finite makes its channel NaN in its group, once it is closed") {
  test::head_tokens t{all, 3};
  t.x[40 * 3 + 1] = std::numeric_limits<float>::infinity();
  auto cache = empty<k2>(3);
  cache.append(t.view(0, 63), t.view(0, 63));
  CHECK(cache.keys()(0, 39, 1) == t.at(0, 39)[1]);
  cache.append(t.view(63, 1), t.view(63, 1));
  CHECK(std::isnan(cache.keys()(0, 39, 1)));
  CHECK(std::isfinite(cache.keys()(0, 31, 1)));
  CHECK(std::isfinite(cache.keys()(0, 39, 0)));
}

TEST_CASE("a cache of keys by channel: no channels, no heads, moved, too many channels") {
  kv_cache<k2, v2> flat({.head_dim = 0, .kv_heads = 1, .capacity = 70});
  heads_view<float const> const nothing(nullptr, 0, 1, 40, 0, 0);
  flat.append(nothing, nothing);
  flat.truncate(33);
  CHECK(flat.tokens() == 33);
  test::head_tokens const t{all, 4};
  auto cache = empty<k2>(4);
  cache.append(t.view(0, 40), t.view(0, 40));
  auto const before = contents(cache.keys());
  auto moved = std::move(cache);
  CHECK(contents(moved.keys()) == before);
  cache = std::move(moved);
  CHECK(contents(cache.keys()) == before);
  CHECK(test::error_of([] { kv_cache<k2, v2> c({.head_dim = 40000, .capacity = 1}); }) ==
        "kv_cache: head_dim is 40000, of keys by channel it is at most 32768. Store keys per_token.");
}
