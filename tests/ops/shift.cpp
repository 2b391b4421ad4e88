// SPDX-License-Identifier: MIT
#include "octavo/ops/shift.hpp"

#include "octavo/io/cache_file.hpp"
#include "octavo/ops/append.hpp"
#include "octavo/ops/rope.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

constexpr octavo::index heads = 2;

/// [token][head][channel], keys before they are turned.
struct text {
  octavo::index tokens, d;
  std::vector<float> k, v;
  text(octavo::index n, octavo::index channels, std::uint64_t seed)
      : tokens(n), d(channels), k(test::values(n * heads * d, seed)), v(test::values(n * heads * d, seed + 1)) {}

  [[nodiscard]] static heads_view<float const> view(std::vector<float> const& x, octavo::index d, octavo::index first,
                                                    octavo::index n) {
    return {x.data() + first * heads * d, d, heads, n, d, heads * d};
  }
  /// Appends tokens first ... first + n - 1, whose positions are those of the cache.
  template <class Cache>
  void append_to(Cache& cache, rope_table const& table, octavo::index first, octavo::index n) const {
    std::vector<float> turned(k.begin() + first * heads * d, k.begin() + (first + n) * heads * d);
    rope(heads_view<float>(turned.data(), d, heads, n, d, heads * d), cache.tokens(), table);
    append(cache, view(turned, d, 0, n), view(v, d, first, n));
  }
};

/// The pair of channels (a, b) at position p, in double precision.
std::pair<double, double> turn(double a, double b, double p, double radians, double magnitude) {
  double const c = magnitude * std::cos(p * radians);
  double const s = magnitude * std::sin(p * radians);
  return {a * c - b * s, b * c + a * s};
}

template <class Law>
void check_positions(rope_pairs pairs, Law const& law, double magnitude) {
  constexpr octavo::index d = 10, dims = 6, first = 4, n = 37, tokens = 150;
  rope_table const table(dims, 200, law, pairs);
  text const t(tokens, d, 3);
  kv_cache<float, float> cache({.head_dim = d, .kv_heads = heads, .capacity = tokens});
  t.append_to(cache, table, 0, tokens);
  shift(cache, first, n, table);
  REQUIRE(cache.tokens() == tokens - n);
  double worst = 0;
  int wrong = 0;
  for (octavo::index p = 0; p < cache.tokens(); ++p) {
    octavo::index const from = p < first ? p : p + n;
    for (octavo::index h = 0; h < heads; ++h) {
      float const* const k = t.k.data() + (from * heads + h) * d;
      for (octavo::index i = 0; i < dims / 2; ++i) {
        octavo::index const a = pairs == rope_pairs::halves ? i : 2 * i;
        octavo::index const b = pairs == rope_pairs::halves ? i + dims / 2 : 2 * i + 1;
        auto const [x, y] = turn(static_cast<double>(k[a]), static_cast<double>(k[b]), static_cast<double>(p),
                                 law.inverse_frequency(i, dims), magnitude);
        worst = std::max({worst, std::fabs(static_cast<double>(cache.keys()(h, p, a)) - x),
                          std::fabs(static_cast<double>(cache.keys()(h, p, b)) - y)});
      }
      for (octavo::index c = dims; c < d; ++c) { wrong += cache.keys()(h, p, c) == k[c] ? 0 : 1; }
      for (octavo::index c = 0; c < d; ++c) {
        wrong += cache.values()(h, p, c) == t.v[static_cast<std::size_t>((from * heads + h) * d + c)] ? 0 : 1;
      }
    }
  }
  CHECK(worst < 2e-6);
  CHECK(wrong == 0);
}

template <class K, class V>
void check_same_bits(octavo::index first, octavo::index n) {
  octavo::index const tokens = first + n + 69;
  rope_table const table(20, tokens);
  text const t(tokens, 20, 5);
  cache_shape const shape{.head_dim = 20, .kv_heads = heads, .capacity = tokens, .block = 64};
  kv_cache<K, V> before(shape);
  t.append_to(before, table, 0, tokens);
  auto expected = before.fork();
  shift(expected, first, n, table, on<scalar>());
  // What is encoded is what the cache stood for, turned back.
  kv_cache<K, V> again(shape);
  std::vector<float> k(static_cast<std::size_t>((tokens - n) * heads * 20));
  auto v = k;
  for (octavo::index i = 0; i < (tokens - n) * heads; ++i) {
    octavo::index const p = i / heads;
    octavo::index const from = p < first ? p : p + n;
    for (octavo::index c = 0; c < 20; ++c) {
      auto const x = [&](octavo::index channel) { return before.keys()(i % heads, from, channel); };
      float const cosine = table.cosines(n)[c % 10];
      float const sine = -table.sines(n)[c % 10];
      float const other = c < 10 ? -(x(c + 10) * sine) : x(c - 10) * sine;
      k[static_cast<std::size_t>(i * 20 + c)] = p < first ? x(c) : std::fma(x(c), cosine, other);
      v[static_cast<std::size_t>(i * 20 + c)] = before.values()(i % heads, from, c);
    }
  }
  again.append(text::view(k, 20, 0, tokens - n), text::view(v, 20, 0, tokens - n));
  int wrong = 0;
  for (octavo::index i = first * heads; i < (tokens - n) * heads; ++i) {  // those before were not encoded again
    for (octavo::index c = 0; c < 20; ++c) {
      wrong += again.keys()(i % heads, i / heads, c) == expected.keys()(i % heads, i / heads, c) ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
  test::for_vector_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    auto cache = before.fork();
    shift(cache, first, n, table, on<A>());
    CHECK(io::cache_bytes(cache) == io::cache_bytes(expected));
  });
}

}  // namespace

