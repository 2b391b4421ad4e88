// SPDX-License-Identifier: MIT
// bench_attention: softmax(Q K) V for many queries (attention/...) and for one (decode/...).
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "octavo/octavo.hpp"
#include "octavo/reference/attention.hpp"

#include "rows.hpp"

namespace bench {
namespace {

struct shape {
  index query_heads;
  index kv_heads;
  index head_dim;
  index queries;
  index keys;
  bool causal = false;

  [[nodiscard]] std::string name() const {
    std::string const heads = query_heads == kv_heads ? std::to_string(kv_heads)
                                                      : std::to_string(query_heads) + "on" + std::to_string(kv_heads);
    return "h" + heads + ".d" + std::to_string(head_dim) + (queries == 1 ? "" : ".q" + std::to_string(queries)) +
           ".k" + std::to_string(keys) + (causal ? ".causal" : "");
  }
};

/// Q, K, V of standard normal numbers, [head][token][channel].
template <class T>
struct inputs {
  shape s;
  std::vector<T> q, k, v;
  std::vector<float> out;

  explicit inputs(shape const& of) : s(of) {
    fill(q, s.query_heads * s.queries, 1);
    fill(k, s.kv_heads * s.keys, 2);
    fill(v, s.kv_heads * s.keys, 3);
    out.resize(q.size());
  }
  [[nodiscard]] octavo::heads_view<T const> view(std::vector<T> const& x, index heads, index tokens) const {
    return {x.data(), s.head_dim, heads, tokens, tokens * s.head_dim, s.head_dim};
  }
  [[nodiscard]] octavo::heads_view<float> output() {
    return {out.data(), s.head_dim, s.query_heads, s.queries, s.queries * s.head_dim, s.head_dim};
  }
  /// Squared error of a few queries of one head against the double reference / squared reference.
  [[nodiscard]] double nmse() const {
    octavo::reference::attention_problem p;
    p.queries = std::min<index>(s.queries, 4);  // the last ones
    p.keys = s.keys;
    p.head_dim = s.head_dim;
    p.value_dim = s.head_dim;
    p.scale = 1 / std::sqrt(static_cast<double>(s.head_dim));
    p.causal = s.causal;
    auto const first = static_cast<std::ptrdiff_t>((s.queries - p.queries) * s.head_dim);
    auto const take = [](auto from, index n) {
      std::vector<double> x;
      for (index i = 0; i < n; ++i) { x.push_back(static_cast<double>(static_cast<float>(from[i]))); }
      return x;
    };
    p.q = take(q.begin() + first, p.queries * s.head_dim);
    p.k = take(k.begin(), s.keys * s.head_dim);
    p.v = take(v.begin(), s.keys * s.head_dim);
    auto const exact = octavo::reference::attention(p);
    double error = 0;
    double total = 0;
    for (std::size_t i = 0; i < exact.out.size(); ++i) {
      error += std::pow(static_cast<double>(out[static_cast<std::size_t>(first) + i]) - exact.out[i], 2);
      total += exact.out[i] * exact.out[i];
    }
    return error / total;
  }

