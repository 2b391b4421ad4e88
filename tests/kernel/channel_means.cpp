// SPDX-License-Identifier: MIT
#include "octavo/kernel/channel_means.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <vector>

using namespace octavo;
using test::values;

TEST_CASE("means of channels, and tokens less them") {
  constexpr octavo::index n = 65;
  constexpr octavo::index stride = 140;
  auto const x = values(n * stride, 1);
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    for (octavo::index const channels :
         {octavo::index{1}, octavo::index{15}, octavo::index{33}, octavo::index{130}}) {
      std::vector<float> mean(static_cast<std::size_t>(channels));
      std::vector<float> less(mean.size());
      kernel::channel_means<A>(x.data(), stride, n, channels, mean.data());
      kernel::shifted_token<A>(x.data() + stride, mean.data(), channels, less.data());
      int wrong = 0;
      for (octavo::index c = 0; c < channels; ++c) {
        auto const at = static_cast<std::size_t>(c);
        float sum = 0;
        for (octavo::index t = 0; t < n; ++t) { sum += x[static_cast<std::size_t>(t * stride + c)]; }
        float const expected = sum / static_cast<float>(n);
        wrong += test::same_bits(mean[at], expected) ? 0 : 1;
        wrong += test::same_bits(less[at], x[static_cast<std::size_t>(stride + c)] - expected) ? 0 : 1;
      }
      CHECK(wrong == 0);
    }
  });
}
