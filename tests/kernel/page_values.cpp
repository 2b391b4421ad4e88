// SPDX-License-Identifier: MIT
#include "octavo/kernel/page_values.hpp"

#include "octavo/quant/affine.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/caches.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

/// One row of weights over keys [70, 100) of a leaf: the sums that page_values documents, in double.
template <class A, class V>
void check_values(octavo::index e) {
  auto const cache = test::cache_of<k8, V>(640, 8, e);
  kernel::page_values<A, V> values(cache.values());
  std::vector<float> scratch(static_cast<std::size_t>(values.scratch()));
  values.use(scratch.data());
  values.load_leaf(1, 512, 128);
  constexpr octavo::index W = kernel::short_registers<A> * simd::lanes<A>;
  octavo::index const low = 64 / W * W;
  octavo::index const high = 112;
  std::vector<float> weights(528, -1.0f);  // what is not covered is not read
  auto const w = test::values(48, 5);
  for (octavo::index j = low; j < high; ++j) {
    weights[static_cast<std::size_t>(j)] = std::abs(w[static_cast<std::size_t>(j - low)]);
  }
  auto const given = weights;
  CHECK(values.settle(0, weights.data(), low, high, 3.0f) == 3.0f);
  std::vector<float> out(static_cast<std::size_t>(values.width));
  int wrong = 0;
  for (octavo::index b = 0; b < values.blocks(); ++b) {
    values.template multiply<1>(0, weights.data(), 528, b, low, high, out.data());
    for (octavo::index r = 0; r < values.width && b * values.width + r < e; ++r) {
      octavo::index const c = b * values.width + r;
      octavo::index const group = detail::channel_group<typename V::granularity>(e);
      double exact = 0;
      double weighed = 0;
      for (octavo::index j = low; j < high; ++j) {
        double const p = static_cast<double>(given[static_cast<std::size_t>(j)]);
        exact += p * static_cast<double>(cache.values()(1, 512 + j, c));
        // Half a step of a byte, times what a code can be: at most 2.1 of the largest value of the group.
        double most = 0;
        for (octavo::index i = c / group * group; i < std::min(e, (c / group + 1) * group); ++i) {
          most = std::max(most, std::abs(static_cast<double>(cache.values()(1, 512 + j, i))));
        }
        weighed = std::max(weighed, p * most);
      }
      double const bound = 48 * weighed * 2.1 / 510;
      wrong += std::abs(static_cast<double>(out[static_cast<std::size_t>(r)]) - exact) <= bound ? 0 : 1;
    }
  }
  INFO(arch_name<A> << ", " << e << " channels");
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("page_values weigh values as they are stored") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    for (octavo::index const e : {3, 65, 128}) {
      check_values<A, k8>(e);
      check_values<A, k4>(e);
      check_values<A, v2>(e);
    }
  });
}
