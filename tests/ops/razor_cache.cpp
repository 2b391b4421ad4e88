// SPDX-License-Identifier: MIT
#include "octavo/ops/razor_cache.hpp"

#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/books.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

constexpr octavo::index heads = 3, group = 2, d = 20, e = 9;
constexpr bool kinds[heads] = {false, true, false};
constexpr razor_window small{.sinks = 4, .least = 100, .share = 5};

/// [token][head][channel]
struct text {
  octavo::index tokens;
  std::vector<float> q, k, v;
  explicit text(octavo::index n, std::uint64_t seed = 1)
      : tokens(n),
        q(test::values(n * heads * group * d, seed)),
        k(test::values(n * heads * d, seed + 1)),
        v(test::values(n * heads * e, seed + 2)) {}
  [[nodiscard]] heads_view<float const> queries(octavo::index first, octavo::index n) const {
    return {q.data() + first * heads * group * d, d, heads * group, n, d, heads * group * d};
  }
  template <class Cache>
  void append_to(Cache& cache, octavo::index first, octavo::index n) const {
    cache.append(heads_view<float const>(k.data() + first * heads * d, d, heads, n, d, heads * d),
                 heads_view<float const>(v.data() + first * heads * e, e, heads, n, e, heads * e));
  }
};

template <class S, class P, class Cache, class... Context>
std::vector<float> attend(Cache const& cache, text const& t, octavo::index first, octavo::index n,
                          Context const&... context) {
  std::vector<float> out(static_cast<std::size_t>(n * heads * group * e));
  cache.template attend<S, P>(
      t.queries(first, n), heads_view<float>(out.data(), e, heads * group, n, e, heads * group * e), 0, context...);
  return out;
}
int differences(std::vector<float> const& a, std::vector<float> const& b) {
  int n = a.size() == b.size() ? 0 : 1000000;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) { n += test::same_bits(a[i], b[i]) ? 0 : 1; }
  return n;
}
cache_shape shape_of(octavo::index capacity) {
  return {.head_dim = d, .kv_heads = heads, .capacity = capacity, .value_head_dim = e, .block = 64};
}

/// The last query of head h, in double precision: tokens [begin, end) but not [gone, gone_end), which are one mean
/// token.
std::vector<double> expected_of(text const& t, octavo::index h, octavo::index gone, octavo::index gone_end) {
  double const scale = 1 / std::sqrt(static_cast<double>(d));
  std::vector<double> sum(static_cast<std::size_t>(e));
  double total = 0;
  std::vector<double> mean_k(static_cast<std::size_t>(d));
  std::vector<double> mean_v(static_cast<std::size_t>(e));
  auto const n = static_cast<double>(gone_end - gone);
  float const* const q = t.queries(t.tokens - 1, 1).at(h, 0);
  auto const take = [&](auto key, auto value, double times) {
    double dot = 0;
    for (octavo::index c = 0; c < d; ++c) { dot += static_cast<double>(q[c]) * key(c); }
    double const w = times * std::exp(dot * scale);
    total += w;
    for (octavo::index c = 0; c < e; ++c) { sum[static_cast<std::size_t>(c)] += w * value(c); }
  };
  for (octavo::index i = 0; i < t.tokens; ++i) {
    float const* const k = t.k.data() + (i * heads + h / group) * d;
    float const* const v = t.v.data() + (i * heads + h / group) * e;
    if (i >= gone && i < gone_end) {
      for (octavo::index c = 0; c < d; ++c) { mean_k[static_cast<std::size_t>(c)] += static_cast<double>(k[c]) / n; }
      for (octavo::index c = 0; c < e; ++c) { mean_v[static_cast<std::size_t>(c)] += static_cast<double>(v[c]) / n; }
    } else {
      take([&](octavo::index c) { return static_cast<double>(k[c]); },
           [&](octavo::index c) { return static_cast<double>(v[c]); }, 1.0);
    }
  }
  if (gone_end > gone) {
    take([&](octavo::index c) { return mean_k[static_cast<std::size_t>(c)]; },
         [&](octavo::index c) { return mean_v[static_cast<std::size_t>(c)]; }, n);
  }
  for (auto& x : sum) { x /= total; }
  return sum;
}

}  // namespace

