// SPDX-License-Identifier: MIT
// Pages with outliers: which numbers stand out, what is kept of them, and that the others are stored as if those were
// not there.
#include "octavo/storage/outlier_layout.hpp"

#include "octavo/quant/schemes.hpp"
#include "octavo/storage/kv_cache.hpp"

#include "support/bits.hpp"
#include "support/caches.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

using namespace octavo;
using test::contents;

namespace {

using k4 = schemes::k4;
using min4 = scheme<affine_min<uint4, scale_as<f16>>, per_token_group<32>>;
constexpr octavo::index heads = 2;

/// [head][token][channel], every 11th number large.
std::vector<float> tokens(octavo::index n, octavo::index d, std::uint32_t seed) {
  auto x = test::values(heads * n * d, seed);
  for (std::size_t i = 3; i < x.size(); i += 11) { x[i] *= 20; }
  return x;
}
heads_view<float const> view(std::vector<float> const& x, octavo::index all, octavo::index d, octavo::index first,
                             octavo::index n) {
  return {x.data() + first * d, d, heads, n, all * d, d};
}

template <class S>
kv_cache<S, f16> empty(octavo::index d, octavo::index capacity) {
  return kv_cache<S, f16>({.head_dim = d, .kv_heads = heads, .capacity = capacity, .block = 64});
}
template <class V>
kv_cache<f16, V> empty_values(octavo::index d, octavo::index capacity) {
  return kv_cache<f16, V>({.head_dim = d, .kv_heads = heads, .capacity = capacity, .block = 64});
}

/// The channels that stand out, by a sort: |x - centre|, where the centre is the mean or 0.
std::vector<octavo::index> expected_outliers(float const* x, octavo::index d, int n, bool centred) {
  float sum = 0;
  for (octavo::index c = 0; c < d; ++c) { sum += x[c]; }
  float const centre = centred ? sum / static_cast<float>(d) : 0.0f;
  std::vector<octavo::index> channels(static_cast<std::size_t>(d));
  std::iota(channels.begin(), channels.end(), octavo::index{0});
  std::stable_sort(channels.begin(), channels.end(), [&](octavo::index a, octavo::index b) {
    return std::fabs(x[a] - centre) > std::fabs(x[b] - centre);
  });
  channels.resize(static_cast<std::size_t>(std::min<octavo::index>(n, d)));
  while (!channels.empty() && x[channels.back()] == centre) { channels.pop_back(); }
  return channels;
}

template <class S, int N>
void check_token(octavo::index d) {
  constexpr bool centred = has_minimum<typename S::quantizer> || has_zero_point<typename S::quantizer>;
  auto const x = tokens(70, d, 5);
  auto with = empty<with_outliers<S, N>>(d, 70);
  with.append(view(x, 70, d, 0, 70), view(x, 70, d, 0, 70));
  // What is left of the token is stored as it would be alone.
  auto rest = x;
  for (octavo::index t = 0; t < heads * 70; ++t) {
    float* const token = rest.data() + t * d;
    float sum = 0;
    for (octavo::index c = 0; c < d; ++c) { sum += token[c]; }
    auto const out = expected_outliers(token, d, N, centred);
    for (auto const c : out) { token[c] = centred ? sum / static_cast<float>(d) : 0.0f; }
  }
  auto without = empty<S>(d, 70);
  without.append(view(rest, 70, d, 0, 70), view(rest, 70, d, 0, 70));
  auto const got = with.keys();
  auto const plain = without.keys();
  INFO(d << " channels, " << N << " outliers");
  int wrong = 0;
  for (octavo::index h = 0; h < heads; ++h) {
    for (octavo::index t = 0; t < 70; ++t) {
      float const* const token = x.data() + (h * 70 + t) * d;
      auto const out = expected_outliers(token, d, N, centred);
      for (octavo::index c = 0; c < d; ++c) {
        float const dense = plain(h, t, c);
        bool const is = std::find(out.begin(), out.end(), c) != out.end();
        float const expected = is ? dense + static_cast<float>(f16(token[c] - dense)) : dense;
        wrong += test::same_bits(got(h, t, c), expected) ? 0 : 1;
      }
    }
  }
  CHECK(wrong == 0);
}

/// One by one, forked, truncated, with tokens dropped: the same numbers.
template <class S>
void check_ways(octavo::index d) {
  constexpr octavo::index n = 130;
  auto const x = tokens(n, d, 6);
  auto const put = [&](auto& cache, octavo::index first, octavo::index count) {
    cache.append(view(x, n, d, first, count), view(x, n, d, first, count));
  };
  auto at_once = empty<S>(d, n + 64);
  put(at_once, 0, n);
  auto const expected = contents(at_once.keys());
  auto one_by_one = empty<S>(d, n + 64);
  for (octavo::index i = 0; i < n; ++i) { put(one_by_one, i, 1); }
  CHECK(contents(one_by_one.keys()) == expected);
  auto fork = at_once.fork();
  put(fork, 0, 3);
  CHECK(contents(at_once.keys()) == expected);
  fork.truncate(128);
  put(fork, 128, 2);
  CHECK(contents(fork.keys()) == expected);
  if constexpr (decltype(at_once.keys())::residual == 1) {
    auto dropped = empty<S>(d, n + 64);
    put(dropped, 0, 40);
    put(dropped, 0, 5);
    put(dropped, 40, n - 40);
    dropped.drop(40, 5);
    CHECK(contents(dropped.keys()) == expected);
  }
}

}  // namespace

