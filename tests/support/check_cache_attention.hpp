// SPDX-License-Identifier: MIT
// Attention over caches against the double reference of what their pages hold, and against floats, to the bit.
#pragma once

#include "octavo/ops/attention.hpp"
#include "octavo/quant/schemes.hpp"
#include "octavo/storage/kv_cache.hpp"

#include "support/check_attention.hpp"

#include <initializer_list>

namespace test {

using namespace octavo;

using values_of_floats = std::vector<float>;

inline heads_view<float> output(attention_case<float> const& c, values_of_floats& out) {
  auto const& p = c.problem;
  out.assign(static_cast<std::size_t>(p.query_heads * p.queries * p.value_dim), -77.0f);
  return {out.data(), p.value_dim, p.query_heads, p.queries, p.queries * p.value_dim, p.value_dim};
}

template <class S, class P, class Cache, class... Options>
values_of_floats attend_cache(attention_case<float> const& c, Cache const& cache, Options const&... options) {
  values_of_floats out;
  attention<S, P>(c.queries(), cache.keys(), cache.values(), output(c, out), options...);
  return out;
}

inline octavo::index differences(values_of_floats const& a, values_of_floats const& b) {
  octavo::index n = a.size() == b.size() ? 0 : -1;
  for (std::size_t i = 0; i < a.size() && n >= 0; ++i) { n += test::same_bits(a[i], b[i]) ? 0 : 1; }
  return n;
}

template <class Cache>
Cache cache_of(attention_case<float> const& c, octavo::index block = 128) {
  auto const& p = c.problem;
  return Cache({.head_dim = p.head_dim,
                .kv_heads = p.kv_heads,
                .capacity = p.keys + 70,
                .value_head_dim = p.value_dim,
                .block = block});
}
template <class K, class V>
kv_cache<K, V> filled(attention_case<float> const& c) {
  auto cache = cache_of<kv_cache<K, V>>(c);
  cache.append(c.keys(), c.values());
  return cache;
}

/// The problem with what pages hold in place of K and V, as floats too.
template <class Cache>
attention_case<float> of_pages(attention_case<float> c, Cache const& cache) {
  auto const& p = c.problem;
  auto const take = [&](auto const& side, octavo::index d, std::vector<float>& to, std::vector<double>& exact) {
    for (octavo::index i = 0; i < p.kv_heads * p.keys * d; ++i) {
      auto const at = static_cast<std::size_t>(i);
      to[at] = side(i / d / p.keys, i / d % p.keys, i % d);
      exact[at] = static_cast<double>(to[at]);
    }
  };
  take(cache.keys(), p.head_dim, c.k, c.problem.k);
  take(cache.values(), p.value_dim, c.v, c.problem.v);
  return c;
}
/// Queries as the scheme octavo::schemes::q8 sees them.
inline void quantize_queries(attention_case<float>& c) {
  using Q = octavo::schemes::q8::quantizer;
  auto const d = c.problem.head_dim;
  for (octavo::index i = 0; i < d * c.problem.query_heads * c.problem.queries; ++i) {
    auto const p = Q::calibrate({c.q.data() + i / d * d, static_cast<std::size_t>(d)});
    auto const at = static_cast<std::size_t>(i);
    c.problem.q[at] = static_cast<double>(Q::decode(Q::encode(c.q[at], p), p));
  }
}

inline double nmse(values_of_floats const& got, std::vector<double> const& exact) {
  double error = 0;
  double total = 1e-30;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    error += std::pow(static_cast<double>(got[i]) - exact[i], 2);
    total += exact[i] * exact[i];
  }
  return error / total;
}

/// By integers: what is left beside the steps of codes are those of the bytes of weights, 1/510 of the largest of a
/// page.
template <class K, class V, class... Options>
void check_codes(attention_case<float> const& c, Options const&... options) {
  auto const& p = c.problem;
  INFO(p.queries << " queries, " << p.keys << " keys, " << p.head_dim << " and " << p.value_dim << " channels");
  auto const cache = filled<K, V>(c);
  auto const expected = attend_cache<octavo::schemes::q8, octavo::schemes::p8>(c, cache, options..., on<scalar>());
  auto seen = of_pages(c, cache);
  if constexpr (decltype(cache.keys())::residual == 1) { quantize_queries(seen); }  // else with scales of keys
  CHECK(nmse(expected, reference::attention(seen.problem).out) < 1e-4);
  test::for_vector_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(differences(attend_cache<octavo::schemes::q8, octavo::schemes::p8>(c, cache, options..., on<A>()),
                      expected) == 0);
  });
}

/// As floats: the bits of attention over floats that are equal to what pages hold.
template <class K, class V, class... Options>
void check_floats(attention_case<float> const& c, Options const&... options) {
  auto const cache = filled<K, V>(c);
  auto const seen = of_pages(c, cache);
  values_of_floats expected;
  attention(seen.queries(), seen.keys(), seen.values(), output(seen, expected), options..., on<scalar>());
  INFO(c.problem.keys << " keys, " << c.problem.head_dim << " and " << c.problem.value_dim << " channels");
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(differences(attend_cache<as_is, as_is>(c, cache, options..., on<A>()), expected) == 0);
  });
}

/// By integers, causal: how many outputs of these queries, each as the last token of a fork, differ from those of all
/// at once.
template <class Cache>
octavo::index single_differences(attention_case<float> const& c, Cache const& cache, values_of_floats const& all,
                                 std::initializer_list<octavo::index> queries) {
  auto const& p = c.problem;
  octavo::index wrong = 0;
  for (octavo::index const query : queries) {
    values_of_floats out(static_cast<std::size_t>(p.query_heads * p.value_dim));
    auto seen = cache.fork();
    seen.truncate(p.keys - p.queries + 1 + query);
    attention<octavo::schemes::q8, octavo::schemes::p8>(
        c.queries(query, 1), seen.keys(), seen.values(),
        heads_view<float>(out.data(), p.value_dim, p.query_heads, 1, p.value_dim, p.value_dim), causal{},
        on<scalar>());
    for (octavo::index i = 0; i < p.query_heads * p.value_dim; ++i) {
      auto const at = static_cast<std::size_t>((i / p.value_dim * p.queries + query) * p.value_dim + i % p.value_dim);
      wrong += same_bits(out[static_cast<std::size_t>(i)], all[at]) ? 0 : 1;
    }
  }
  return wrong;
}

}  // namespace test
