// SPDX-License-Identifier: MIT
// Attention against the reference: shapes, heads, elements, what is not finite, errors.
#include "octavo/ops/attention.hpp"

#include "support/check_attention.hpp"
#include "support/errors.hpp"

#include <limits>
#include <string>

using namespace octavo;
using test::attend;
using test::attention_case;
using test::check_attention;

TEST_CASE("attention of odd shapes is near the reference and the same on every instruction set") {
  octavo::index const extents[] = {1, 3, 15, 17, 63, 65, 7, 2};
  octavo::index const keys[] = {511, 513, 1, 3, 15, 17, 63, 65, 64, 512, 1030};
  for (octavo::index i = 0; i < 22; ++i) {
    attention_case<float> c(1, 1, extents[i % 8], keys[i % 11], extents[(i * 3 + 1) % 8], extents[(i * 5 + 2) % 8],
                            static_cast<std::uint64_t>(i));
    check_attention(c);
    c.problem.causal = true;
    check_attention(c, causal{});
  }
}

TEST_CASE("attention shares keys among query heads") {
  attention_case<float> grouped(6, 2, 9, 70, 20, 12, 100);
  check_attention(grouped);
  grouped.problem.causal = true;
  check_attention(grouped, causal{});
  check_attention(attention_case<float>(5, 1, 13, 33, 8, 8, 101));
  check_attention(attention_case<float>(3, 3, 50, 100, 16, 70, 102));
}

TEST_CASE("attention of bf16 and f16") {
  check_attention(attention_case<bf16>(2, 1, 5, 65, 33, 31, 110));
  check_attention(attention_case<f16>(2, 2, 5, 65, 34, 17, 111));
}

TEST_CASE("attention without queries, keys, channels or heads") {
  check_attention(attention_case<float>(2, 1, 3, 0, 8, 8, 1));
  check_attention(attention_case<float>(2, 1, 0, 5, 8, 8, 2));
  check_attention(attention_case<float>(2, 1, 3, 5, 0, 8, 3));
  check_attention(attention_case<float>(2, 1, 3, 5, 8, 0, 4));
  check_attention(attention_case<float>(0, 0, 3, 5, 8, 8, 5));
  attention_case<float> late(1, 1, 9, 4, 8, 8, 6);  // the first five queries see nothing
  late.problem.causal = true;
  check_attention(late, causal{});
  CHECK(attend(late, causal{}).out[0] == 0);
  CHECK(attend(late, causal{}).lse[0] == -std::numeric_limits<float>::infinity());
}

TEST_CASE("one key gives its value, whatever the score") {
  attention_case<float> c(3, 1, 4, 1, 16, 9, 7);
  auto const out = attend(c).out;
  for (std::size_t i = 0; i < out.size(); ++i) { CHECK(out[i] == c.v[i % 9]); }
}

TEST_CASE("NaN and infinity reach the rows that see them, and no others") {
  attention_case<float> c(1, 1, 20, 40, 8, 8, 190);
  c.problem.causal = true;
  auto const clean = attend(c, causal{}, on<scalar>());
  auto const rows_that_differ = [&] {
    auto const got = attend(c, causal{}, on<scalar>());
    std::vector<int> rows;
    for (int i = 0; i < 20; ++i) {
      bool differs = false;
      for (int j = 0; j < 8; ++j) {
        auto const at = static_cast<std::size_t>(i * 8 + j);
        differs = differs || !test::same_bits(got.out[at], clean.out[at]);
        if (differs) { CHECK(std::isnan(got.out[at])); }
      }
      if (differs) { rows.push_back(i); }
    }
    test::for_vector_archs(
        [&](auto arch) { CHECK(attend(c, causal{}, on<typename decltype(arch)::type>()).differences(got) == 0); });
    return rows;
  };
  float const nan = std::nanf("");
  auto const changed = [&](float& x, float to) {
    float const before = x;
    x = to;
    auto const rows = rows_that_differ();
    x = before;
    return rows;
  };
  // Query 18 stands at 38.
  CHECK(changed(c.k[38 * 8 + 3], nan) == std::vector<int>{18, 19});
  CHECK(changed(c.v[38 * 8], nan) == std::vector<int>{18, 19});
  CHECK(changed(c.v[39 * 8 + 7], std::numeric_limits<float>::infinity()) == std::vector<int>{19});
  CHECK(changed(c.q[5 * 8], nan) == std::vector<int>{5});
}