TEST_CASE("the worked numbers of the compensation token") {  // spec/attention.md 9.1
  std::vector<float> const q = {1, 0.5f};
  float const k[] = {0.6f, 0.3f};
  float const v[] = {3, 2};
  float const scale = 1 / std::sqrt(2.0f);
  kv_cache<float, float> kept({.head_dim = 2, .capacity = 2});
  float const keys[] = {0.5f, 0.5f, -0.3f, 0.8f};
  float const values[] = {1, 1, -1, 0};
  kept.append(heads_view<float const>(keys, 2, 1, 2, 2, 2), heads_view<float const>(values, 2, 1, 2, 2, 2));
  float out[2];
  float lse = 0;
  attention(heads_view<float const>(q.data(), 2, 1, 1, 2, 2), kept.keys(), kept.values(),
            heads_view<float>(out, 2, 1, 1, 2, 2), log_sum_exp{&lse, 1});
  float without[] = {out[0], out[1]};
  octavo::detail::join_mean(q.data(), k, 2, v, 2, 3, scale, lse, out);
  CHECK(std::abs(out[0] - 0.662114f) < 2e-6f);
  CHECK(std::abs(out[1] - 0.643210f) < 2e-6f);
  float const third_k[] = {0.2f, 0.1f};
  float const third_v[] = {1, 2.0f / 3};
  octavo::detail::join_mean(q.data(), third_k, 2, third_v, 2, 1, scale, lse, without);
  CHECK(std::abs(without[0] - 0.458782f) < 2e-6f);
  CHECK(std::abs(without[1] - 0.629094f) < 2e-6f);
}

TEST_CASE("buffers of the paper") {  // spec/attention.md 9.1: of 3000, 20000, 100000 tokens
  razor_window const w;
  CHECK(w.begin(3000) == 64);
  CHECK(w.begin(4064) == 64);
  CHECK(w.begin(4200) == 192);
  CHECK(w.begin(20000) == 16000);
  CHECK(w.begin(100000) == 80000);
}

TEST_CASE("a cache whose heads dropped nothing is a cache") {
  text const t(90);
  razor_cache<k8, k4> cache(shape_of(100), kinds, small);
  t.append_to(cache, 0, 90);
  cache.compress();
  CHECK(cache.dropped() == 0);
  kv_cache<k8, k4> plain(shape_of(100));
  t.append_to(plain, 0, 90);
  std::vector<float> out(static_cast<std::size_t>(40 * heads * group * e));
  attention<q8, p8>(t.queries(50, 40), plain.keys(), plain.values(),
                    heads_view<float>(out.data(), e, heads * group, 40, e, heads * group * e), causal{});
  CHECK(differences(attend<q8, p8>(cache, t, 50, 40), out) == 0);
}

TEST_CASE("retrieval heads see all tokens, the others what they keep and the mean of the rest") {
  text const t(500);
  razor_cache<float, float> cache(shape_of(500), kinds, small);
  t.append_to(cache, 0, 500);
  cache.compress();
  CHECK(cache.dropped() == 320);  // tokens 64 to 383; 384 is 500 - 100, down to a page
  CHECK(cache.recent().tokens() == 180);
  CHECK(cache.whole().tokens() == 500);
  auto const out = attend<as_is, as_is>(cache, t, 499, 1);
  double worst = 0;
  for (octavo::index h = 0; h < heads * group; ++h) {
    auto const expected = expected_of(t, h, 64, kinds[h / group] ? 64 : 384);
    for (octavo::index c = 0; c < e; ++c) {
      worst = std::max(worst, std::abs(static_cast<double>(out[static_cast<std::size_t>(h * e + c)]) -
                                       expected[static_cast<std::size_t>(c)]));
    }
  }
  CHECK(worst < 1e-5);
}

TEST_CASE("what was dropped and is all the same is not missed") {
  text t(400);
  for (octavo::index i = 64; i < 256; ++i) {
    std::copy_n(t.k.begin() + 64 * heads * d, heads * d, t.k.begin() + i * heads * d);
    std::copy_n(t.v.begin() + 64 * heads * e, heads * e, t.v.begin() + i * heads * e);
  }
  razor_cache<float, float> cache(shape_of(400), kinds, {.sinks = 64, .least = 144, .share = 5});
  t.append_to(cache, 0, 400);
  cache.compress();
  CHECK(cache.dropped() == 192);
  auto const out = attend<as_is, as_is>(cache, t, 399, 1);
  double worst = 0;
  for (octavo::index h = 0; h < heads * group; ++h) {
    auto const expected = expected_of(t, h, 0, 0);
    for (octavo::index c = 0; c < e; ++c) {
      worst = std::max(worst, std::abs(static_cast<double>(out[static_cast<std::size_t>(h * e + c)]) -
                                       expected[static_cast<std::size_t>(c)]));
    }
  }
  CHECK(worst < 1e-5);
}

TEST_CASE("bits do not depend on chunks, on when a cache was compressed, or on the instruction set") {
  text const t(700);
  razor_cache<k8, k4> at_once(shape_of(700), kinds, small);
  t.append_to(at_once, 0, 700);
  at_once.compress();
  auto const expected = attend<q8, p8>(at_once, t, 690, 10, on<scalar>());
  for (octavo::index const chunk : {1, 50, 333}) {
    razor_cache<k8, k4> cache(shape_of(700), kinds, small);
    for (octavo::index i = 0; i < 700; i += chunk) {
      t.append_to(cache, i, std::min(chunk, 700 - i));
      if (i % 3 == 0) { cache.compress(); }
    }
    cache.compress();
    CHECK(cache.dropped() == at_once.dropped());
    CHECK(cache.recent().bytes() == at_once.recent().bytes());
    CHECK(differences(attend<q8, p8>(cache, t, 690, 10), expected) == 0);
  }
  test::for_vector_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(differences(attend<q8, p8>(at_once, t, 690, 10, on<A>()), expected) == 0);
  });
}