TEST_CASE("keys of a shifted cache stand where their places are") {
  check_positions(rope_pairs::halves, rope_plain{}, 1.0);
  check_positions(rope_pairs::neighbours, rope_plain{500.0}, 1.0);
  rope_yarn const yarn{.factor = 4, .original_positions = 64};
  check_positions(rope_pairs::halves, yarn, yarn.magnitude());
}

TEST_CASE("a shift encodes what the cache stood for, with the same bits on every instruction set") {
  check_same_bits<k8, k8>(5, 66);
  check_same_bits<k4, f16>(5, 66);
  check_same_bits<scheme<affine_min<uint2, scale_as<f16>>, per_channel_group<32, 64>>, v2>(64, 128);
}

TEST_CASE("a streaming window has the same bytes by chunks, by tokens, in a fork, truncated and from a file") {
  constexpr octavo::index n = 400;
  rope_table const table(16, 128);
  text const t(n, 16, 7);
  streaming_window const w{.sinks = 4, .window = 116, .step = 50};
  cache_shape const shape{.head_dim = 16, .kv_heads = heads, .capacity = 120, .block = 64};
  using cache_type = kv_cache<k8, k4>;
  octavo::index dropped = 0;
  auto const stream = [&](cache_type& cache, octavo::index first, octavo::index last, octavo::index chunk) {
    while (first < last) {
      dropped += make_room(cache, w, table);
      octavo::index const here = std::min({chunk, last - first, w.room(cache)});
      t.append_to(cache, table, first, here);
      first += here;
    }
  };
  cache_type at_once(shape);
  stream(at_once, 0, n, n);
  CHECK(dropped == 300);
  CHECK(at_once.tokens() == 100);
  auto const expected = io::cache_bytes(at_once);

  for (octavo::index const chunk : {1, 7, 64}) {
    cache_type cache(shape);
    stream(cache, 0, n, chunk);
    CHECK(io::cache_bytes(cache) == expected);
  }
  cache_type cache(shape);
  stream(cache, 0, 333, 50);
  auto fork = cache.fork();
  auto const saved = io::cache_bytes(cache);
  stream(cache, 100, 170, 9);  // another text
  stream(fork, 333, 350, 3);
  fork.truncate(fork.tokens() - 17);
  stream(fork, 333, n, 3);
  CHECK(io::cache_bytes(fork) == expected);
  cache_type loaded(shape);
  std::string error;
  REQUIRE(io::load_cache(saved, loaded, error));
  stream(loaded, 333, n, 100);
  CHECK(io::cache_bytes(loaded) == expected);
}

TEST_CASE("positions of a stream never pass its window, and sinks stay") {
  rope_table const table(16, 32);
  text const t(200, 16, 9);
  streaming_window const w{.sinks = 3, .window = 29, .step = 10};
  kv_cache<float, float> cache({.head_dim = 16, .kv_heads = heads, .capacity = 32});
  for (octavo::index i = 0; i < 200; ++i) {
    (void)make_room(cache, w, table);
    t.append_to(cache, table, i, 1);  // the table refuses positions from 32 on
  }
  int wrong = 0;
  for (octavo::index c = 0; c < 16; ++c) {
    for (octavo::index s = 0; s < 3; ++s) {
      wrong += cache.values()(1, s, c) == t.v[static_cast<std::size_t>((s * heads + 1) * 16 + c)] ? 0 : 1;
    }
    for (octavo::index s = 1; s <= cache.tokens() - 3; ++s) {
      wrong +=
          cache.values()(1, cache.tokens() - s, c) == t.v[static_cast<std::size_t>(((200 - s) * heads + 1) * 16 + c)]
              ? 0
              : 1;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("shift refuses what does not fit and the cache stays as it was") {
  using test::error_of;
  rope_table const table(16, 8);
  text const t(30, 16, 2);
  kv_cache<k8, k8> cache({.head_dim = 16, .kv_heads = heads, .capacity = 32});
  append(cache, text::view(t.k, 16, 0, 30), text::view(t.v, 16, 0, 30));
  auto const before = io::cache_bytes(cache);
  CHECK(error_of([&] { shift(cache, 2, 8, table); }) ==
        "shift: positions to go back are 8, the table has 8. Make the table longer.");
  CHECK(error_of([&] { shift(cache, 28, 3, table); }).find("kv_cache::drop") == 0);
  CHECK(error_of([&] { shift(cache, -1, 3, table); }).find("kv_cache::drop") == 0);
  CHECK(error_of([&] { shift(cache, 1, -3, table); }).find("kv_cache::drop") == 0);
  CHECK(error_of([&] { shift(cache, 1, 3, rope_table(18, 8)); }) ==
        "shift: the table turns channels 18, a head has 16. A head must have at least as many.");
  CHECK(error_of([&] {
          (void)make_room(cache, {.sinks = 2, .window = 10, .step = 11}, table);
        }).find("tokens that leave at once are 11, the window has 10") != std::string::npos);
  CHECK(io::cache_bytes(cache) == before);
  shift(cache, 2, 0, table);
  CHECK(io::cache_bytes(cache) == before);
}