 private:
  void fill(std::vector<T>& x, index tokens, unsigned seed) const {
    auto const values = normal(tokens * s.head_dim, 1.0f, seed);
    x = std::vector<T>(values.begin(), values.end());
  }
};

/// Multiply-adds of Q K and P V that masks leave, twice.
double operations_of(shape const& s) {
  auto const n = static_cast<double>(s.queries);
  auto const keys = static_cast<double>(s.keys);
  double const seen = s.causal ? n * keys - n * (n - 1) / 2 : n * keys;
  return 4.0 * static_cast<double>(s.query_heads * s.head_dim) * seen;
}

/// The peak of two products of the same length: the sum of their times at their own peaks.
template <class Arch, class S>
double product_peak(pool& threads) {
  if constexpr (std::is_same_v<S, octavo::as_is>) {
    return peak<typename sequences<Arch>::f32>(threads);
  } else if constexpr (octavo::kernel::weight_quantizer<typename S::quantizer>::is) {  // two planes of bytes
    return peak<typename sequences<Arch>::template int8<255>>(threads) / 2;
  } else if constexpr (!octavo::lattice<typename S::format>.exact) {
    return peak<typename sequences<Arch>::bf16>(threads);
  } else {
    using F = typename S::format;
    return peak<typename sequences<Arch>::template int8<octavo::lattice<F>.highest - octavo::lattice<F>.lowest>>(
        threads);
  }
}
template <class Arch, class S, class P>
constexpr auto peak_of() {
  return +[](pool& threads) { return 2 / (1 / product_peak<Arch, S>(threads) + 1 / product_peak<Arch, P>(threads)); };
}

/// Q K and P V by schemes S and P, or as they are; with more options.
template <class Arch, class T, class S = octavo::as_is, class P = octavo::as_is, class... More>
void add(std::string const& schemes, shape const& s, int threads, More const&... more) {
  if constexpr (octavo::arch_compiled<Arch>) {
    if (!octavo::cpu_has<Arch>()) { return; }
    add_row((s.queries == 1 ? "decode/" : "attention/") + schemes + "/" + s.name() + "/" + octavo::arch_name<Arch> +
                "/" + std::to_string(threads),
            [=] {
              auto const in = std::make_shared<inputs<T>>(s);
              row r;
              r.threads = std::make_shared<pool>(threads);
              r.operations = operations_of(s);
              r.peak = peak_of<Arch, S, P>();
              index const size = static_cast<index>(in->k.size() * sizeof(T));
              r.bytes = 2.0 * static_cast<double>(size);
              r.memory = {bytes_of(in->k.data(), size), bytes_of(in->v.data(), size)};
              r.call = [in, s, threads_of_call = r.threads, more...] {
                auto scratch = call_scratch();
                auto const context = octavo::on<Arch>(*threads_of_call).scratch(scratch);
                auto const q = in->view(in->q, s.query_heads, s.queries);
                auto const k = in->view(in->k, s.kv_heads, s.keys);
                auto const v = in->view(in->v, s.kv_heads, s.keys);
                if (s.causal) {
                  octavo::attention<S, P>(q, k, v, in->output(), octavo::causal{}, more..., context);
                } else {
                  octavo::attention<S, P>(q, k, v, in->output(), more..., context);
                }
              };
              r.nmse = [in] { return in->nmse(); };
              return r;
            });
  }
}

/// Queries and keys are turned to their positions, those of the reference too.
void turn(inputs<float>& in, octavo::key_rope const& rope) {
  shape const& s = in.s;
  auto const turned = [&](std::vector<float>& x, index heads, index tokens) {
    octavo::rope(octavo::heads_view<float>(x.data(), s.head_dim, heads, tokens, tokens * s.head_dim, s.head_dim),
                 s.keys - tokens, rope.table, octavo::on<octavo::scalar>());
  };
  turned(in.q, s.query_heads, s.queries);
  turned(in.k, s.kv_heads, s.keys);
}

/// Products by S and P with the keys by K and the values by V of a cache, with more options. With `Sequences`, one
/// query for each head and sequence against as many caches, in one call.
template <class Arch, class K, class V, class S, class P, index Sequences = 0, class... More>
void add_over(std::string const& schemes, shape const& s, int threads, More const&... more) {
  if constexpr (octavo::arch_compiled<Arch>) {
    if (!octavo::cpu_has<Arch>()) { return; }
    add_row((s.queries == 1 ? "decode/" : "attention/") + schemes + "/" + s.name() +
                (Sequences == 0 ? "" : ".b" + std::to_string(Sequences)) + "/" + octavo::arch_name<Arch> + "/" +
                std::to_string(threads),
            [=] {
              constexpr index sequences = Sequences == 0 ? 1 : Sequences;
              using cache_type = octavo::kv_cache<K, V>;
              auto of = s;
              of.queries *= sequences;
              auto const in = std::make_shared<inputs<float>>(of);
              auto const caches = std::make_shared<std::vector<cache_type>>();
              auto const pointers = std::make_shared<std::vector<cache_type const*>>();
              row r;
              for (index i = 0; i < sequences; ++i) {
                caches->emplace_back(
                    octavo::cache_shape{.head_dim = s.head_dim, .kv_heads = s.kv_heads, .capacity = s.keys});
                caches->back().append(in->view(in->k, s.kv_heads, s.keys), in->view(in->v, s.kv_heads, s.keys));
              }
              for (auto const& cache : *caches) {
                pointers->push_back(&cache);
                r.bytes += static_cast<double>(cache.bytes());
                for (index p = 0; p < octavo::ceil_div(s.keys, cache.shape().block); ++p) {
                  r.memory.push_back(bytes_of(cache.block(p), cache.block_bytes()));
                }
              }
              (turn(*in, more), ...);
              r.threads = std::make_shared<pool>(threads);
              r.operations = static_cast<double>(sequences) * operations_of(s);
              r.peak = peak_of<Arch, S, P>();
              r.call = [in, caches, pointers, threads_of_call = r.threads, more...] {
                auto scratch = call_scratch();
                auto const attend = [&](auto const& read) {
                  octavo::attention<S, P>(in->view(in->q, in->s.query_heads, in->s.queries), read.keys(),
                                          read.values(), in->output(), more...,
                                          octavo::on<Arch>(*threads_of_call).scratch(scratch));
                };
                if constexpr (Sequences == 0) {
                  attend(caches->front());
                } else {
                  attend(octavo::cache_batch(pointers->data(), Sequences));
                }
              };
              r.nmse = [in] { return in->nmse(); };
              return r;
            });
  }
}

/// One query for each head against a cache: by integers, or as the floats that it holds.
template <class Arch, class K, class V, index Sequences = 0>
void add_cache(std::string const& schemes, shape const& s, int threads) {
  add_over<Arch, K, V, std::conditional_t<octavo::element<K>, octavo::as_is, octavo::schemes::q8>,
           std::conditional_t<octavo::element<V>, octavo::as_is, octavo::schemes::p8>, Sequences>(schemes, s,
                                                                                                  threads);
}

/// Appending one token of all heads to a cache, beside decode rows; over and over, so that its pages are there.
template <class Arch, class K, class V>
void add_append(std::string const& schemes, shape const& s) {
  if constexpr (octavo::arch_compiled<Arch>) {
    if (!octavo::cpu_has<Arch>()) { return; }
    add_row("append/" + schemes + "/" + s.name() + "/" + octavo::arch_name<Arch> + "/1", [=] {
      auto const in = std::make_shared<inputs<float>>(s);
      auto const cache = std::make_shared<octavo::kv_cache<K, V>>(
          octavo::cache_shape{.head_dim = s.head_dim, .kv_heads = s.kv_heads, .capacity = s.keys + 64});
      row r;
      r.threads = std::make_shared<pool>(1);
      r.bytes = static_cast<double>(2 * s.kv_heads * s.head_dim) * sizeof(float);
      r.memory.push_back(bytes_of(in->k.data(), static_cast<index>(in->k.size() * sizeof(float))));
      r.walk_calls = 64;
      r.call = [in, cache, s] {
        if (cache->tokens() >= s.keys) { cache->truncate(0); }
        auto const at = static_cast<std::size_t>(cache->tokens() * s.head_dim);
        octavo::heads_view<float const> const k(in->k.data() + at, s.head_dim, s.kv_heads, 1, s.keys * s.head_dim,
                                                s.head_dim);
        octavo::heads_view<float const> const v(in->v.data() + at, s.head_dim, s.kv_heads, 1, s.keys * s.head_dim,
                                                s.head_dim);
        octavo::append(*cache, k, v, octavo::on<Arch>());
      };
      return r;
    });
  }
}

template <class Arch>
void add_caches() {
  using namespace octavo::schemes;
  for (int const threads : {1, 2}) {
    for (index const keys : {4096, 32768}) {
      add_cache<Arch, k8, v8>("k8.v8", {8, 8, 128, 1, keys}, threads);
      add_cache<Arch, k8, v8>("k8.v8", {32, 8, 128, 1, keys}, threads);
      add_cache<Arch, k4, v4>("k4.v4", {8, 8, 128, 1, keys}, threads);
      add_cache<Arch, k4, v4>("k4.v4", {32, 8, 128, 1, keys}, threads);
      add_cache<Arch, k2, v2>("k2.v2", {8, 8, 128, 1, keys}, threads);
      add_cache<Arch, k2, v2>("k2.v2", {32, 8, 128, 1, keys}, threads);
    }
  }
  for (index const keys : {4096, 32768}) {
    add_cache<Arch, octavo::f16, octavo::f16>("f16.f16", {8, 8, 128, 1, keys}, 1);
    add_cache<Arch, octavo::f16, octavo::f16>("f16.f16", {32, 8, 128, 1, keys}, 1);
  }
  using k4o1 = octavo::with_outliers<k4, 1>;
  using v4o1 = octavo::with_outliers<v4, 1>;
  add_cache<Arch, k4o1, v4>("k4o1.v4", {8, 8, 128, 1, 4096}, 1);
  for (int const threads : {1, 2}) { add_cache<Arch, k4, v4, 16>("k4.v4", {32, 8, 128, 1, 512}, threads); }
  add_cache<Arch, k4o1, v4o1>("k4o1.v4o1", {8, 8, 128, 1, 4096}, 1);
}

/// Codes that are read as f32 by queries of floats, with keys as they are or turned when they are read.
template <class Arch>
void add_read_caches() {
  using octavo::as_is;
  using namespace octavo::schemes;
  static octavo::rope_table const table(128, 4096);
  octavo::key_rope const rope{table};
  for (index const heads : {8, 32}) {
    add_over<Arch, k8, v8, as_is, as_is>("f32.k8.f32.v8", {heads, 8, 128, 1, 4096}, 1);
    add_over<Arch, k4, v4, as_is, as_is>("f32.k4.f32.v4", {heads, 8, 128, 1, 4096}, 1);
    add_over<Arch, k2, v2, as_is, as_is>("f32.k2.f32.v2", {heads, 8, 128, 1, 4096}, 1);
    add_over<Arch, k4, v4, as_is, as_is>("f32.k4.f32.v4.rope", {heads, 8, 128, 1, 4096}, 1, rope);
    add_over<Arch, k2, v2, as_is, as_is>("f32.k2.f32.v2.rope", {heads, 8, 128, 1, 4096}, 1, rope);
  }
  add_over<Arch, k4, v4, as_is, as_is>("f32.k4.f32.v4", {8, 8, 128, 1024, 1024}, 1);
}

template <class Arch>
void add_floats() {
  add<Arch, float>("f32", {8, 8, 128, 1024, 1024}, 1);
  add<Arch, float>("f32", {8, 8, 128, 1024, 1024}, 2);
  add<Arch, float>("f32", {8, 8, 64, 1024, 1024}, 1);
  add<Arch, octavo::bf16>("bf16", {8, 8, 128, 1024, 1024}, 1);
  add<Arch, float>("f32", {2, 2, 128, 4096, 4096}, 1);
  add<Arch, float>("f32", {2, 2, 128, 4096, 4096, true}, 1);
  for (int const threads : {1, 2}) {
    add<Arch, octavo::f16>("f16", {8, 8, 128, 1, 4096}, threads);
    add<Arch, octavo::f16>("f16", {32, 8, 128, 1, 4096}, threads);
  }
}

template <class Arch>
void add_codes() {
  using namespace octavo::schemes;
  add<Arch, float, q8, p8>("q8.k8.p8.v8", {8, 8, 128, 1024, 1024}, 1);
  add<Arch, float, q8, p8>("q8.k8.p8.v8", {8, 8, 128, 1024, 1024}, 2);
  add<Arch, float, q8, p8>("q8.k8.p8.v8", {8, 8, 64, 1024, 1024}, 1);
  add<Arch, float, q4, p8>("q4.k4.p8.v8", {8, 8, 128, 1024, 1024}, 1);
  add<Arch, float, q8, p8>("q8.k8.p8.v8.smooth", {8, 8, 128, 1024, 1024}, 1, octavo::smooth_keys{},
                           octavo::smooth_values{});
  add<Arch, float, q4, p8>("q4.k4.p8.v8.smooth_qk", {8, 8, 128, 1024, 1024}, 1, octavo::smooth_keys{},
                           octavo::smooth_queries{});
  add<Arch, float, q8, octavo::scheme<octavo::symmetric<octavo::e4m3>, octavo::per_tensor>>(
      "q8.k8.e4m3.e4m3", {8, 8, 128, 1024, 1024}, 1);
  using log2 = octavo::scheme<octavo::symmetric<octavo::log2_format<4>>, octavo::per_tensor>;
  using adalog = octavo::scheme<octavo::adalog<4, octavo::log_zero::extra>, octavo::per_tensor>;
  add<Arch, float, q8, log2>("q8.k8.log2.v8", {8, 8, 128, 1024, 1024}, 1);
  add<Arch, float, q8, adalog>("q8.k8.adalog4.v8", {8, 8, 128, 1024, 1024}, 1, octavo::log_base{19});
  using sulq = octavo::scheme<octavo::sulq<4>, octavo::per_tensor>;
  add<Arch, float, q8, sulq>("q8.k8.sulq4.v8", {8, 8, 128, 1024, 1024}, 1,
                             octavo::sulq<4>::from_range(0.0f, 1.0f, 0.005f));
  add<Arch, float, q8>("q8.k8.f32", {8, 8, 128, 1024, 1024}, 1);
  add<Arch, float, q8, p8>("q8.k8.p8.v8", {2, 2, 128, 4096, 4096, true}, 1);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::add_caches<octavo::avx512vnni>();
  bench::add_caches<octavo::avx2>();
  bench::add_read_caches<octavo::avx512vnni>();
  bench::add_read_caches<octavo::avx2>();
  bench::add_append<octavo::avx512vnni, octavo::f16, octavo::f16>("f16.f16", {8, 8, 128, 1, 4096});
  bench::add_append<octavo::avx512vnni, octavo::schemes::k8, octavo::schemes::v8>("k8.v8", {8, 8, 128, 1, 4096});
  bench::add_append<octavo::avx512vnni, octavo::schemes::k4, octavo::schemes::v4>("k4.v4", {8, 8, 128, 1, 4096});
  bench::add_append<octavo::avx512vnni, octavo::schemes::k2, octavo::schemes::v2>("k2.v2", {8, 8, 128, 1, 4096});
  bench::add_codes<octavo::avx512amx>();
  bench::add_codes<octavo::avx512vnni>();
  bench::add_codes<octavo::avx2>();
  bench::add_floats<octavo::avx512vnni>();
  bench::add_floats<octavo::avx2>();
  return bench::run(argc, argv);
}
