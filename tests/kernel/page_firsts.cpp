// SPDX-License-Identifier: MIT
// attention over a cache whose first tokens are floats: near the reference, the same bits on every instruction set.
#include "octavo/kernel/page_firsts.hpp"

#include "octavo/ops/append.hpp"
#include "octavo/ops/attention.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/check_cache_attention.hpp"
#include "support/executors.hpp"

#include <cmath>
#include <limits>

using namespace octavo;
using namespace octavo::schemes;
using test::attend_cache;
using test::attention_case;
using test::differences;
using test::filled;

namespace {

using keys = first_in_float<k4, 1>;
using values = first_in_float<with_outliers<v4, 1>, 15>;

struct shape {
  octavo::index queries, keys, head_dim, value_dim;
};

/// The first tokens are 30 times as large as others. Queries are integers / 64, the largest 127: int8 is exact.
attention_case<float> with_large_firsts(shape const& s, octavo::index firsts) {
  attention_case<float> c(4, 2, s.queries, s.keys, s.head_dim, s.value_dim, 5);
  c.problem.causal = true;
  for (octavo::index h = 0; h < 2; ++h) {
    for (octavo::index i = 0; i < std::min(firsts, s.keys) * s.value_dim; ++i) {
      c.v[static_cast<std::size_t>(h * s.keys * s.value_dim + i)] *= 30;
    }
  }
  for (std::size_t i = 0; i < c.q.size(); ++i) {
    bool const first = i % static_cast<std::size_t>(s.head_dim) == 0;
    c.q[i] = first ? 127.0f / 64 : std::rint(c.q[i] * 40) / 64;
  }
  c.problem.q.assign(c.q.begin(), c.q.end());
  c.problem.v.assign(c.v.begin(), c.v.end());
  return c;
}

}  // namespace

TEST_CASE("attention over first tokens in float is near the reference, on every instruction set") {
  for (shape const s : {shape{1, 1, 8, 8}, shape{3, 3, 1, 3}, shape{5, 64, 3, 65}, shape{2, 65, 65, 128},
                        shape{7, 511, 80, 63}, shape{16, 16, 128, 80}, shape{50, 600, 128, 128}}) {
    test::check_codes<keys, values>(with_large_firsts(s, 15), causal{});
    test::check_codes<first_in_float<k2, 15>, first_in_float<v2, 4>>(with_large_firsts(s, 4), causal{});
  }
  auto const c = with_large_firsts({40, 1040, 64, 80}, 3);  // the first are seen, and some behind them are not
  auto window = c;
  window.problem.left = 100;
  window.problem.first = 3;
  test::check_codes<keys, first_in_float<v8, 3>>(window, causal{}, sliding_window{.left = 100, .first = 3});
}

TEST_CASE("attention over first tokens in float has the bits of attention over floats") {
  for (shape const s : {shape{1, 1, 8, 8}, shape{3, 65, 3, 65}, shape{5, 513, 65, 80}}) {
    test::check_floats<keys, values>(with_large_firsts(s, 15), causal{});
    test::check_floats<first_in_float<k2, 3>, f16>(with_large_firsts(s, 0), causal{});
  }
}

TEST_CASE("a query that sees only first tokens has the attention of floats") {
  auto const c = with_large_firsts({4, 4, 64, 64}, 4);
  auto const cache = filled<first_in_float<k2, 4>, first_in_float<v2, 4>>(c);
  auto const exact = reference::attention(c.problem).out;
  CHECK(test::nmse(attend_cache<q8, p8>(c, cache, causal{}, on<scalar>()), exact) < 1e-12);
}

TEST_CASE("first tokens in float do not cost the others their precision") {
  auto const c = with_large_firsts({8, 200, 128, 128}, 1);
  auto const exact = reference::attention(c.problem).out;
  double const plain = test::nmse(attend_cache<q8, p8>(c, filled<k8, v8>(c), causal{}, on<scalar>()), exact);
  auto const cache = filled<first_in_float<k8, 1>, first_in_float<v8, 1>>(c);
  CHECK(test::nmse(attend_cache<q8, p8>(c, cache, causal{}, on<scalar>()), exact) < 0.3 * plain);
}

TEST_CASE("bits of attention over first tokens do not depend on queries, threads, or how tokens came") {
  auto const c = with_large_firsts({60, 620, 20, 80}, 15);
  auto const cache = filled<keys, values>(c);
  auto const all = attend_cache<q8, p8>(c, cache, causal{}, on<scalar>());
  test::backwards const threads;
  CHECK(differences(attend_cache<q8, p8>(c, cache, causal{}, on<scalar>(threads)), all) == 0);
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    auto other = test::cache_of<kv_cache<keys, values>>(c);
    append(other, c.keys(), c.values(), on<A>());
    other.truncate(0);
    for (octavo::index i = 0; i < 620; ++i) {
      append(other, heads_view<float const>(c.k.data() + i * 20, 20, 2, 1, 620 * 20, 20),
             heads_view<float const>(c.v.data() + i * 80, 80, 2, 1, 620 * 80, 80), on<A>());
    }
    CHECK(differences(attend_cache<q8, p8>(c, other, causal{}, on<scalar>()), all) == 0);
  });
  CHECK(test::single_differences(c, cache, all, {0, 7, 59}) == 0);
}

TEST_CASE("a first value that is not finite is seen where it weighs something") {
  auto c = with_large_firsts({3, 3, 16, 16}, 0);
  c.v[2 * 16 + 5] = std::numeric_limits<float>::infinity();  // token 2 of the first kv head
  auto const cache = filled<first_in_float<k4, 4>, first_in_float<v4, 4>>(c);
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    auto const out = attend_cache<q8, p8>(c, cache, causal{}, on<A>());
    for (octavo::index i = 0; i < 4 * 3 * 16; ++i) {
      bool const sees = i / 48 < 2 && i / 16 % 3 == 2;
      CHECK(std::isnan(out[static_cast<std::size_t>(i)]) == sees);
    }
  });
}
