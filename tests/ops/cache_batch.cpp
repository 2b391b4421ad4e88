// SPDX-License-Identifier: MIT
// attention over the caches of several sequences in one call: the bits of a call for each, whoever works.
#include "octavo/ops/attention.hpp"
#include "octavo/ops/cache_batch.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/books.hpp"
#include "support/check_cache_attention.hpp"
#include "support/errors.hpp"
#include "support/executors.hpp"

#include <string>

using namespace octavo;
using namespace octavo::schemes;
using test::attention_case;
using test::differences;
using test::values_of_floats;

namespace {

/// So many tokens in a cache, and so many queries of them.
struct sequence {
  octavo::index queries, keys;
};
using sequences = std::vector<sequence>;

sequences const decoding{{1, 65}, {1, 0}, {1, 1000}, {1, 1}, {1, 1100}, {1, 64}, {1, 63}};
/// Parts of prompts beside tokens: no queries, no keys, more queries than keys, three leaves.
sequences const mixed{{1, 1000}, {70, 1100}, {0, 65}, {3, 0}, {5, 2}, {1, 63}, {64, 64}, {0, 0}, {1, 1}};

/// Two kv heads of four; keys of d channels and values of e. make(shape, s) is cache s.
template <class Cache>
struct batch_case {
  sequences of;
  octavo::index e;
  std::vector<Cache> caches;
  std::vector<Cache const*> pointers;
  std::vector<octavo::index> offsets{0};
  attention_case<float> c;

  batch_case(sequences const& lengths, octavo::index d, octavo::index value_dim)
      : batch_case(lengths, d, value_dim, [](cache_shape const& shape, std::size_t) { return Cache(shape); }) {}
  template <class Make>
  batch_case(sequences const& lengths, octavo::index d, octavo::index value_dim, Make const& make)
      : of(lengths), e(value_dim), c(4, 2, queries_of(lengths), 1, d, value_dim, 31) {
    for (std::size_t s = 0; s < of.size(); ++s) {
      attention_case<float> const tokens(2, 2, 0, of[s].keys, d, e, 40 + s);
      caches.push_back(make({.head_dim = d,
                             .kv_heads = 2,
                             .capacity = of[s].keys + 3,
                             .value_head_dim = e,
                             .block = s % 2 == 0 ? 64 : 512},
                            s));
      caches.back().append(tokens.keys(), tokens.values());
      offsets.push_back(offsets.back() + of[s].queries);
    }
    for (auto const& cache : caches) { pointers.push_back(&cache); }
  }
  [[nodiscard]] cache_batch<Cache> batch() const {
    return {pointers.data(), static_cast<octavo::index>(pointers.size())};
  }
  /// Log-sum-exps and outputs of a call for all of them.
  template <class S, class P, class... Options>
  [[nodiscard]] values_of_floats at_once(Options const&... options) const {
    return with_room([&](float* lse, float* out, octavo::index n) {
      attention<S, P>(c.queries(), batch().keys(), batch().values(), view(out, 0, n), log_sum_exp{lse, n},
                      options...);
    });
  }
  /// The same of a call for each.
  template <class S, class P, class... Options>
  [[nodiscard]] values_of_floats one_by_one(Options const&... options) const {
    return with_room([&](float* lse, float* out, octavo::index n) {
      for (std::size_t s = 0; s < of.size(); ++s) {
        auto const first = offsets[s];
        if (of[s].queries == 0) { continue; }
        attention<S, P>(c.queries(first, of[s].queries), caches[s].keys(), caches[s].values(),
                        view(out, first, of[s].queries), log_sum_exp{lse + first, n}, options...);
      }
    });
  }
  [[nodiscard]] ragged packed() const {
    return {.queries = offsets.data(), .sequences = static_cast<octavo::index>(of.size())};
  }

 private:
  static octavo::index queries_of(sequences const& lengths) {
    octavo::index n = 0;
    for (auto const& s : lengths) { n += s.queries; }
    return n;
  }
  [[nodiscard]] heads_view<float> view(float* out, octavo::index first, octavo::index n) const {
    return {out + first * e, e, 4, n, c.problem.queries * e, e};
  }
  template <class Fill>
  [[nodiscard]] values_of_floats with_room(Fill const& fill) const {
    auto const n = c.problem.queries;
    values_of_floats room(static_cast<std::size_t>(4 * n * (1 + e)), -77.0f);
    fill(room.data(), room.data() + 4 * n, n);
    return room;
  }
};

/// All at once by one worker, two, three, has the bits of one by one.
template <class A, class S, class P, class Cache, class... Options>
void check_on(batch_case<Cache> const& b, Options const&... options) {
  INFO(arch_name<A>);
  test::backwards const one{1};
  auto const expected = b.template one_by_one<S, P>(options..., on<A>(one));
  CHECK(std::count(expected.begin(), expected.end(), -77.0f) == 0);
  for (int const workers : {1, 2, 3}) {
    INFO(workers << " workers");
    test::backwards const threads{workers};
    CHECK(differences(b.template at_once<S, P>(options..., b.packed(), on<A>(threads)), expected) == 0);
    if (b.c.problem.queries == b.batch().caches()) {
      CHECK(differences(b.template at_once<S, P>(options..., on<A>(threads)), expected) == 0);
    }
  }
}
template <class S, class P, class K, class V, class... Options>
void check(octavo::index d, octavo::index e, Options const&... options) {
  for (auto const& lengths : {decoding, mixed}) {
    batch_case<kv_cache<K, V>> const b(lengths, d, e);
    test::for_archs([&](auto arch) { check_on<typename decltype(arch)::type, S, P>(b, causal{}, options...); });
  }
}

}  // namespace