namespace {

/// Rows alone, whose keys and values are read where they are, that differ from the same among 40, where they are
/// copied.
template <class A, class T>
int rows_that_differ(octavo::index keys, octavo::index dim, octavo::index value_dim, bool taint = false) {
  octavo::index const queries = 40;
  attention_case<T> c(2, 1, queries, keys, dim, value_dim, 8);
  if (taint) {
    c.v[static_cast<std::size_t>((keys - 1) * value_dim + 7)] = T(std::numeric_limits<float>::infinity());
    c.v[static_cast<std::size_t>((keys - 3) * value_dim)] = T(std::nanf(""));
  }
  auto const all = attend(c, causal{}, on<A>()).out;
  int wrong = 0;
  for (octavo::index const n : {1, 5}) {  // two heads: 2 and 10 rows
    for (octavo::index first = queries - n; first >= queries - 10; first -= n) {
      std::vector<float> out(static_cast<std::size_t>(2 * n * value_dim));
      octavo::index const seen = keys - (queries - first - n);
      if (seen < 1) { break; }
      heads_view<T const> const q(c.q.data() + first * dim, dim, 2, n, queries * dim, dim);
      heads_view<T const> const k(c.k.data(), dim, 1, seen, keys * dim, dim);
      heads_view<T const> const v(c.v.data(), value_dim, 1, seen, keys * value_dim, value_dim);
      attention(q, k, v, heads_view<float>(out.data(), value_dim, 2, n, n * value_dim, value_dim), causal{}, on<A>());
      for (octavo::index h = 0; h < 2; ++h) {
        for (octavo::index i = 0; i < n * value_dim; ++i) {
          float const x = out[static_cast<std::size_t>(h * n * value_dim + i)];
          float const y = all[static_cast<std::size_t>((h * queries + first) * value_dim + i)];
          wrong += test::same_bits(x, y) || (taint && std::isnan(x) && std::isnan(y)) ? 0 : 1;
        }
      }
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("few rows read keys and values where they are: the bits are those of a copy") {
  test::for_archs([](auto arch) {
    using A = typename decltype(arch)::type;
    for (octavo::index const keys : {1, 17, 64, 65, 600}) {
      INFO(arch_name<A> << ", " << keys << " keys");
      CHECK(rows_that_differ<A, float>(keys, 33, 64) == 0);
      CHECK(rows_that_differ<A, f16>(keys, 64, 128) == 0);
      CHECK(rows_that_differ<A, bf16>(keys, 8, 80) == 0);
    }
    CHECK(rows_that_differ<A, float>(65, 16, 64, true) == 0);
    CHECK(rows_that_differ<A, f16>(600, 16, 64, true) == 0);
  });
}

TEST_CASE("heads that do not fit throw, with both extents in the text") {
  auto const error = [](octavo::index q_dim, octavo::index q_heads, octavo::index k_heads, octavo::index v_heads,
                        octavo::index v_keys, octavo::index out_dim, octavo::index out_queries) -> std::string {
    std::vector<float> m(4096);
    heads_view<float const> const q(m.data(), q_dim, q_heads, 3, 64, 16);
    heads_view<float const> const k(m.data(), 8, k_heads, 5, 64, 8);
    heads_view<float const> const v(m.data(), 8, v_heads, v_keys, 64, 8);
    heads_view<float> const out(m.data(), out_dim, 4, out_queries, 64, 16);
    bool const fits = can_attention(q, k, v, out);
    auto text = test::error_of([&] { attention(q, k, v, out); });
    CHECK(fits == (text == "no error"));
    return text;
  };
  CHECK(error(8, 4, 2, 2, 5, 8, 3) == "no error");
  CHECK(error(7, 4, 2, 2, 5, 8, 3) == "attention: Q has head_dim 7, K has 8. They must be equal.");
  CHECK(error(8, 4, 2, 2, 5, 9, 3) == "attention: V has head_dim 8, out has 9. They must be equal.");
  CHECK(error(8, 4, 2, 1, 5, 8, 3) == "attention: K has heads 2, V has 1. They must be equal.");
  CHECK(error(8, 4, 2, 2, 6, 8, 3) == "attention: K has keys 5, V has 6. They must be equal.");
  CHECK(error(8, 2, 2, 2, 5, 8, 3) == "attention: Q has heads 2, out has 4. They must be equal.");
  CHECK(error(8, 4, 2, 2, 5, 8, 2) == "attention: Q has queries 3, out has 2. They must be equal.");
  CHECK(error(8, 4, 3, 3, 5, 8, 3) ==
        "attention: Q has heads 4, K has 3. Query heads must be a multiple of kv heads.");
}
