// SPDX-License-Identifier: MIT
// Keys of a cache that are turned when they are read: the bits of keys that were turned before.
#include "octavo/ops/attention.hpp"
#include "octavo/ops/rope.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/check_cache_attention.hpp"
#include "support/errors.hpp"

using namespace octavo;
using namespace octavo::schemes;
using test::attend_cache;
using test::attention_case;
using test::differences;
using test::filled;

namespace {

/// The keys that a cache holds, turned to their positions.
template <class Cache>
void turn(attention_case<float>& c, Cache const& cache, rope_table const& table) {
  c = test::of_pages(c, cache);
  auto const& p = c.problem;
  rope(heads_view<float>(c.k.data(), p.head_dim, p.kv_heads, p.keys, p.keys * p.head_dim, p.head_dim), 0, table,
       on<scalar>());
}

template <class K>
void check(octavo::index keys, octavo::index d, rope_table const& table) {
  attention_case<float> c(4, 2, 3, keys, d, 20, 13);
  auto const cache = filled<K, float>(c);
  auto turned = c;
  turn(turned, cache, table);
  test::values_of_floats expected;
  attention(c.queries(), turned.keys(), turned.values(), test::output(c, expected), causal{}, on<scalar>());
  INFO(keys << " keys, " << d << " channels");
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(differences(attend_cache<as_is, as_is>(c, cache, causal{}, key_rope{table}, on<A>()), expected) == 0);
  });
}

}  // namespace

TEST_CASE("keys of a cache that are turned when they are read have the bits of rope") {
  for (octavo::index const keys : {1, 65, 600}) {
    check<k2>(keys, 24, rope_table(24, 600));
    check<k2>(keys, 17, rope_table(12, keys, rope_plain{}, rope_pairs::neighbours));  // as many positions as keys
  }
}

TEST_CASE("key_rope refuses tables that do not fit") {
  attention_case<float> c(2, 2, 1, 5, 8, 6, 12);
  auto const cache = filled<k2, float>(c);
  auto const with = [&](rope_table const& table) {
    return test::error_of(
        [&] { (void)attend_cache<as_is, as_is>(c, cache, causal{}, key_rope{table}, on<scalar>()); });
  };
  CHECK(with(rope_table(8, 4)) ==
        "attention: key_rope has positions 4, K has keys 5. Make a rope_table of more positions.");
  CHECK(with(rope_table(10, 5)) ==
        "attention: key_rope turns channels 10, K has head_dim 8. It turns at most as many.");
}