TEST_CASE("a batch of caches has the bits of a call for each: codes of 8 and 4 bits") {
  check<q8, p8, k8, v8>(40, 24);
  check<q8, p8, k4, v4>(65, 128);
}

TEST_CASE("a batch of caches has the bits of a call for each: keys by channel") { check<q8, p8, k2, v2>(64, 64); }

TEST_CASE("a batch of caches has the bits of a call for each: floats of elements and of codes") {
  check<as_is, as_is, f16, f16>(33, 20);
  check<as_is, as_is, k2, v4>(24, 65);
}

TEST_CASE("a batch of caches with options, outliers and first tokens in float") {
  test::random next(50);
  std::vector<float> bias(200 * 1100);
  for (float& x : bias) { x = next.value(); }
  std::vector<float> const sinks{0.5f, -1.0f, 2.0f, 0.0f};
  std::vector<float> const slopes{0.25f, 0.5f, 0.125f, 1.0f};
  using K = first_in_float<with_outliers<k4, 1>, 3>;
  using V = first_in_float<with_outliers<v4, 1>, 2>;
  batch_case<kv_cache<K, V>> const codes(decoding, 40, 24);
  batch_case<kv_cache<k8, k4>> const floats(mixed, 24, 40);
  rope_table const table(24, 1100);
  test::for_vector_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    check_on<A, q8, p8>(codes, sliding_window{.left = 700, .first = 2}, sink_logits{sinks.data()}, soft_cap{3.0f});
    check_on<A, as_is, as_is>(codes, alibi{slopes.data()});
    check_on<A, as_is, as_is>(floats, causal{}, key_rope{table});
  });
  // Biases have the queries of all.
  auto const b = [&](octavo::index first) { return additive_bias<float>{bias.data() + first * 1100, 1100}; };
  auto const all = floats.at_once<q8, p8>(b(0), floats.packed());
  for (std::size_t s = 0; s < floats.of.size(); ++s) {
    auto const first = floats.offsets[s];
    auto const n = floats.of[s].queries;
    values_of_floats out(static_cast<std::size_t>(4 * n * 40));
    attention<q8, p8>(floats.c.queries(first, n), floats.caches[s].keys(), floats.caches[s].values(),
                      heads_view<float>(out.data(), 40, 4, n, n * 40, 40), b(first));
    auto const count = floats.c.problem.queries;
    int wrong = 0;
    for (octavo::index i = 0; i < 4 * n * 40; ++i) {
      auto const at = static_cast<std::size_t>(4 * count + (i / 40 / n * count + first + i / 40 % n) * 40 + i % 40);
      wrong += test::same_bits(out[static_cast<std::size_t>(i)], all[at]) ? 0 : 1;
    }
    INFO("sequence " << s);
    CHECK(wrong == 0);
  }
}

TEST_CASE("caches of a batch may have codebooks of their own") {
  using K = test::run_time<2, per_channel_group<32>>;
  using cache = kv_cache<K, v4>;
  batch_case<cache> const b({{1, 70}, {1, 600}, {1, 33}}, 24, 16, [](cache_shape const& shape, std::size_t s) {
    auto book = test::book_of<test::book_2>();
    if (s == 1) { book = test::book_of<test::normed_2>(); }
    return cache(shape, {.keys = book});
  });
  check_on<default_arch, as_is, as_is>(b);
}

TEST_CASE("tokens may be appended to the caches of a batch") {
  batch_case<kv_cache<k8, v8>> b({{1, 64}, {1, 600}}, 16, 16);
  auto const batch = b.batch();
  attention_case<float> const more(2, 2, 0, 2, 16, 16, 60);
  b.caches[0].append(more.keys(), more.values());
  CHECK(batch.keys().tokens(0) == 66);
  values_of_floats out(4 * 2 * 16);
  attention<q8, p8>(b.c.queries(), batch.keys(), batch.values(), heads_view<float>(out.data(), 16, 4, 2, 2 * 16, 16));
  auto const expected = b.one_by_one<q8, p8>();
  CHECK(differences(out, values_of_floats(expected.begin() + 8, expected.end())) == 0);
}

