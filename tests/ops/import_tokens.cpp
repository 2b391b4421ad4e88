// SPDX-License-Identifier: MIT
#include "octavo/ops/import_tokens.hpp"

#include "octavo/quant/schemes.hpp"
#include "octavo/storage/block_table.hpp"

#include "support/caches.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"

#include <vector>

using namespace octavo;
using schemes::k4;
using schemes::k8;

namespace {

template <class A, class B>
int differences(A const& a, B const& b) {
  int n = a.tokens() == b.tokens() ? 0 : 1000000;
  for (octavo::index h = 0; h < a.heads(); ++h) {
    for (octavo::index t = 0; t < a.tokens(); ++t) {
      for (octavo::index c = 0; c < a.head_dim(); ++c) { n += a(h, t, c) == b(h, t, c) ? 0 : 1; }
    }
  }
  return n;
}

}  // namespace

TEST_CASE("a prefix from a cache that holds floats is as good as the floats") {
  auto const source = test::cache_of<float, float>(130, 20, 9);
  auto const expected = test::cache_of<k4, k8>(130, 20, 9);
  kv_cache<k4, k8> cache({.head_dim = 20, .kv_heads = 2, .capacity = 200, .value_head_dim = 9});
  import_tokens(cache, source.keys(), source.values());
  CHECK(differences(cache.keys(), expected.keys()) == 0);
  CHECK(differences(cache.values(), expected.values()) == 0);
  CHECK(test::error_of([&] { import_tokens(cache, source.keys(), source.values()); }) ==
        "import_tokens: there is room for tokens 70, given are 130. Truncate, or make a cache of more capacity.");
  CHECK(cache.tokens() == 130);
}

TEST_CASE("a prefix from blocks of a server") {
  octavo::index const table[] = {2, 0};
  block_table const at{table, 16, 20, 3};
  auto const k = test::values(3 * 16 * 2 * 8, 3);
  auto const v = test::values(3 * 16 * 2 * 5, 4);
  block_table_keys<float> const keys(k.data(), at, 8, 2);
  block_table_values<float> const values(v.data(), at, 5, 2);
  kv_cache<float, float> cache({.head_dim = 8, .kv_heads = 2, .capacity = 20, .value_head_dim = 5});
  import_tokens(cache, keys, values);
  CHECK(differences(cache.keys(), keys) == 0);
  CHECK(differences(cache.values(), values) == 0);
  kv_cache<float, float> other({.head_dim = 8, .kv_heads = 3, .capacity = 20, .value_head_dim = 5});
  CHECK(test::error_of([&] { import_tokens(other, keys, values); }).find("keys have heads 2, the cache 3") !=
        std::string::npos);
  CHECK(other.tokens() == 0);
  CHECK(test::error_of([&] { import_tokens(cache, keys, cache.values()); }) != "no error");
}
