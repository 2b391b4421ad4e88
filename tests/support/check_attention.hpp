// SPDX-License-Identifier: MIT
// Attention problems of any shape and mask: run by the library, and by the reference.
#pragma once

#include "octavo/ops/attention.hpp"
#include "octavo/reference/attention.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace test {

/// q, k, v and all masks, as exactly long heap arrays. Operands are [head][token][channel].
template <class T>
struct attention_case {
  octavo::reference::attention_problem problem;
  std::vector<T> q, k, v;
  std::vector<float> bias, slopes, sinks;
  std::shared_ptr<bool[]> mask;
  std::shared_ptr<bool[]> blocks;

  attention_case(octavo::index query_heads, octavo::index kv_heads, octavo::index queries, octavo::index keys,
                 octavo::index head_dim, octavo::index value_dim, std::uint64_t seed) {
    problem.query_heads = query_heads;
    problem.kv_heads = kv_heads;
    problem.queries = queries;
    problem.keys = keys;
    problem.head_dim = head_dim;
    problem.value_dim = value_dim;
    problem.scale = 1 / std::sqrt(static_cast<double>(std::max<octavo::index>(head_dim, 1)));
    random next(seed);
    fill(next, q, problem.q, query_heads * queries * head_dim);
    fill(next, k, problem.k, kv_heads * keys * head_dim);
    fill(next, v, problem.v, kv_heads * keys * value_dim);
  }
  attention_case& with_bias(std::uint64_t seed) {
    random next(seed);
    fill(next, bias, problem.bias, problem.query_heads * problem.queries * problem.keys);
    return *this;
  }
  attention_case& with_slopes() {
    problem.alibi = octavo::reference::alibi_slopes(problem.query_heads);
    slopes.assign(problem.alibi.begin(), problem.alibi.end());
    problem.alibi.assign(slopes.begin(), slopes.end());
    return *this;
  }
  attention_case& with_sinks(std::uint64_t seed) {
    random next(seed);
    fill(next, sinks, problem.sinks, problem.query_heads);
    return *this;
  }
  /// True for about `kept` of 8 keys.
  attention_case& with_mask(std::int64_t kept, std::uint64_t seed) {
    random next(seed);
    auto const n = static_cast<std::size_t>(problem.query_heads * problem.queries * problem.keys);
    mask.reset(new bool[n]);
    for (std::size_t i = 0; i < n; ++i) {
      mask.get()[i] = next.below(8) < kept;
      problem.mask.push_back(mask.get()[i]);
    }
    return *this;
  }

  /// Blocks of so many queries and keys, [query head][block of queries][block of keys], true for about `kept` of 8; the
  /// mask says the same.
  attention_case& with_blocks(octavo::index of_queries, octavo::index of_keys, std::int64_t kept,
                              std::uint64_t seed) {
    random next(seed);
    auto const rows = octavo::ceil_div(problem.queries, of_queries);
    auto const cols = octavo::ceil_div(problem.keys, of_keys);
    auto const n = static_cast<std::size_t>(problem.query_heads * rows * cols);
    blocks.reset(new bool[n]);
    for (std::size_t i = 0; i < n; ++i) { blocks.get()[i] = next.below(8) < kept; }
    mask.reset(new bool[static_cast<std::size_t>(problem.query_heads * problem.queries * problem.keys)]);
    problem.mask.clear();
    for (octavo::index h = 0; h < problem.query_heads; ++h) {
      for (octavo::index i = 0; i < problem.queries; ++i) {
        for (octavo::index j = 0; j < problem.keys; ++j) {
          bool const seen = blocks.get()[(h * rows + i / of_queries) * cols + j / of_keys];
          mask.get()[problem.mask.size()] = seen;
          problem.mask.push_back(seen);
        }
      }
    }
    of_blocks = {blocks.get(), of_queries, of_keys, cols, rows * cols};
    return *this;
  }
  octavo::block_mask of_blocks{};
  [[nodiscard]] octavo::boolean_mask of_mask() const {
    return {mask.get(), problem.keys, problem.queries * problem.keys};
  }