TEST_CASE("without caches attention of a batch does nothing, and a cache without tokens gives 0") {
  cache_batch<kv_cache<k8, v8>> const none(nullptr, 0);
  float x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  heads_view<float const> const q(x, 8, 1, 0, 8, 8);
  heads_view<float> const out(x, 8, 1, 0, 8, 8);
  octavo::index const zero = 0;
  CHECK(can_attention(q, none.keys(), none.values(), out));
  attention<q8, p8>(q, none.keys(), none.values(), out, causal{});
  attention(q, none.keys(), none.values(), out, ragged{.queries = &zero, .sequences = 0});
  CHECK(x[0] == 1);

  batch_case<kv_cache<k8, v8>> const empty({{1, 0}, {1, 0}}, 8, 5);
  auto expected = values_of_floats(48, 0.0f);
  for (std::size_t i = 0; i < 8; ++i) { expected[i] = -std::numeric_limits<float>::infinity(); }
  CHECK(empty.at_once<q8, p8>() == expected);
}

TEST_CASE("a batch of caches refuses what does not fit") {
  using cache = kv_cache<k8, v8>;
  cache const a({.head_dim = 8, .kv_heads = 2, .capacity = 5});
  cache const b({.head_dim = 8, .kv_heads = 2, .capacity = 900});
  auto const batch_of = [&](cache_shape const& other) {
    cache const c(other);
    cache const* const caches[] = {&a, &c};
    return test::error_of([&] { (void)cache_batch(caches, 2); });
  };
  CHECK(batch_of({.head_dim = 8, .kv_heads = 2, .capacity = 70, .block = 64}) == "no error");
  CHECK(batch_of({.head_dim = 16, .kv_heads = 2}) ==
        "cache_batch: a cache has head_dim 16, the first has 8. They must be equal.");
  CHECK(batch_of({.head_dim = 8, .kv_heads = 2, .value_head_dim = 4}) ==
        "cache_batch: a cache has value_head_dim 4, the first has 8. They must be equal.");
  CHECK(batch_of({.head_dim = 8, .kv_heads = 1}) ==
        "cache_batch: a cache has kv_heads 1, the first has 2. They must be equal.");
  cache const* const gap[] = {&a, nullptr, &b};
  CHECK(
      test::error_of([&] { (void)cache_batch(gap, 3); }) ==
      "cache_batch: null is the pointer to cache 1, the caches are 3. They are counted from 0: pass a pointer to each.");
  CHECK(test::error_of([&] { (void)cache_batch<cache>(nullptr, 2); }) ==
        "cache_batch: the array of caches is null. Pass a pointer to each.");
  CHECK(test::error_of([&] { (void)cache_batch(gap, -1); }) == "cache_batch: there are less than 0 caches.");

  cache const* const both[] = {&a, &b};
  cache_batch const batch(both, 2);
  std::vector<float> x(3 * 2 * 8);
  heads_view<float> const three(x.data(), 8, 2, 3, 3 * 8, 8);
  auto const error = [&](auto const& keys, auto const& values, auto const&... options) {
    return test::error_of([&] { attention<q8, p8>(three, keys, values, three, options...); });
  };
  CHECK(error(batch.keys(), batch.values()) ==
        "attention: Q has queries 3, the caches are 2. Without ragged each cache has one.");
  octavo::index const offsets[] = {0, 1, 3, 3};
  CHECK(error(batch.keys(), batch.values(), ragged{.queries = offsets, .sequences = 2}) == "no error");
  CHECK(error(batch.keys(), batch.values(), ragged{.queries = offsets, .sequences = 3}) ==
        "attention: ragged has sequences 3, the caches are 2. They must be equal.");
  CHECK(
      error(batch.keys(), batch.values(), ragged{.queries = offsets + 1, .sequences = 2}) ==
      "attention: an offset of queries is 1, the tokens are 3. Offsets must begin at 0, never go down, and end with the "
      "tokens.");
  CHECK(error(batch.keys(), batch.values(), ragged{offsets, offsets, 2}) ==
        "attention: ragged has offsets of keys, but caches know how many they hold. Leave `keys` out.");
  CHECK(error(batch.keys(), batch.values(), ragged{nullptr, nullptr, 2}) ==
        "attention: the data pointer of an option is null. Pass memory, or leave the option out.");
  cache_batch const first(both, 1);
  CHECK(error(batch.keys(), first.values()) == "attention: K has caches 2, V has 1. They must be equal.");
  cache_batch const no_caches(both, 0);
  CHECK(error(no_caches.keys(), no_caches.values()) ==
        "attention: Q has queries 3, the caches are 0. Without ragged each cache has one.");
  heads_view<float> const two(x.data(), 4, 2, 2, 2 * 4, 4);
  CHECK_FALSE(can_attention(two, batch.keys(), batch.values(), two));
}

TEST_CASE("key_rope of a batch has positions for the longest") {
  batch_case<kv_cache<k8, v8>> const b({{1, 3}, {1, 70}, {1, 5}}, 8, 8);
  CHECK(test::error_of([&] { (void)b.at_once<as_is, as_is>(key_rope{rope_table(8, 69)}); }) ==
        "attention: key_rope has positions 69, K has keys 70. Make a rope_table of more positions.");
  CHECK(test::error_of([&] { (void)b.at_once<as_is, as_is>(key_rope{rope_table(8, 70)}); }) == "no error");
}
