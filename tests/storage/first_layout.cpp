// SPDX-License-Identifier: MIT
// First tokens in float: they stay as they came, the others are stored as if those were not there, however tokens come
// and go.
#include "octavo/storage/first_layout.hpp"

#include "octavo/quant/schemes.hpp"
#include "octavo/storage/kv_cache.hpp"

#include "support/bits.hpp"
#include "support/caches.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

using namespace octavo;
using test::contents;

namespace {

using k2 = schemes::k2;
using k4 = schemes::k4;
constexpr octavo::index heads = 2;
constexpr octavo::index n = 130;

/// [head][token][channel], the first three tokens large.
std::vector<float> tokens(octavo::index d) {
  auto x = test::values(heads * n * d, 5);
  for (octavo::index i = 0; i < heads * n * d; ++i) {
    if (i / d % n < 3) { x[static_cast<std::size_t>(i)] *= 50; }
  }
  return x;
}
template <class S>
kv_cache<S, S> empty(octavo::index d) {
  return kv_cache<S, S>({.head_dim = d, .kv_heads = heads, .capacity = n + 64, .block = 64});
}
template <class Cache>
void put(Cache& cache, std::vector<float> const& x, octavo::index first, octavo::index count) {
  octavo::index const d = cache.shape().head_dim;
  heads_view<float const> const v(x.data() + first * d, d, heads, count, n * d, d);
  cache.append(v, v);
}
/// What the cache holds is x for the first N tokens, and for others what a cache of S holds of tokens whose first N are
/// `hidden`.
template <class S, int N>
void check_others(octavo::index d, bool repeated) {
  auto const x = tokens(d);
  auto cache = kv_cache<first_in_float<S, N>, f16>({.head_dim = d, .kv_heads = heads, .capacity = n, .block = 64});
  put(cache, x, 0, n);
  auto rest = x;
  for (octavo::index i = 0; i < heads * n * d; ++i) {
    octavo::index const t = i / d % n;
    if (t < N && repeated) { rest[static_cast<std::size_t>(i)] = x[static_cast<std::size_t>(i + (N - t) * d)]; }
  }
  auto plain = kv_cache<S, f16>({.head_dim = d, .kv_heads = heads, .capacity = n, .block = 64});
  put(plain, rest, 0, n);
  int wrong = 0;
  for (octavo::index h = 0; h < heads; ++h) {
    for (octavo::index t = 0; t < n; ++t) {
      for (octavo::index c = 0; c < d; ++c) {
        float const expected = t < N ? x[static_cast<std::size_t>((h * n + t) * d + c)] : plain.keys()(h, t, c);
        wrong += test::same_bits(cache.keys()(h, t, c), expected) ? 0 : 1;
      }
    }
  }
  INFO(d << " channels, " << N << " tokens");
  CHECK(wrong == 0);
}

template <class S>
void check_ways(octavo::index d) {
  auto const x = tokens(d);
  auto at_once = empty<S>(d);
  put(at_once, x, 0, n);
  auto const keys = contents(at_once.keys());
  auto const values = contents(at_once.values());
  auto one_by_one = empty<S>(d);
  for (octavo::index i = 0; i < n; ++i) { put(one_by_one, x, i, 1); }
  CHECK(contents(one_by_one.keys()) == keys);
  CHECK(contents(one_by_one.values()) == values);
  auto fork = at_once.fork();
  put(fork, x, 0, 3);
  fork.truncate(2);  // of the first tokens themselves
  CHECK(contents(at_once.keys()) == keys);
  CHECK(fork.keys().firsts() == 2);
  put(fork, x, 2, n - 2);
  CHECK(contents(fork.keys()) == keys);
  CHECK(contents(fork.values()) == values);
  auto moved = static_cast<kv_cache<S, S>&&>(one_by_one);
  fork = static_cast<kv_cache<S, S>&&>(moved);
  CHECK(contents(fork.keys()) == keys);
  CHECK(one_by_one.keys().firsts() == 0);
}

}  // namespace

TEST_CASE("first tokens stay floats, and cost the others nothing") {
  for (octavo::index const d : {1, 3, 64, 65}) {
    check_others<k4, 1>(d, false);
    check_others<k4, 15>(d, false);
    check_others<with_outliers<k4, 2>, 3>(d, false);
    check_others<k2, 3>(d, true);
    check_others<with_outliers<k2, 1>, 4>(d, true);
  }
}

TEST_CASE("what first tokens hold does not depend on how tokens came") {
  for (octavo::index const d : {3, 65}) {
    check_ways<first_in_float<k4, 4>>(d);
    check_ways<first_in_float<with_outliers<schemes::v4, 1>, 15>>(d);
  }
  using S = first_in_float<k2, 3>;
  auto const x = tokens(20);
  kv_cache<S, f16> at_once({.head_dim = 20, .kv_heads = heads, .capacity = n});
  put(at_once, x, 0, n);
  kv_cache<S, f16> other({.head_dim = 20, .kv_heads = heads, .capacity = n});
  for (octavo::index i = 0; i < 40; ++i) { put(other, x, i, 1); }
  other.truncate(2);  // the first group opens again
  put(other, x, 2, n - 2);
  CHECK(contents(other.keys()) == contents(at_once.keys()));
}

TEST_CASE("tokens leave from behind the first ones, which turn as all keys do") {
  using S = first_in_float<k4, 4>;
  auto const x = tokens(16);
  auto cache = empty<S>(16);
  put(cache, x, 0, n);
  auto expected = empty<S>(16);
  put(expected, x, 0, 4);
  put(expected, x, 70, n - 70);
  cache.drop(4, 66);
  CHECK(contents(cache.keys()) == contents(expected.keys()));
  std::string said;
  try {
    cache.drop(3, 2);
  } catch (std::invalid_argument const& e) { said = e.what(); }
  CHECK(said.find("tokens that stay floats are 4") != std::string::npos);
  CHECK(cache.tokens() == n - 66);
  cache.drop(2, n - 68);  // all from there on: a truncation
  CHECK(cache.keys().firsts() == 2);

  cache.change_keys(1, [](float* k) { k[3] = 7; });
  CHECK(cache.keys()(1, 0, 3) == x[n * 16 + 3]);
  CHECK(cache.keys()(1, 1, 3) == 7);

  // A change of all keys by channel leaves the first group without those that are floats.
  kv_cache<first_in_float<k2, 3>, f16> channels({.head_dim = 16, .kv_heads = heads, .capacity = n});
  put(channels, x, 0, 64);
  channels.change_keys(0, [](float* k) { k[5] = k[5] > 30 || k[5] < -30 ? 1e6f : k[5]; });
  CHECK(std::abs(channels.keys()(0, 20, 5)) < 3);
}

TEST_CASE("a first token that is not finite stays so, and no other") {
  auto x = tokens(16);
  x[5] = std::numeric_limits<float>::infinity();
  kv_cache<first_in_float<k2, 1>, first_in_float<k4, 1>> cache({.head_dim = 16, .kv_heads = heads, .capacity = n});
  put(cache, x, 0, 64);
  CHECK(std::isinf(cache.keys()(0, 0, 5)));
  CHECK(std::isinf(cache.values()(0, 0, 5)));
  int wrong = 0;
  for (octavo::index t = 1; t < 64; ++t) { wrong += std::isfinite(cache.keys()(0, t, 5)) ? 0 : 1; }
  CHECK(wrong == 0);
}