TEST_CASE("keys by channel leave in whole groups") {
  using keys = scheme<affine_min<uint2, scale_as<f16>>, per_channel_group<32, 128>>;
  text const t(700);
  razor_cache<keys, v2> cache(shape_of(700), kinds, small);
  for (octavo::index i = 0; i < 700; i += 70) {
    t.append_to(cache, i, 70);
    cache.compress();
  }
  CHECK(cache.sinks() == 128);
  CHECK(cache.dropped() == 512 - 128);
  CHECK(cache.recent().tokens() == 700 - 384);
  razor_cache<keys, v2> at_once(shape_of(700), kinds, small);
  t.append_to(at_once, 0, 700);
  at_once.compress();
  int wrong = 0;
  for (octavo::index i = 0; i < 316; ++i) {
    wrong += cache.recent().keys()(1, i, 3) == at_once.recent().keys()(1, i, 3) ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("both kinds of heads have the codebooks that are given") {
  using K = test::run_time<2, per_channel_group<32>, scale_as<f16>>;
  using V = test::run_time<4, per_token, scale_as<f16>>;
  using EK = test::compile_time<test::normed_2, per_channel_group<32>, scale_as<f16>>;
  using EV = test::compile_time<nf4_book, per_token, scale_as<f16>>;
  text const t(500);
  razor_cache<K, V> cache(shape_of(500), kinds, small,
                          {.keys = test::book_of<test::normed_2>(), .values = test::book_of<nf4_book>()});
  razor_cache<EK, EV> expected(shape_of(500), kinds, small);
  t.append_to(cache, 0, 500);
  t.append_to(expected, 0, 500);
  cache.compress();
  expected.compress();
  CHECK(cache.dropped() > 0);
  CHECK(differences(attend<as_is, as_is>(cache, t, 490, 10), attend<as_is, as_is>(expected, t, 490, 10)) == 0);
}

TEST_CASE("heads of one kind, and what a cache of two kinds refuses") {
  using test::error_of;
  text const t(200);
  for (bool const kind : {true, false}) {
    bool const all[] = {kind, kind, kind};
    razor_cache<float, float> cache(shape_of(200), all, {.sinks = 4, .least = 70, .share = 5});
    t.append_to(cache, 0, 200);
    cache.compress();
    auto const out = attend<as_is, as_is>(cache, t, 199, 1);
    double worst = 0;
    for (octavo::index h = 0; h < heads * group; ++h) {
      auto const expected = expected_of(t, h, 64, kind ? 64 : 128);
      for (octavo::index c = 0; c < e; ++c) {
        worst = std::max(worst, std::abs(static_cast<double>(out[static_cast<std::size_t>(h * e + c)]) -
                                         expected[static_cast<std::size_t>(c)]));
      }
    }
    CHECK(worst < 1e-5);
  }
  razor_cache<float, float> cache(shape_of(200), kinds, small);
  t.append_to(cache, 0, 190);
  CHECK(error_of([&] { t.append_to(cache, 0, 11); }) ==
        "razor_cache::append: there is room for tokens 10, given are 11. Make a cache of more capacity.");
  heads_view<float const> const two(t.k.data(), d, 2, 1, d, 2 * d);
  CHECK(error_of([&] { cache.append(two, two); }).find("keys have heads 2, the cache 3") != std::string::npos);
  CHECK(error_of([&] {
          cache.append(heads_view<float const>(t.k.data(), d, 3, 1, d, 3 * d),
                       heads_view<float const>(t.k.data(), d, 3, 1, d, 3 * d));
        }).find("values have head_dim 20, the cache 9") != std::string::npos);
  CHECK(cache.tokens() == 190);
  float out[e * 4];
  CHECK(error_of([&] {
          cache.attend(heads_view<float const>(t.q.data(), d, 4, 1, d, d), heads_view<float>(out, e, 4, 1, e, e));
        }).find("razor_cache::attend: Q has heads 4, the cache 3") == 0);
  CHECK(error_of([] { razor_cache<k8, k4> c(shape_of(10), nullptr); }).find("is null") != std::string::npos);
  CHECK(error_of([] { razor_cache<k8, k4> c(shape_of(10), kinds, {.sinks = -1}); }) != "no error");
  CHECK(error_of([] { razor_cache<k8, k4> c(shape_of(10), kinds, {.share = 0}); }) != "no error");
}