  [[nodiscard]] octavo::heads_view<T const> queries(octavo::index first = 0, octavo::index n = -1) const {
    auto const d = problem.head_dim;
    return {q.data() + first * d, d, problem.query_heads, n < 0 ? problem.queries : n, problem.queries * d, d};
  }
  [[nodiscard]] octavo::heads_view<T const> keys() const {
    auto const d = problem.head_dim;
    return {k.data(), d, problem.kv_heads, problem.keys, problem.keys * d, d};
  }
  [[nodiscard]] octavo::heads_view<T const> values() const {
    auto const e = problem.value_dim;
    return {v.data(), e, problem.kv_heads, problem.keys, problem.keys * e, e};
  }

 private:
  template <class E>
  static void fill(random& next, std::vector<E>& values, std::vector<double>& exact, octavo::index n) {
    for (octavo::index i = 0; i < n; ++i) {
      values.push_back(E(next.value()));
      exact.push_back(static_cast<double>(static_cast<float>(values.back())));
    }
  }
};

/// Sequences of these lengths, one behind the other: their offsets.
struct sequence_offsets {
  std::vector<octavo::index> queries{0}, keys{0};

  sequence_offsets(std::initializer_list<std::pair<octavo::index, octavo::index>> lengths) {
    for (auto const& [q, k] : lengths) {
      queries.push_back(queries.back() + q);
      keys.push_back(keys.back() + k);
    }
  }
  [[nodiscard]] octavo::ragged option() const {
    return {queries.data(), keys.data(), static_cast<octavo::index>(queries.size()) - 1};
  }
};

/// Numbers of a call with ragged{} that differ from those of calls for one sequence after the other. run(q, k, v, out,
/// log-sum-exps, first query, options...) calls attention.
template <class T, class Run>
[[nodiscard]] octavo::index ragged_differences(attention_case<T> const& c, sequence_offsets const& of,
                                               Run const& run) {
  auto const& p = c.problem;
  auto const e = p.value_dim;
  auto const n = static_cast<std::size_t>(p.query_heads * p.queries);
  auto const view = [&](auto const& of_all, octavo::index first, octavo::index count) {
    return octavo::heads_view(of_all.data() + first * of_all.token_stride(), of_all.head_dim(), of_all.heads(), count,
                              of_all.head_stride(), of_all.token_stride());
  };
  std::vector<float> together(n * static_cast<std::size_t>(e) + n, -77.0f);
  std::vector<float> apart = together;
  auto const out = [&](std::vector<float>& to) {
    return octavo::heads_view<float>(to.data() + n, e, p.query_heads, p.queries, p.queries * e, e);
  };
  run(c.queries(), c.keys(), c.values(), out(together), octavo::log_sum_exp{together.data(), p.queries}, 0,
      of.option());
  for (std::size_t s = 0; s + 1 < of.queries.size(); ++s) {
    auto const first = of.queries[s];
    auto const count = of.queries[s + 1] - first;
    auto const keys = of.keys[s + 1] - of.keys[s];
    if (count == 0) { continue; }
    run(view(c.queries(), first, count), view(c.keys(), of.keys[s], keys), view(c.values(), of.keys[s], keys),
        view(out(apart), first, count), octavo::log_sum_exp{apart.data() + first, p.queries}, first);
  }
  octavo::index different = 0;
  for (std::size_t i = 0; i < together.size(); ++i) { different += same_bits(together[i], apart[i]) ? 0 : 1; }
  return different;
}

/// out, then log-sum-exps: what is compared.
struct attention_output {
  std::vector<float> out;
  std::vector<float> lse;

  [[nodiscard]] octavo::index differences(attention_output const& other) const {
    if (out.size() != other.out.size() || lse.size() != other.lse.size()) { return -1; }
    octavo::index n = 0;
    for (std::size_t i = 0; i < out.size(); ++i) { n += same_bits(out[i], other.out[i]) ? 0 : 1; }
    for (std::size_t i = 0; i < lse.size(); ++i) { n += same_bits(lse[i], other.lse[i]) ? 0 : 1; }
    return n;
  }
};