TEST_CASE("what stands out is kept, and the rest is stored as if it were not there") {
  for (octavo::index const d : {1, 3, 64, 65, 128}) {
    check_token<k4, 1>(d);
    check_token<k4, 4>(d);
    check_token<min4, 2>(d);
    check_token<scheme<affine<uint4>, per_token>, 3>(d);
  }
}

TEST_CASE("an outlier is as near as f16, and so is every number of a token that has no others") {
  auto cache = empty_values<with_outliers<schemes::v4, 2>>(128, 10);
  std::vector<float> x(static_cast<std::size_t>(heads * 10 * 128), 0.0f);
  for (std::size_t t = 0; t < static_cast<std::size_t>(heads) * 10; ++t) {
    x[t * 128 + 7] = 1000.3f;
    x[t * 128 + 127] = -3.7f;
  }
  cache.append(view(x, 10, 128, 0, 10), view(x, 10, 128, 0, 10));
  auto const v = cache.values();
  for (octavo::index c = 0; c < 128; ++c) {
    float const exact = c == 7 ? 1000.3f : c == 127 ? -3.7f : 0.0f;
    CHECK(std::fabs(v(1, 9, c) - exact) <= std::fabs(exact) * 0x1p-11f);
  }
}

TEST_CASE("pages with outliers do not depend on how tokens came") {
  for (octavo::index const d : {3, 65, 128}) {
    check_ways<with_outliers<k4, 1>>(d);
    check_ways<with_outliers<min4, 3>>(d);
    check_ways<with_outliers<schemes::k2, 2>>(d);
  }
}

TEST_CASE("outliers by channel: what is far for its channel, not what is large") {
  using S = with_outliers<schemes::k2, 1>;
  constexpr octavo::index d = 40;
  std::vector<float> x(static_cast<std::size_t>(heads * 32 * d));
  auto const noise = test::values(heads * 32 * d, 8);
  for (octavo::index i = 0; i < heads * 32 * d; ++i) {
    bool const large = i % d == 5;  // a channel of large numbers, in which nothing stands out
    x[static_cast<std::size_t>(i)] =
        large ? 50 + noise[static_cast<std::size_t>(i)] : noise[static_cast<std::size_t>(i)];
  }
  for (octavo::index t = 0; t < heads * 32; ++t) { x[static_cast<std::size_t>(t * d + t % 32 + 6)] += 9; }
  auto cache = empty<S>(d, 64);
  cache.append(view(x, 32, d, 0, 32), view(x, 32, d, 0, 32));
  auto plain = empty<schemes::k2>(d, 64);
  plain.append(view(x, 32, d, 0, 32), view(x, 32, d, 0, 32));
  double error = 0;
  double plain_error = 0;
  for (octavo::index t = 0; t < heads * 32; ++t) {
    auto const at = [&](octavo::index c) { return static_cast<std::size_t>(t * d + c); };
    auto const far = t % 32 + 6;
    CHECK(std::fabs(cache.keys()(t / 32, t % 32, far) - x[at(far)]) < 0.01f);
    for (octavo::index c = 0; c < d; ++c) {
      error += std::pow(static_cast<double>(cache.keys()(t / 32, t % 32, c) - x[at(c)]), 2);
      plain_error += std::pow(static_cast<double>(plain.keys()(t / 32, t % 32, c) - x[at(c)]), 2);
    }
  }
  CHECK(error < 0.6 * plain_error);
}

TEST_CASE("numbers that are not finite, or beyond f16, are no outliers") {
  using S = with_outliers<k4, 2>;
  auto x = test::values(heads * 3 * 16, 9);
  auto const set = [&](octavo::index t, octavo::index c, float to) { x[static_cast<std::size_t>(t * 16 + c)] = to; };
  set(0, 3, std::numeric_limits<float>::quiet_NaN());
  set(1, 4, std::numeric_limits<float>::infinity());
  set(2, 5, 1e5f);
  auto cache = empty<S>(16, 3);
  cache.append(view(x, 3, 16, 0, 3), view(x, 3, 16, 0, 3));
  auto const k = cache.keys();
  CHECK(std::isnan(k(0, 0, 3)));
  CHECK_FALSE(std::isfinite(k(0, 1, 4)));
  CHECK(std::fabs(k(0, 2, 5) - 1e5f) < 1e4f);
}

TEST_CASE("bytes of pages with outliers") {
  CHECK(key_layout<with_outliers<k4, 1>>{128}.bytes() == key_layout<k4>{128}.bytes() + 256);
  CHECK(value_layout<with_outliers<schemes::v4, 3>>{80}.bytes() % 64 == 0);
  CHECK(key_layout<with_outliers<schemes::k2, 1>>{128}.outliers_at() == key_layout<schemes::k2>{128}.bytes());
}
