// SPDX-License-Identifier: MIT
// attention over a cache with outliers: near the reference of its pages, the same bits on every instruction set.
#include "octavo/kernel/page_outliers.hpp"

#include "octavo/ops/append.hpp"
#include "octavo/ops/attention.hpp"
#include "octavo/ops/shift.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/check_cache_attention.hpp"
#include "support/executors.hpp"

#include <cmath>
#include <cstring>

using namespace octavo;
using namespace octavo::schemes;
using test::attend_cache;
using test::attention_case;
using test::differences;
using test::filled;

namespace {

using min4 = scheme<affine_min<uint4, scale_as<f16>>, per_token_group<32>>;
using keys = with_outliers<k4, 1>;
using values = with_outliers<v4, 2>;

struct shape {
  octavo::index queries, keys, head_dim, value_dim;
};

/// Every 13th number of keys and values is so many times as large. Queries are integers / 64, the largest 127: int8 is
/// exact.
attention_case<float> with_large(shape const& s, float key_times = 5, float value_times = 30) {
  attention_case<float> c(4, 2, s.queries, s.keys, s.head_dim, s.value_dim, 5);
  c.problem.causal = true;
  for (std::size_t i = 2; i < c.k.size(); i += 13) { c.k[i] *= key_times; }
  for (std::size_t i = 7; i < c.v.size(); i += 13) { c.v[i] *= value_times; }
  for (std::size_t i = 0; i < c.q.size(); ++i) {
    bool const first = i % static_cast<std::size_t>(s.head_dim) == 0;
    c.q[i] = first ? 127.0f / 64 : std::rint(c.q[i] * 40) / 64;
  }
  c.problem.q.assign(c.q.begin(), c.q.end());
  c.problem.k.assign(c.k.begin(), c.k.end());
  c.problem.v.assign(c.v.begin(), c.v.end());
  return c;
}

}  // namespace

TEST_CASE("attention over pages with outliers is near the reference, on every instruction set") {
  for (shape const s :
       {shape{1, 1, 8, 8}, shape{3, 63, 1, 3}, shape{5, 64, 3, 65}, shape{2, 65, 65, 128}, shape{7, 511, 80, 63},
        shape{1, 512, 128, 80}, shape{6, 513, 63, 1}, shape{50, 600, 128, 128}}) {
    test::check_codes<keys, values>(with_large(s), causal{});
    auto const c = with_large(s, 1, 2);
    test::check_codes<with_outliers<min4, 1>, with_outliers<min4, 1>>(c, causal{});
    test::check_codes<with_outliers<k2, 2>, with_outliers<v2, 1>>(c, causal{});
  }
}

TEST_CASE("attention over pages with outliers as floats has the bits of attention over floats") {
  for (shape const s : {shape{1, 1, 8, 8}, shape{3, 65, 3, 65}, shape{5, 513, 65, 80}}) {
    auto const c = with_large(s);
    test::check_floats<keys, values>(c, causal{});
  }
}

TEST_CASE("outliers that are kept bring attention nearer to that of the floats") {
  attention_case<float> c(4, 2, 8, 200, 128, 128, 5);  // one large number of a key, two of a value
  for (std::size_t i = 0; i < c.k.size(); i += 128) { c.k[i + i / 128 % 99] *= 30; }
  for (std::size_t i = 0; i < c.v.size(); i += 64) { c.v[i + i / 64 % 50] *= 30; }
  c.problem.k.assign(c.k.begin(), c.k.end());
  c.problem.v.assign(c.v.begin(), c.v.end());
  auto const exact = reference::attention(c.problem).out;
  double const plain = test::nmse(attend_cache<as_is, as_is>(c, filled<k4, v4>(c), on<scalar>()), exact);
  CHECK(test::nmse(attend_cache<as_is, as_is>(c, filled<keys, values>(c), on<scalar>()), exact) < 0.05 * plain);
}

TEST_CASE("pages with outliers by vectors and by turns") {
  auto const c = with_large({1, 150, 64, 80});
  auto const expected = filled<keys, values>(c);
  auto turned = expected.fork();
  rope_table const table(64, 300);
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    auto cache = test::cache_of<kv_cache<keys, values>>(c);
    append(cache, c.keys(), c.values(), on<A>());
    bool same = true;
    for (octavo::index h = 0; h < 2; ++h) {
      for (octavo::index t = 0; t < 150; ++t) {
        for (octavo::index d = 0; d < 64; ++d) {
          same = same && test::same_bits(cache.keys()(h, t, d), expected.keys()(h, t, d)) &&
                 test::same_bits(cache.values()(h, t, d), expected.values()(h, t, d));
        }
      }
    }
    CHECK(same);
  });
  // Turned keys are nearer to turned floats than those without outliers are.
  auto floats = filled<float, float>(c);
  auto plain = filled<k4, v4>(c);
  shift(turned, 10, 64, table);
  shift(floats, 10, 64, table);
  shift(plain, 10, 64, table);
  auto const error = [&](auto const& cache) {
    double sum = 0;
    for (octavo::index t = 0; t < 86; ++t) {
      for (octavo::index d = 0; d < 64; ++d) {
        sum += std::pow(static_cast<double>(cache.keys()(1, t, d) - floats.keys()(1, t, d)), 2);
      }
    }
    return sum;
  };
  CHECK(turned.tokens() == 86);
  CHECK(error(turned) < 0.9 * error(plain));
}

TEST_CASE("any bytes of outliers are safe") {
  auto const c = with_large({3, 70, 33, 65});
  auto hostile = test::cache_of<kv_cache<keys, values>>(c);
  hostile.assign(70, [&](octavo::index, octavo::index, std::byte* k, std::byte* v) {
    std::memset(k, 0x7b, static_cast<std::size_t>(hostile.keys().layout().bytes()));
    std::memset(v, 0x3b, static_cast<std::size_t>(hostile.values().layout().bytes()));
    std::memset(k + hostile.keys().layout().outliers_at(), 0xff, 256);
    std::memset(v + hostile.values().layout().outliers_at(), 0xff, 256);
  });
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    CHECK(attend_cache<q8, p8>(c, hostile, on<A>()).size() == 4 * 3 * 65);
    CHECK(attend_cache<as_is, as_is>(c, hostile, on<A>()).size() == 4 * 3 * 65);
  });
}

TEST_CASE("bits of attention over outliers do not depend on queries or threads") {
  auto const c = with_large({60, 1040, 20, 80});
  auto const cache = filled<keys, values>(c);
  auto const all = attend_cache<q8, p8>(c, cache, causal{}, on<scalar>());
  test::backwards const threads;
  CHECK(differences(attend_cache<q8, p8>(c, cache, causal{}, on<scalar>(threads)), all) == 0);
  CHECK(test::single_differences(c, cache, all, {0, 7, 59}) == 0);
}