/// Q K and P V by these schemes, or as they are.
template <class S, class P, class T, class... Options>
[[nodiscard]] attention_output attend_by(attention_case<T> const& c, Options const&... options) {
  auto const& p = c.problem;
  attention_output r;
  r.out.assign(static_cast<std::size_t>(p.query_heads * p.queries * p.value_dim), -77.0f);
  r.lse.assign(static_cast<std::size_t>(p.query_heads * p.queries), -77.0f);
  octavo::heads_view<float> const out(r.out.data(), p.value_dim, p.query_heads, p.queries, p.queries * p.value_dim,
                                      p.value_dim);
  if (r.lse.empty()) {
    octavo::attention<S, P>(c.queries(), c.keys(), c.values(), out, options...);
  } else {
    octavo::attention<S, P>(c.queries(), c.keys(), c.values(), out, octavo::log_sum_exp{r.lse.data(), p.queries},
                            options...);
  }
  return r;
}
template <class T, class... Options>
[[nodiscard]] attention_output attend(attention_case<T> const& c, Options const&... options) {
  return attend_by<octavo::as_is, octavo::as_is>(c, options...);
}
/// Numbers that the last n queries have alone, and not among `all` of them.
template <class S, class P, class T, class... Options>
[[nodiscard]] octavo::index differences_of_last(attention_case<T> const& c, octavo::index n,
                                                std::vector<float> const& all, Options const&... options) {
  auto const& p = c.problem;
  auto const size = n * p.value_dim;
  std::vector<float> out(static_cast<std::size_t>(p.query_heads * size), -77.0f);
  octavo::attention<S, P>(c.queries(p.queries - n, n), c.keys(), c.values(),
                          octavo::heads_view<float>(out.data(), p.value_dim, p.query_heads, n, size, p.value_dim),
                          options...);
  octavo::index different = 0;
  for (octavo::index h = 0; h < p.query_heads; ++h) {
    for (octavo::index i = 0; i < size; ++i) {
      auto const at = static_cast<std::size_t>(((h + 1) * p.queries - n) * p.value_dim + i);
      different += same_bits(out[static_cast<std::size_t>(h * size + i)], all[at]) ? 0 : 1;
    }
  }
  return different;
}

/// The largest difference from the reference, relative to the largest value; -1 where one is NaN and the other not.
template <class T>
[[nodiscard]] double error_of(attention_case<T> const& c, attention_output const& got) {
  auto const exact = octavo::reference::attention(c.problem);
  double worst = 0;
  auto const compare = [&](std::vector<float> const& xs, std::vector<double> const& ys) {
    for (std::size_t i = 0; i < xs.size(); ++i) {
      if (static_cast<double>(xs[i]) == ys[i] || (std::isnan(xs[i]) && std::isnan(ys[i]))) { continue; }
      double const e = std::abs(static_cast<double>(xs[i]) - ys[i]) / std::max(1.0, std::abs(ys[i]));
      worst = std::isnan(e) ? std::numeric_limits<double>::infinity() : std::max(worst, e);
    }
  };
  compare(got.out, exact.out);
  compare(got.lse, exact.log_sum_exp);
  return worst;
}

/// Near the reference on octavo::scalar, and the same bits on all other instruction sets.
template <class T, class... Options>
void check_attention(attention_case<T> const& c, Options const&... options) {
  auto const& p = c.problem;
  INFO(p.query_heads << " heads on " << p.kv_heads << ", " << p.queries << " queries, " << p.keys << " keys, "
                     << p.head_dim << " and " << p.value_dim << " channels");
  auto const expected = attend(c, options..., octavo::on<octavo::scalar>());
  CHECK(error_of(c, expected) < 4e-6);
  for_vector_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(octavo::arch_name<A>);
    CHECK(attend(c, options..., octavo::on<A>()).differences(expected) == 0);
  });
  if_arch<octavo::sse42>(
      [&](auto) { CHECK(error_of(c, attend(c, options..., octavo::on<octavo::sse42>())) < 8e-6); });
}

}  // namespace test
