// SPDX-License-Identifier: MIT
#include "octavo/ops/import_tokens.hpp"

#include "octavo/quant/schemes.hpp"
#include "octavo/storage/block_table.hpp"

#include "support/archs.hpp"
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

TEST_CASE(
    "a prefix of codes, outliers and floats counts as the floats that it stands for, on every instruction set") {
  using first = first_in_float<with_outliers<schemes::k2, 1>, 2>;
  auto const source = test::cache_of<first, with_outliers<k4, 2>>(150, 20, 9);
  auto const floats_of = [](auto const& side) {
    std::vector<float> x;
    for (octavo::index h = 0; h < 2; ++h) {
      for (octavo::index t = 0; t < 150; ++t) {
        for (octavo::index c = 0; c < side.head_dim(); ++c) { x.push_back(side(h, t, c)); }
      }
    }
    return x;
  };
  auto const k = floats_of(source.keys());
  auto const v = floats_of(source.values());
  kv_cache<k4, k8> expected({.head_dim = 20, .kv_heads = 2, .capacity = 150, .value_head_dim = 9});
  expected.append(heads_view<float const>(k.data(), 20, 2, 150, 150 * 20, 20),
                  heads_view<float const>(v.data(), 9, 2, 150, 150 * 9, 9));
  test::for_archs([&](auto arch) {
    kv_cache<k4, k8> cache({.head_dim = 20, .kv_heads = 2, .capacity = 150, .value_head_dim = 9});
    import_tokens(cache, source.keys(), source.values(), on<typename decltype(arch)::type>());
    CHECK(differences(cache.keys(), expected.keys()) == 0);
    CHECK(differences(cache.values(), expected.values()) == 0);
  });
}

TEST_CASE("a prefix of anything that gives numbers, without rows") {
  struct made {
    octavo::index channels;
    octavo::index head_dim() const { return channels; }
    octavo::index heads() const { return 2; }
    octavo::index tokens() const { return 70; }
    float operator()(octavo::index h, octavo::index t, octavo::index c) const {
      return static_cast<float>(1000 * h + 10 * t + c);
    }
  };
  kv_cache<float, float> cache({.head_dim = 4, .kv_heads = 2, .capacity = 70, .value_head_dim = 3});
  import_tokens(cache, made{4}, made{3});
  CHECK(differences(cache.keys(), made{4}) == 0);
  CHECK(differences(cache.values(), made{3}) == 0);
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
