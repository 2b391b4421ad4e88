// SPDX-License-Identifier: MIT
#include "octavo/kernel/page_keys.hpp"

#include "octavo/quant/affine.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/caches.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

/// Scores of three queries and all keys of a leaf that begins with key 512, as the order of page_keys has them.
template <class A, class K>
void check_keys(octavo::index d) {
  auto const cache = test::cache_of<K, k8>(700, d, 8);
  auto const q = test::values(4 * d, 3);
  kernel::page_keys<A, q8::quantizer, float, K> keys({q.data(), d, 4, 1, d, d}, cache.keys(), 0.5f);
  std::vector<float> scratch(static_cast<std::size_t>(keys.scratch(4)));
  keys.use(scratch.data(), 4);
  keys.load_rows({1, 2}, 0, 2);  // heads 2 and 3
  keys.load_leaf(1, 512, 188);
  constexpr auto W = keys.width;
  std::vector<float> scores(2 * W);
  int wrong = 0;
  constexpr int T = keys.tokens < 2 ? 1 : 2;
  for (octavo::index b = 0; b < ceil_div(188, W); ++b) {
    keys.template multiply<T>(0, b, scores.data());
    for (octavo::index i = 0; i < T * W && b * W + i % W < 188; ++i) {
      float const* const x = q.data() + (2 + i / W) * d;
      auto const p = q8::quantizer::calibrate({x, static_cast<std::size_t>(d)});
      double exact = 0;
      for (octavo::index c = 0; c < d; ++c) {
        exact += static_cast<double>(int8::decode(q8::quantizer::encode(x[c], p))) *
                 static_cast<double>(cache.keys()(1, 512 + b * W + i % W, c));
      }
      wrong += std::abs(static_cast<double>(scores[static_cast<std::size_t>(i)]) - exact) < 1e-3 ? 0 : 1;
      wrong += keys.factor(i / W) == p.scale * 0.5f ? 0 : 1;
    }
  }
  INFO(arch_name<A> << ", " << d << " channels");
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("page_keys give scores of keys as they are stored") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    for (octavo::index const d : {1, 63, 130}) {
      check_keys<A, k8>(d);
      check_keys<A, k4>(d);
    }
  });
}

TEST_CASE("a leaf of keys asks for codes of later pages and for parameters of values") {
  auto const cache = test::cache_of<k2, v2>(256, 128, 8);
  auto const at = cache.keys().places();
  CHECK(at.key_codes == cache.keys().layout().params_at(0));
  CHECK(at.value_codes == cache.values().layout().params_at(0));
  kernel::leaf_of_keys<scalar> leaf;
  leaf.load(at, 1, 0, 4, 8);
  CHECK(leaf.ahead == 3);  // 8 KB
  CHECK(leaf.after(0).next == at.keys(1, 3));
  CHECK(leaf.after(0).end == at.keys(1, 3) + at.key_codes);
  CHECK(leaf.after(2).next == at.values(1, 1));
  CHECK(leaf.after(2).end == at.values(1, 1) + at.value_codes);
  CHECK(leaf.params_of_values(1).next == at.values(1, 1) + at.value_codes);
  CHECK(leaf.params_of_values(1).end == at.values(1, 1) + at.value_bytes);
}
